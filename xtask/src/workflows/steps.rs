//! Rules for the steps of a job: what they run, and which actions they use.

use serde_json::Value;

use super::{Rule, Workflow, expected};

/// The number of hexadecimal digits of a commit.
const COMMIT: usize = 40;

impl Workflow<'_> {
    pub(super) fn check_step(&mut self, pointer: &str, job: &str, step: &Value) {
        if let Some(command) = step.get("run") {
            let pointer = format!("{pointer}/run");
            self.check_command(&pointer, job, command.as_str().unwrap_or_default());
        }
        if let Some(action) = step.get("uses") {
            self.check_action(pointer, job, action.as_str().unwrap_or_default(), step);
        }
    }

    fn check_command(&mut self, pointer: &str, job: &str, command: &str) {
        let job = job.to_owned();
        if command.contains("${{") {
            let command = command.to_owned();
            self.report(pointer, Rule::Expression { job, command });
        } else if !is_one_task(command) {
            let command = command.lines().next().unwrap_or_default().to_owned();
            self.report(pointer, Rule::NotOneTask { job, command });
        }
    }

    fn check_action(&mut self, pointer: &str, job: &str, action: &str, step: &Value) {
        let uses = format!("{pointer}/uses");
        let (name, version) = action.split_once('@').unwrap_or((action, ""));
        let is_commit =
            version.len() == COMMIT && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_commit {
            let (job, action) = (job.to_owned(), action.to_owned());
            self.report(&uses, Rule::NotPinned { job, action });
        } else if !self.names_the_version(&uses, action) {
            let (job, action) = (job.to_owned(), action.to_owned());
            self.report(&uses, Rule::NoVersion { job, action });
        }
        let input = |name: &str| step.get("with").and_then(|inputs| inputs.get(name));
        if name == "actions/checkout" && input("persist-credentials") != Some(&Value::Bool(false)) {
            self.report(pointer, Rule::KeepsCredentials(job.to_owned()));
        }
        if !expected::may_use_a_cache(self.name) {
            let inputs = step.get("with").and_then(Value::as_object);
            let caches = inputs.into_iter().flatten();
            let input = caches
                .filter(|(_, value)| **value != Value::Bool(false))
                .map(|(name, _)| name.as_str())
                .find(|name| name.contains("cache"));
            if let Some(what) = input.or(name.contains("cache").then_some(name)) {
                let (job, what) = (job.to_owned(), what.to_owned());
                self.report(pointer, Rule::Cache { job, what });
            }
        }
    }

    /// Whether the line of an action ends in its version as a comment.
    fn names_the_version(&self, pointer: &str, action: &str) -> bool {
        let line = self.marks.get(pointer).map_or(0, |(line, _)| *line);
        let line = self.text.lines().nth(line.saturating_sub(1));
        let comment = line
            .and_then(|line| line.split_once(action))
            .and_then(|(_, rest)| rest.trim().strip_prefix("# v"));
        comment.is_some_and(|version| {
            version.split('.').count() == 3
                && version
                    .split('.')
                    .all(|number| number.parse::<u32>().is_ok())
        })
    }
}

/// Whether a command is one line `cargo xtask …` that means the same in every shell: plain words, and variables in double
/// quotes.
fn is_one_task(command: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    let is_word = |word: &str| match word
        .strip_prefix('"')
        .and_then(|word| word.strip_suffix('"'))
    {
        Some(quoted) => quoted.chars().all(|c| plain(c) || c == '$'),
        None => word.chars().all(plain),
    };
    let mut words = command.split(' ');
    words.next() == Some("cargo")
        && words.next() == Some("xtask")
        && words
            .next()
            .is_some_and(|task| task.starts_with(|c: char| c.is_ascii_lowercase()))
        && command
            .split(' ')
            .all(|word| !word.is_empty() && is_word(word))
}
