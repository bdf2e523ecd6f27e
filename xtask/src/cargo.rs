//! How tasks run cargo again: its program and the folder that it builds in.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the cargo that has started this program.
pub(crate) fn command() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the folder of what cargo builds in a workspace.
pub(crate) fn target_folder(workspace: &Path) -> PathBuf {
    workspace.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
