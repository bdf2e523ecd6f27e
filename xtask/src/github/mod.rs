//! `cargo xtask github`: what workflows need from GitHub itself. It calls `git` and `gh`, which every runner of GitHub has.
//!
//! A change is made with `--confirm` only. Each task looks at what is there first, so that it can be repeated after any failure.

mod error;
mod files;
mod programs;
mod pull_request;
mod release;
mod tag;

use std::io::Write;

pub use error::GitHubError;

use crate::Exit;
use crate::flags::GitHub;
use programs::Programs;

/// Runs a task. Errors are written to `err`.
pub fn run(flags: &GitHub, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let done = match flags {
        GitHub::Tag { pre_release } => tag::run(*pre_release, out),
        GitHub::PullRequest { release, confirm } => {
            pull_request::open(release, &mut Programs::new(*confirm, out))
        }
        GitHub::Draft {
            files,
            notes,
            confirm,
        } => release::draft(files, notes.as_deref(), &mut Programs::new(*confirm, out)),
        GitHub::Compare(files) => release::compare(files, &mut Programs::new(false, out)),
        GitHub::Publish { files, confirm } => {
            release::publish(files, &mut Programs::new(*confirm, out))
        }
    };
    match done {
        Ok(()) => Exit::Done,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = writeln!(err, "error: {error}").and_then(|()| err.flush());
            error.exit()
        }
    }
}
