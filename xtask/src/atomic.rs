//! Replaces a file atomically: a reader sees the whole old file or the whole new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces a file: writes a temporary file next to it, syncs and renames it, and syncs the folder.
///
/// The name of the temporary file begins with a dot and does not end in `.toml`, so that a file left behind by a killed
/// process is never read as a pin file. On failure the temporary file is removed and the old file is unchanged.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the path of a file",
        ));
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        // The permissions of a new file, which the umask of the process restricts.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes sure that the rename is on the disk. Only Unix can sync a folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}
