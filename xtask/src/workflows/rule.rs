//! The rules for workflows, and the messages for what breaks them.

use std::fmt;

use thiserror::Error;

/// What breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the file.
    pub workflow: String,
    /// The 1-based line.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
}

impl Problem {
    pub(super) fn new(workflow: &str, line: usize, rule: Rule) -> Self {
        Self {
            workflow: workflow.to_owned(),
            line,
            rule,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            workflow,
            line,
            rule,
        } = self;
        write!(f, ".github/workflows/{workflow}:{line}: {rule}")
    }
}

/// A rule that a workflow breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rule {
    /// The file is not a workflow.
    #[error("not a workflow: {0}")]
    NotYaml(String),
    /// A trigger runs with the permissions of the repository on the code of a stranger.
    #[error(
        "trigger {0}: it gives the code of a stranger the permissions of this repository; use pull_request"
    )]
    Trigger(String),
    /// The workflow has permissions itself.
    #[error(
        "the workflow must have no permissions: write `permissions: {{}}` at the top and give each job what it needs"
    )]
    TopPermissions,
    /// Runs are cancelled, or nothing is said about it.
    #[error(
        "a run that is cancelled may be half done: add `concurrency` with a group and `cancel-in-progress: false`"
    )]
    Concurrency,
    /// A job is not in the list.
    #[error(
        "job {0} is not in the list of jobs (xtask/src/workflows/expected.rs): add it there with what it may write"
    )]
    UnknownJob(String),
    /// A job has the permissions that the repository gives by default.
    #[error("job {0} has no permissions: add `permissions`")]
    NoPermissions(String),
    /// A job has a permission that it should not have.
    #[error(
        "job {job} must not have `{permission}`: it is not in the list of what jobs may do (xtask/src/workflows/expected.rs)"
    )]
    Permission {
        /// The job.
        job: String,
        /// The scope and the access.
        permission: String,
    },
    /// A job may run for hours.
    #[error("job {0} has no limit of time: add `timeout-minutes`")]
    NoTimeout(String),
    /// A job publishes without approval.
    #[error("job {0} publishes something or reads secrets: add `environment: release`")]
    NoEnvironment(String),
    /// A job has no steps of its own.
    #[error("job {0} has no steps: a job is written here, not called from elsewhere")]
    NoSteps(String),
    /// A failure does not stop what follows.
    #[error("job {job} has `{key}`: nothing may go on after a failed check; let the task decide")]
    GoesOn {
        /// The job.
        job: String,
        /// The key.
        key: String,
    },
    /// A step runs something else than one task.
    #[error(
        "job {job} runs `{command}`: a step is one line `cargo xtask …`, with variables only as \"$NAME\"; move the rest into the task"
    )]
    NotOneTask {
        /// The job.
        job: String,
        /// The first line of what it runs.
        command: String,
    },
    /// An expression becomes part of a script before the shell reads it.
    #[error(
        "job {job} has an expression in `{command}`: pass it through `env`, and write \"$NAME\""
    )]
    Expression {
        /// The job.
        job: String,
        /// The command.
        command: String,
    },
    /// An action is not pinned.
    #[error("job {job} uses {action}: name the action by its commit (40 hexadecimal digits)")]
    NotPinned {
        /// The job.
        job: String,
        /// The action with its version.
        action: String,
    },
    /// Nobody sees which version a commit is.
    #[error("job {job} uses {action} without its version: add it as a comment, such as `# v1.2.3`")]
    NoVersion {
        /// The job.
        job: String,
        /// The action with its commit.
        action: String,
    },
    /// The token stays in the folder of the repository.
    #[error("job {0} leaves its token in the checkout: add `persist-credentials: false`")]
    KeepsCredentials(String),
    /// What is published may come from a cache that another run has filled.
    #[error("job {job} uses a cache ({what}): only CI may, because it publishes nothing")]
    Cache {
        /// The job.
        job: String,
        /// The action or its input.
        what: String,
    },
}
