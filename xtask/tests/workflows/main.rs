//! The workflows of this repository: their rules, the linters for workflows, and runs of them on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod github;
#[path = "../common/lint.rs"]
mod lint;
mod linters;
mod rules;
#[cfg(feature = "registry")]
mod runs;
mod tasks;

use std::path::PathBuf;

use xtask::tools;

/// The folder of the workflows.
fn folder() -> PathBuf {
    tools::workspace().join(".github/workflows")
}

/// The text of a workflow.
fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}
