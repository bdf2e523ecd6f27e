//! `cargo xtask ci`: runs what CI runs. The list of steps is `.ci/run`, which works without this program, too.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::Exit;
use crate::tools::workspace;

/// Runs the steps. They write to the streams of this process.
pub fn run(err: &mut dyn Write) -> Exit {
    steps(&workspace().join(".ci/run"), err)
}

fn steps(script: &Path, err: &mut dyn Write) -> Exit {
    match Command::new("bash").arg(script).status() {
        Ok(status) if status.success() => Exit::Done,
        // The script has said which step failed.
        Ok(_) => Exit::Differs,
        Err(error) => {
            let _ = writeln!(
                err,
                "error: cannot run bash, which {} needs: {error}",
                script.display()
            );
            Exit::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_task() {
        let folder = tempfile::tempdir().unwrap();
        for (text, want) in [("true", Exit::Done), ("exit 3", Exit::Differs)] {
            let script = folder.path().join("run");
            std::fs::write(&script, text).unwrap();
            assert_eq!(steps(&script, &mut Vec::new()), want, "{text}");
        }
    }
}
