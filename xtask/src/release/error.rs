//! Why a rehearsal fails.

use std::io;
use std::path::PathBuf;

use image_pins::{FileError, ReferenceError};

use crate::Exit;
use crate::git::GitError;
use crate::registry::SendError;
use crate::source_date::SourceDateError;

/// Why a rehearsal fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum RehearsalError {
    /// The scratch folder cannot be used.
    #[error("--scratch {}: {error}", .path.display())]
    Scratch {
        /// The folder, or what is in it.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The scratch folder has a rehearsal of another commit.
    #[error(
        "--scratch {} has a rehearsal of the commit {found}, not of {wanted}: remove the folder, or choose another one", .path.display()
    )]
    OtherCommit {
        /// The folder.
        path: PathBuf,
        /// The commit that was rehearsed there.
        found: String,
        /// The commit of the workspace.
        wanted: String,
    },
    /// The clone would replace what this workspace has built: cargo takes the packages of both for the same.
    #[error(
        "--target-dir {} is the target folder of this workspace: choose another one", .0.display()
    )]
    SharedTarget(PathBuf),
    /// The workspace is not a checkout of git, or git cannot be run.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The time of the release is not known.
    #[error(transparent)]
    Date(#[from] SourceDateError),
    /// The list of components cannot be read.
    #[error(transparent)]
    Components(FileError),
    /// The name of a component or of a tag is not valid.
    #[error(transparent)]
    Name(ReferenceError),
    /// The local registry cannot be reached.
    #[error("{0}")]
    Access(String),
    /// The operating system provides no event queue.
    #[error("cannot wait for a network: {0}")]
    Runtime(io::Error),
    /// The local registry does not start.
    #[error("the local registry does not start: {0}")]
    Registry(String),
    /// The images cannot be made in the local registry.
    #[error("{place} cannot be made: {error}")]
    Image {
        /// The name of the image, with its tag.
        place: String,
        /// Why not.
        error: Box<SendError>,
    },
    /// A command cannot be run.
    #[error("cannot run {command}: {error}")]
    Run {
        /// The command line.
        command: String,
        /// Why not.
        error: io::Error,
    },
    /// A step of the release failed.
    #[error("the rehearsal ends, because this failed ({status}):\n  {command}")]
    Step {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// What was built is not what was published.
    #[error("{what} does not install what was published: {problem}")]
    Outcome {
        /// What was built.
        what: String,
        /// The difference.
        problem: String,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl RehearsalError {
    /// Returns how the task ends.
    pub fn exit(&self) -> Exit {
        match self {
            RehearsalError::Image { .. }
            | RehearsalError::Step { .. }
            | RehearsalError::Outcome { .. } => Exit::Differs,
            _ => Exit::Refused,
        }
    }
}
