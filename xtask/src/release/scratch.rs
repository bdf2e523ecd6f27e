//! The folder of a rehearsal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::RehearsalError;
use crate::git::git;

/// The folder of a rehearsal.
pub(super) struct Scratch {
    path: PathBuf,
    /// Removes the folder in the end, if nobody wants to keep it.
    _temporary: Option<TempDir>,
}

impl Scratch {
    /// Opens a folder that is kept, or else a temporary one.
    pub fn open(kept: Option<&Path>) -> Result<Scratch, RehearsalError> {
        let (path, temporary) = match kept {
            Some(path) => {
                fs::create_dir_all(path).map_err(failed(path))?;
                (path.to_owned(), None)
            }
            None => {
                let folder = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let path = path.canonicalize().map_err(failed(&path))?;
        Ok(Scratch {
            path,
            _temporary: temporary,
        })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the clone of the workspace.
    pub fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// Creates a folder in it.
    pub fn folder(&self, name: &str) -> Result<String, RehearsalError> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(failed(&path))?;
        Ok(path.display().to_string())
    }
}

/// Returns the error of a path.
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> RehearsalError {
    let path = path.to_owned();
    |error| RehearsalError::Scratch { path, error }
}

/// Returns whether there are changes that are not committed.
pub(super) fn has_changes(workspace: &Path) -> Result<bool, RehearsalError> {
    Ok(!git(workspace, &["status", "--porcelain"])?.is_empty())
}
