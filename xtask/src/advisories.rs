//! `cargo xtask advisories`: looks for dependencies with an advisory of `RustSec`. Advisories come from the network, and
//! change without a commit, so this is no part of CI.

use std::io::Write;
use std::process::Command;

use crate::Exit;
use crate::cargo_tools::DENY;
use crate::tools;

/// Runs cargo-deny, which writes to the streams of this process.
pub fn run(err: &mut dyn Write) -> Exit {
    check().unwrap_or_else(|error| {
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

fn check() -> Result<Exit, String> {
    let program = DENY.provide()?;
    let status = Command::new(&program)
        .args(["--locked", "--workspace", "check", "advisories"])
        .current_dir(tools::workspace())
        .status()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Differs
    })
}
