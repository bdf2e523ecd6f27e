//! Runs the commands of a rehearsal, and prints each before it runs.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::RehearsalError;
use super::scratch::{self, Scratch};
use super::steps::Step;
use crate::cargo;
use crate::flags::Release;
use crate::output::print;
use crate::source_date::{self, SourceDate};

/// Variables that would make the tasks build something else, or somewhere else.
const UNSET: [&str; 4] = [
    "OSM_RELEASE",
    "OSM_COMMIT",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_MANIFEST_DIR",
];

/// Runs commands in the clone of the workspace.
pub(super) struct Shell<'o> {
    out: &'o mut dyn Write,
    workspace: PathBuf,
    target: PathBuf,
    /// The time of everything that is made.
    date: SourceDate,
}

impl<'o> Shell<'o> {
    pub fn new(
        out: &'o mut dyn Write,
        scratch: &Scratch,
        workspace: &Path,
        flags: &Release,
    ) -> Result<Shell<'o>, RehearsalError> {
        let target = match &flags.target_dir {
            Some(target) => {
                std::path::absolute(target).map_err(|error| RehearsalError::Scratch {
                    path: target.clone(),
                    error,
                })?
            }
            None => scratch.path().join("target"),
        };
        if target == cargo::target_folder(workspace) {
            return Err(RehearsalError::SharedTarget(target));
        }
        Ok(Shell {
            out,
            workspace: scratch.workspace(),
            target,
            date: SourceDate::of(workspace)?,
        })
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) -> Result<(), RehearsalError> {
        print(self.out, &format!("{line}\n")).map_err(RehearsalError::Output)
    }

    /// Runs a step of the release in the clone.
    pub fn run(&mut self, step: &Step) -> Result<(), RehearsalError> {
        match step {
            Step::Task(arguments) => {
                let line = format!("cargo xtask {}", arguments.join(" "));
                self.execute(self.task(arguments), &line)
            }
            Step::TaskInto(arguments, file) => {
                let line = format!("cargo xtask {} > {file}", arguments.join(" "));
                let created = File::create(file).map_err(|error| RehearsalError::Scratch {
                    path: file.into(),
                    error,
                })?;
                let mut command = self.task(arguments);
                command.stdout(created);
                self.execute(command, &line)
            }
            Step::Git(arguments) => self.git(arguments),
            Step::Commit(message) => {
                self.git(&["add", "--all"])?;
                match scratch::has_changes(&self.workspace)? {
                    true => self.git(&["commit", "--quiet", "--message", message]),
                    false => self.say("# nothing to commit"),
                }
            }
        }
    }

    fn git<S: AsRef<str>>(&mut self, arguments: &[S]) -> Result<(), RehearsalError> {
        let workspace = self.workspace.clone();
        self.git_in(&workspace, arguments)
    }

    /// Runs git in a folder.
    pub fn git_in<S: AsRef<str>>(
        &mut self,
        folder: &Path,
        arguments: &[S],
    ) -> Result<(), RehearsalError> {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut command = Command::new("git");
        // No settings of the user stop it, and the same rehearsal makes the same commits.
        for setting in [
            "commit.gpgSign=false",
            "tag.gpgSign=false",
            "core.hooksPath=/dev/null",
        ] {
            command.args(["-c", setting]);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "rehearsal")
                .env(format!("GIT_{role}_EMAIL"), "rehearsal@localhost")
                .env(
                    format!("GIT_{role}_DATE"),
                    format!("{} +0000", self.date.seconds()),
                );
        }
        command.args(&arguments).current_dir(folder);
        self.execute(command, &format!("git {}", arguments.join(" ")))
    }

    /// Runs a program, and returns what it prints.
    pub fn output(&mut self, program: &Path, arguments: &[&str]) -> Result<String, RehearsalError> {
        let line = format!("{} {}", program.display(), arguments.join(" "));
        self.say(&format!("$ {line}"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let command_line = line.clone();
        let output = command.output().map_err(|error| RehearsalError::Run {
            command: command_line,
            error,
        })?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(RehearsalError::Step {
                command: line,
                status: output.status,
            }),
        }
    }

    fn task(&self, arguments: &[String]) -> Command {
        let mut command = cargo::command();
        command
            .arg("xtask")
            .args(arguments)
            .current_dir(&self.workspace)
            .env("CARGO_TARGET_DIR", &self.target)
            .env(source_date::VARIABLE, self.date.seconds().to_string());
        for variable in UNSET {
            command.env_remove(variable);
        }
        command
    }

    fn execute(&mut self, mut command: Command, line: &str) -> Result<(), RehearsalError> {
        self.say(&format!("$ {line}"))?;
        let status = command.stdin(Stdio::null()).status();
        let command = line.to_owned();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(RehearsalError::Step { command, status }),
            Err(error) => Err(RehearsalError::Run { command, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_of_the_workspace_is_not_shared() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(Some(folder.path())).unwrap();
        let workspace = crate::tools::workspace();
        let mut flags = Release {
            release: "v1.2.5".parse().unwrap(),
            scratch: None,
            target_dir: None,
            profile: None,
            seed: 1,
        };
        assert!(Shell::new(&mut Vec::new(), &scratch, &workspace, &flags).is_ok());
        flags.target_dir = Some(cargo::target_folder(&workspace));
        let mut out = Vec::new();
        let shared = Shell::new(&mut out, &scratch, &workspace, &flags);
        let error = shared.err().unwrap().to_string();
        assert!(error.starts_with("--target-dir "), "{error}");
    }
}
