//! What can go wrong while waiting, and why something is not ready.

use std::fmt;
use std::time::Duration;

use super::pod_problem::PodProblem;
use crate::client::{ClientError, ObjectRef};
use crate::time::format_duration;

/// Why waiting ended without success.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A Job or a Pod failed.
    #[error("{object} failed: {message}{}", indented(problems.iter(), 2))]
    Failed {
        /// The object.
        object: Box<ObjectRef>,
        /// What its status says.
        message: String,
        /// What is wrong with its Pods.
        problems: Vec<PodProblem>,
    },
    /// Objects were not ready in time.
    #[error("not ready after {}:{}", format_duration(*timeout), indented(objects.iter(), 2))]
    NotReady {
        /// How long they were awaited.
        timeout: Duration,
        /// The objects.
        objects: Vec<UnreadyObject>,
    },
    /// An object was deleted while it was awaited.
    #[error("{object} was deleted while it was awaited")]
    Deleted {
        /// The object.
        object: Box<ObjectRef>,
    },
    /// Objects that were deleted still exist.
    #[error("not gone after {}:{}", format_duration(*timeout), indented(objects.iter(), 2))]
    NotGone {
        /// How long they were awaited.
        timeout: Duration,
        /// The objects.
        objects: Vec<RemainingObject>,
    },
    /// The API server does not serve the kinds of a `CustomResourceDefinition` in time.
    #[error("{object} is not served after {}: {reason}", format_duration(*timeout))]
    NotServed {
        /// The definition.
        object: Box<ObjectRef>,
        /// How long it was awaited.
        timeout: Duration,
        /// What its status says.
        reason: String,
    },
}

/// An object that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadyObject {
    /// The object.
    pub object: ObjectRef,
    /// Why it is not ready; never empty.
    pub reasons: Vec<NotReadyReason>,
}

/// Why an object is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReadyReason {
    /// Something is wrong with one of its Pods.
    Pod(PodProblem),
    /// The cluster refuses to create its Pods.
    CreationRefused {
        /// The reason in the condition: `FailedCreate`.
        reason: String,
        /// The message in the condition.
        message: String,
    },
    /// The Pod runs and was expected to end.
    StillRunning,
    /// The existing Pods are ready, but new ones are missing or old ones are left.
    PodsOutstanding,
    /// A Pod is not ready and no problem is known.
    PodStarting {
        /// The Pod.
        pod: String,
        /// The namespace of the Pod.
        namespace: String,
        /// The newest warning, as its reason and message.
        warning: Option<(String, String)>,
        /// What its status says: `ContainerCreating`, `Pending`.
        state: String,
    },
    /// None of its Pods can be found.
    NoPods(ObjectRef),
}

/// An object that was deleted and still exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemainingObject {
    /// The object.
    pub object: ObjectRef,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// What its status says about the deletion.
    pub messages: Vec<String>,
}

impl fmt::Display for UnreadyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.object, indented(self.reasons.iter(), 2))
    }
}

impl fmt::Display for NotReadyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReadyReason::Pod(problem) => write!(f, "{problem}"),
            NotReadyReason::CreationRefused { reason, message } => {
                write!(f, "{reason}: {message}")
            }
            NotReadyReason::StillRunning => write!(f, "it runs and has not ended"),
            NotReadyReason::PodsOutstanding => write!(
                f,
                "the existing Pods are ready, but the cluster has not created all of them yet, or has not removed \
                 the old ones"
            ),
            NotReadyReason::PodStarting {
                pod,
                warning,
                state,
                ..
            } => match warning {
                Some((reason, message)) => write!(f, "Pod {pod}: {reason}: {message}"),
                None => write!(f, "Pod {pod}: {state}, no warning so far"),
            },
            NotReadyReason::NoPods(_) => write!(f, "none of its Pods can be found"),
        }
    }
}

impl fmt::Display for RemainingObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if !self.finalizers.is_empty() {
            write!(f, ", held by its finalizers {}", self.finalizers.join(", "))?;
        }
        write!(f, "{}", indented(self.messages.iter(), 2))
    }
}

/// Formats each item on a line of its own, indented.
fn indented(items: impl Iterator<Item = impl fmt::Display>, by: usize) -> String {
    let indent = " ".repeat(by);
    items
        .map(|item| {
            let item = item.to_string().replace('\n', &format!("\n{indent}"));
            format!("\n{indent}{item}")
        })
        .collect()
}
