//! Why a task of `cargo xtask github` fails.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use image_pins::{ReleaseName, ReleaseNameError};
use thiserror::Error;

use crate::Exit;

/// Why a task fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitHubError {
    /// No tag has started the workflow.
    #[error(
        "GITHUB_REF_NAME is {found}: this task runs in a workflow that a tag {expected} has started"
    )]
    NoTag {
        /// The value of the variable.
        found: String,
        /// The form of the tag.
        expected: &'static str,
    },
    /// The tag names no version.
    #[error("the tag {tag} names no release: {reason}; delete the tag and push the right one")]
    NotARelease {
        /// The tag.
        tag: String,
        /// Why its version is none.
        reason: ReleaseNameError,
    },
    /// A file cannot be read or written.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
    /// A program is missing.
    #[error("cannot run {program}, which every runner of GitHub has: {reason}")]
    NoProgram {
        /// The program.
        program: String,
        /// Why.
        reason: io::Error,
    },
    /// A program has failed.
    #[error("`{command}` failed ({status}): {said}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its standard error.
        said: String,
    },
    /// A program says something else than expected.
    #[error("`{command}` printed something unexpected: {reason}")]
    Answer {
        /// The command line.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The commit is not one that a release is made from.
    #[error(
        "commit {0} is neither on `main` nor on a branch `release-*` of `origin`: tag a commit of one of them"
    )]
    NotOnABranch(String),
    /// Another person has pushed to the branch.
    #[error(
        "branch {branch} of `origin` has other content (commit {found}; these pins: {ours}): \
         merge its pull request, or delete the branch and run this again"
    )]
    BranchDiffers {
        /// The branch.
        branch: String,
        /// The commit of the branch.
        found: String,
        /// The commit with the changes of the working tree.
        ours: String,
    },
    /// A folder has nothing to release.
    #[error("{}: {reason}", .folder.display())]
    Files {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is more than one release of this name.
    #[error(
        "there are {count} releases {release} on GitHub: delete those that are not published (gh release delete), and run this again"
    )]
    Several {
        /// The release.
        release: ReleaseName,
        /// How many there are.
        count: usize,
    },
    /// Nothing can be published.
    #[error("there is no release {0} on GitHub: create its draft with `cargo xtask github draft`")]
    NoDraft(ReleaseName),
    /// A release has other files than the folder.
    #[error("the {state} release {release} on GitHub has other files than {}:{}", .folder.display(), lines(.differences))]
    Differs {
        /// `draft` or `published`.
        state: &'static str,
        /// The release.
        release: ReleaseName,
        /// The folder.
        folder: PathBuf,
        /// The differences.
        differences: Vec<String>,
    },
    /// The release is still a draft after it was published.
    #[error("release {0} is still a draft: publish it with `cargo xtask github publish`")]
    StillADraft(ReleaseName),
}

impl GitHubError {
    /// Returns how the task ends.
    pub fn exit(&self) -> Exit {
        match self {
            GitHubError::NoTag { .. }
            | GitHubError::NotARelease { .. }
            | GitHubError::File { .. }
            | GitHubError::Output(_)
            | GitHubError::NoProgram { .. }
            | GitHubError::Files { .. } => Exit::Refused,
            GitHubError::Failed { .. }
            | GitHubError::Answer { .. }
            | GitHubError::NotOnABranch(_)
            | GitHubError::BranchDiffers { .. }
            | GitHubError::Several { .. }
            | GitHubError::NoDraft(_)
            | GitHubError::Differs { .. }
            | GitHubError::StillADraft(_) => Exit::Differs,
        }
    }
}

fn lines(of: &[String]) -> String {
    of.iter().map(|line| format!("\n  {line}")).collect()
}
