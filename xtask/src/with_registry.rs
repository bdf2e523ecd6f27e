//! Runs a task that talks to registries, in an xtask that can: this one is built without a TLS stack.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::cargo;
use crate::tools::workspace;

/// Runs the task of this process in an xtask with the feature `registry`, which is built if necessary.
pub fn run(err: &mut dyn Write) -> ExitCode {
    match command(&workspace(), env::args_os().skip(1)).status() {
        // A task that was killed has no code.
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            let _ = writeln!(err, "error: cannot run cargo: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns the command. Its program goes elsewhere, because this one runs and cannot be replaced on every system.
fn command(workspace: &Path, arguments: impl Iterator<Item = OsString>) -> Command {
    let target = cargo::target_folder(workspace);
    let mut command = cargo::command();
    command
        .args([
            "run",
            "--quiet",
            "--package",
            "xtask",
            "--features",
            "registry",
        ])
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target.join("with-registry"))
        .env("CARGO_BUILD_BUILD_DIR", target)
        .arg("--")
        .args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_gets_the_same_arguments() {
        let given = ["publish-images", "--from", "a b", "v1.2.5", "--confirm"].map(OsString::from);
        let command = command(Path::new("/w"), given.clone().into_iter());
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let split = arguments
            .iter()
            .position(|argument| argument == "--")
            .unwrap();
        let (own, task) = arguments.split_at(split);
        assert_eq!(task[1..], given);
        let features = own
            .iter()
            .position(|argument| argument == "--features")
            .unwrap();
        assert_eq!(own[features + 1], "registry");
    }
}
