//! Runs a linter that `cargo xtask test` provides.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program that a variable names in a folder. Returns whether it found nothing, and what it said.
pub(crate) fn lint<A: AsRef<OsStr>>(
    variable: &str,
    arguments: impl IntoIterator<Item = A>,
    folder: &Path,
) -> (bool, String) {
    let program = std::env::var_os(variable).expect("run `cargo xtask test`");
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [stdout, stderr].concat();
    (status.success(), String::from_utf8(said).unwrap())
}
