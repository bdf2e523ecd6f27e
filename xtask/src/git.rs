//! Asks git about a workspace.

use std::io;
use std::path::Path;
use std::process::Command;

/// Variables that git sets for hooks. They would name another repository than that of the workspace.
const OF_HOOKS: [&str; 4] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"];

/// Why git has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program cannot be run.
    #[error("cannot run git: {0}")]
    Run(io::Error),
    /// The program failed.
    #[error("git {command} failed: {message}")]
    Failed {
        /// The arguments.
        command: String,
        /// What git wrote to standard error.
        message: String,
    },
    /// The answer is not UTF-8.
    #[error("git {command}: the answer is not UTF-8")]
    NotText {
        /// The arguments.
        command: String,
    },
}

/// Runs git in a workspace, and returns what it writes to standard output.
pub(crate) fn git(workspace: &Path, arguments: &[&str]) -> Result<String, GitError> {
    let mut command = Command::new("git");
    // A question takes no lock, so that it cannot disturb another git.
    command
        .arg("-C")
        .arg(workspace)
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0");
    for variable in OF_HOOKS {
        command.env_remove(variable);
    }
    let output = command.output().map_err(GitError::Run)?;
    let command = || arguments.join(" ");
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(GitError::Failed {
            command: command(),
            message: message.trim().to_owned(),
        });
    }
    String::from_utf8(output.stdout).map_err(|_| GitError::NotText { command: command() })
}
