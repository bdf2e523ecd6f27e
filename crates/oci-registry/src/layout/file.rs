//! A file that several tasks read and write at different positions.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::error::ArchiveReason;

/// Runs work on a file on a thread that may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveReason> + Send + 'static,
) -> Result<T, ArchiveReason> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ArchiveReason::io("work on the file")(io::Error::other(
            error,
        ))),
    }
}

/// Writes all bytes at a position. No other position of the file matters.
#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, position)
}

/// Writes all bytes at a position. It moves the cursor of the file, which nothing else uses.
#[cfg(windows)]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills the buffer from a position.
///
/// # Errors
/// Among others, [`io::ErrorKind::UnexpectedEof`]: the file ends before.
#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, position)
}

/// Fills the buffer from a position. It moves the cursor of the file, which nothing else uses.
///
/// # Errors
/// Among others, [`io::ErrorKind::UnexpectedEof`]: the file ends before.
#[cfg(windows)]
pub(super) fn read_exact_at(
    file: &File,
    mut buffer: &mut [u8],
    mut position: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = buffer.get_mut(count..).unwrap_or_default();
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a file for reading and writing and creates it if it is missing. A symbolic link is not followed: in a folder
/// that others write, it could lead to a file that must not change.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// Returns whether the path still leads to this open file, and not to one that took its name.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => open.dev() == named.dev() && open.ino() == named.ino(),
        _ => false,
    }
}

/// Returns whether the path still leads to a file, as far as the standard library can tell here.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.is_file()
}

/// Returns how many bytes of the disk a file takes; fewer than its length, if it has holes.
#[cfg(unix)]
pub(super) fn allocated(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path).map_or(0, |file| file.blocks().saturating_mul(512))
}

/// Returns the length of a file: the standard library cannot tell what it takes of the disk here.
#[cfg(not(unix))]
pub(super) fn allocated(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).map_or(0, |file| file.len())
}

/// Returns how many bytes this user can still write to the disk of a folder. `None` if it is unknown.
#[cfg(unix)]
pub(super) fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    // Some network file systems answer with zeros.
    (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Returns `None`: the standard library cannot tell here.
#[cfg(not(unix))]
pub(super) fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Makes sure that the names in a folder survive a loss of power.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Not every file system can do it for a folder.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Does nothing: a folder cannot be opened here.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_renamed_or_replaced_is_not_at_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        let file = open_or_create(&path).unwrap();
        assert!(is_at(&file, &path));
        std::fs::rename(&path, folder.path().join("a")).unwrap();
        assert!(!is_at(&file, &path));
        let other = open_or_create(&path).unwrap();
        assert!(!is_at(&file, &path));
        assert!(is_at(&other, &path));
    }

    #[test]
    fn a_hole_takes_no_space() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.part");
        assert_eq!(allocated(&path), 0);
        let file = open_or_create(&path).unwrap();
        write_all_at(&file, &[1; 4096], 1 << 30).unwrap();
        file.sync_all().unwrap();
        assert!((4096..1 << 20).contains(&allocated(&path)));
    }
}
