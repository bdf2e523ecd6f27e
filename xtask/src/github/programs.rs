//! Calls `git` and `gh`: reads at once, and changes something only if that is confirmed.

use std::io::Write;
use std::process::Command;

use serde::de::DeserializeOwned;

use super::GitHubError;
use crate::output::print;

/// Returns a call of git. Where a server asks for credentials, gh answers with the token of the workflow, which is not
/// stored in the checkout.
pub(super) fn git() -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "credential.helper="])
        .args(["-c", "credential.helper=!gh auth git-credential"])
        .env("GIT_TERMINAL_PROMPT", "0");
    git
}

/// Returns a call of gh that never asks a person.
pub(super) fn gh() -> Command {
    let mut gh = Command::new("gh");
    gh.env("GH_PROMPT_DISABLED", "1");
    gh
}

/// Runs programs for a task, and prints what it does.
pub(super) struct Programs<'a> {
    confirm: bool,
    out: &'a mut dyn Write,
}

impl<'a> Programs<'a> {
    pub(super) fn new(confirm: bool, out: &'a mut dyn Write) -> Self {
        Self { confirm, out }
    }

    /// Whether changes are made.
    pub(super) fn is_confirmed(&self) -> bool {
        self.confirm
    }

    /// Prints a line about what was found.
    pub(super) fn say(&mut self, text: &str) -> Result<(), GitHubError> {
        print(self.out, &format!("{text}\n")).map_err(GitHubError::Output)
    }

    /// Says that nothing was written, if that is so.
    pub(super) fn say_if_dry(&mut self) -> Result<(), GitHubError> {
        match self.confirm {
            true => Ok(()),
            false => self.say("dry run: nothing was written; to do this, add --confirm"),
        }
    }

    /// Runs a command that changes something, if that is confirmed. Prints it either way.
    pub(super) fn change(&mut self, command: &mut Command) -> Result<(), GitHubError> {
        let line = line(command);
        if !self.confirm {
            return self.say(&format!("would run: {line}"));
        }
        self.say(&format!("run: {line}"))?;
        let said = read(command)?;
        match said.trim() {
            "" => Ok(()),
            said => self.say(said),
        }
    }
}

/// Runs a command, and returns what it prints. It must not change anything outside of this machine.
pub(super) fn read(command: &mut Command) -> Result<String, GitHubError> {
    let output = command.output().map_err(|reason| GitHubError::NoProgram {
        program: command.get_program().to_string_lossy().into_owned(),
        reason,
    })?;
    if !output.status.success() {
        return Err(GitHubError::Failed {
            command: line(command),
            status: output.status,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    String::from_utf8(output.stdout).map_err(|error| GitHubError::Answer {
        command: line(command),
        reason: error.to_string(),
    })
}

/// As [`read`], for JSON.
pub(super) fn read_json<T: DeserializeOwned>(command: &mut Command) -> Result<T, GitHubError> {
    let text = read(command)?;
    serde_json::from_str(&text).map_err(|error| GitHubError::Answer {
        command: line(command),
        reason: error.to_string(),
    })
}

/// The command as a person would type it, without the options that every call has.
fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    let mut arguments = command.get_args().map(|word| word.to_string_lossy());
    while let Some(word) = arguments.next() {
        if word == "-c" {
            arguments.next();
        } else if word.contains([' ', '\n', '"', '\'']) || word.is_empty() {
            words.push(format!("{word:?}"));
        } else {
            words.push(word.into_owned());
        }
    }
    words.join(" ")
}
