//! Replaces files atomically: a reader sees the whole old file or the whole new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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

/// A file to replace.
pub(crate) struct Replacement {
    pub(crate) path: PathBuf,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// Replaces files one after the other. If one of them cannot be replaced, those before it get their old content back.
pub(crate) fn replace_all(files: &[Replacement]) -> Result<(), (&Path, io::Error)> {
    for (done, file) in files.iter().enumerate() {
        if let Err(error) = write(&file.path, file.new.as_bytes()) {
            for earlier in files.iter().take(done) {
                // The first error is the one to report. A file that stays new is new as a whole.
                let _ = write(&earlier.path, earlier.old.as_bytes());
            }
            return Err((&file.path, error));
        }
    }
    Ok(())
}

/// Makes sure that the rename is on the disk. Only Unix can sync a folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_a_file_cannot_be_replaced_those_before_it_are_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| Replacement {
            path: folder.path().join(name),
            old: format!("old {name}"),
            new: format!("new {name}"),
        };
        let text = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), format!("old {name}")).unwrap();
        }
        let files = [file("a"), file("missing/folder"), file("b")];
        let (failed, _) = replace_all(&files).unwrap_err();
        assert_eq!(failed, folder.path().join("missing/folder"));
        assert_eq!(
            (text("a"), text("b")),
            ("old a".to_owned(), "old b".to_owned())
        );

        replace_all(&[file("a"), file("b")]).unwrap();
        assert_eq!(
            (text("a"), text("b")),
            ("new a".to_owned(), "new b".to_owned())
        );
    }
}
