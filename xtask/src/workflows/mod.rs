//! Rules for `.github/workflows/`: what can be wrong in a workflow without a run that shows it.
//!
//! A workflow has triggers, permissions, actions by commit, and calls of `cargo xtask`. What decides anything is in a task,
//! which runs and is tested on every machine.

mod expected;
mod rule;
mod steps;

use std::fs;
use std::path::Path;

use helm_chart::yaml::{Marks, Numbers, parse_with_marks};
use serde_json::{Map, Value};

pub use rule::{Problem, Rule};

/// What a workflow is checked with: its parsed content, its text, and the positions in it.
struct Workflow<'a> {
    name: &'a str,
    text: &'a str,
    marks: Marks,
    problems: Vec<Problem>,
}

/// Returns what breaks a rule in the workflows of a folder.
///
/// # Errors
/// The folder cannot be read, or has no workflow.
pub fn check_folder(folder: &Path) -> Result<Vec<Problem>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        problems.extend(check(&name, &text));
    }
    match files.is_empty() {
        true => Err(format!("{}: no workflow found", folder.display())),
        false => Ok(problems),
    }
}

/// Returns what breaks a rule in the text of a workflow. `name` is the name of its file.
pub fn check(name: &str, text: &str) -> Vec<Problem> {
    let (documents, marks) = match parse_with_marks(text, Numbers::Exact) {
        Ok(parsed) => parsed,
        Err(error) => return vec![Problem::new(name, error.line, Rule::NotYaml(error.message))],
    };
    let mut workflow = Workflow {
        name,
        text,
        marks,
        problems: Vec::new(),
    };
    match documents.first().map(|document| &document.value) {
        Some(Value::Object(content)) if documents.len() == 1 => workflow.check(content),
        _ => workflow.report("", Rule::NotYaml("not one mapping".to_owned())),
    }
    workflow.problems
}

impl Workflow<'_> {
    /// Adds a problem at a key, given by its JSON pointer.
    fn report(&mut self, pointer: &str, rule: Rule) {
        let mut pointer = pointer;
        let line = loop {
            match self.marks.get(pointer) {
                Some((line, _)) => break *line,
                // A missing key is reported where its parent stands.
                None => match pointer.rfind('/') {
                    Some(end) => pointer = &pointer[..end],
                    None => break 1,
                },
            }
        };
        self.problems.push(Problem::new(self.name, line, rule));
    }

    fn check(&mut self, content: &Map<String, Value>) {
        self.check_triggers(content);
        if content
            .get("permissions")
            .and_then(Value::as_object)
            .is_none_or(|scopes| !scopes.is_empty())
        {
            self.report("/permissions", Rule::TopPermissions);
        }
        let cancels = content
            .get("concurrency")
            .and_then(|concurrency| concurrency.get("cancel-in-progress"));
        if cancels != Some(&Value::Bool(false)) {
            self.report("/concurrency", Rule::Concurrency);
        }
        let none = Map::new();
        let jobs = content.get("jobs").and_then(Value::as_object);
        let jobs = jobs.unwrap_or(&none);
        if jobs.is_empty() {
            self.report("/jobs", Rule::NotYaml("no jobs".to_owned()));
        }
        for (id, job) in jobs {
            self.check_job(id, job);
        }
    }

    /// YAML 1.1 reads the key `on` as a boolean.
    fn check_triggers(&mut self, content: &Map<String, Value>) {
        let key = ["on", "true"]
            .into_iter()
            .find(|key| content.contains_key(*key));
        let names: Vec<&str> = match key.and_then(|key| content.get(key)) {
            Some(Value::Object(triggers)) => triggers.keys().map(String::as_str).collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(name)) => vec![name],
            _ => vec![],
        };
        if names.is_empty() {
            self.report("/on", Rule::NotYaml("no trigger".to_owned()));
        }
        for name in names {
            // Both run with the permissions of the repository on what a stranger has written.
            if ["pull_request_target", "workflow_run"].contains(&name) {
                let pointer = format!("/{}/{name}", key.unwrap_or_default());
                self.report(&pointer, Rule::Trigger(name.to_owned()));
            }
        }
    }

    fn check_job(&mut self, id: &str, job: &Value) {
        let pointer = format!("/jobs/{id}");
        if !expected::is_job(self.name, id) {
            self.report(&pointer, Rule::UnknownJob(id.to_owned()));
        }
        match job.get("permissions").and_then(Value::as_object) {
            None => self.report(&pointer, Rule::NoPermissions(id.to_owned())),
            Some(scopes) => {
                for (scope, access) in scopes {
                    let access = access.as_str().unwrap_or_default();
                    if !expected::is_permitted(self.name, id, scope, access) {
                        let rule = Rule::Permission {
                            job: id.to_owned(),
                            permission: format!("{scope}: {access}"),
                        };
                        self.report(&format!("{pointer}/permissions/{scope}"), rule);
                    }
                }
            }
        }
        if job.get("timeout-minutes").and_then(Value::as_u64).is_none() {
            self.report(&pointer, Rule::NoTimeout(id.to_owned()));
        }
        if publishes(job) && job.get("environment") != Some(&Value::from("release")) {
            self.report(&pointer, Rule::NoEnvironment(id.to_owned()));
        }
        self.check_failures(&pointer, id, job);
        let steps = job.get("steps").and_then(Value::as_array);
        let Some(steps) = steps.filter(|steps| !steps.is_empty()) else {
            return self.report(&pointer, Rule::NoSteps(id.to_owned()));
        };
        for (index, step) in steps.iter().enumerate() {
            let pointer = format!("{pointer}/steps/{index}");
            self.check_failures(&pointer, id, step);
            self.check_step(&pointer, id, step);
        }
    }

    /// A job or a step must not go on after a failure: the jobs that need it publish.
    fn check_failures(&mut self, pointer: &str, job: &str, of: &Value) {
        for key in ["if", "continue-on-error"] {
            if of.get(key).is_some() {
                let rule = Rule::GoesOn {
                    job: job.to_owned(),
                    key: key.to_owned(),
                };
                self.report(&format!("{pointer}/{key}"), rule);
            }
        }
    }
}

/// Whether something leaves the machine: a task is confirmed, or a secret is read. A pull request publishes nothing.
fn publishes(job: &Value) -> bool {
    let is_published = |text: &str| {
        text.contains("secrets.")
            || text.contains("--confirm") && !text.starts_with("cargo xtask github pull-request ")
    };
    match job {
        Value::String(text) => is_published(text),
        Value::Array(values) => values.iter().any(publishes),
        Value::Object(map) => map.values().any(publishes),
        _ => false,
    }
}
