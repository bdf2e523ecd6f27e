//! What can go wrong with a cluster: what was being done, what the server said, what to do next.

use std::time::Duration;

/// Why something could not be done in a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is no usable configuration for a cluster.
    #[error("{0}")]
    Configuration(String),
    /// The API server cannot be reached, or the connection broke.
    #[error("cannot {doing}: the API server {server} cannot be reached: {reason}\n{hint}")]
    Unreachable {
        /// What was being done.
        doing: String,
        /// The server's address.
        server: String,
        /// What the connection said.
        reason: String,
        /// What to do next.
        hint: &'static str,
    },
    /// The API server refused a request.
    #[error("cannot {doing}: {}{}", refusal.message, advice(refusal))]
    Refused {
        /// What was being done, with the object: `create Deployment osm-system/osm-controller`.
        doing: String,
        /// The server's answer.
        refusal: Refusal,
    },
    /// The cluster does not have a kind.
    #[error(
        "the cluster has no {kind} in {api_version}: \
         install its CustomResourceDefinition first, or leave the object out"
    )]
    NoKind {
        /// `example.com/v1`
        api_version: String,
        /// `Example`
        kind: String,
    },
    /// Something in the cluster is not as it has to be.
    #[error("{0}")]
    State(String),
}

/// An answer of the API server that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The word that Kubernetes has for it: `AlreadyExists`; empty if it gave none.
    pub reason: String,
    /// What it says.
    pub message: String,
    /// How long to wait before the request is sent again, if the answer says so.
    pub retry_after: Option<Duration>,
}

impl ClusterError {
    /// The HTTP status of the server's answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            ClusterError::Refused { refusal, .. } => Some(refusal.code),
            _ => None,
        }
    }

    /// Its first line, which says what went wrong.
    pub fn headline(&self) -> String {
        let text = self.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    }
}

/// What to do about an answer, where that is known.
fn advice(refusal: &Refusal) -> &'static str {
    let says = |words: &str| refusal.message.contains(words);
    match (refusal.code, refusal.reason.as_str()) {
        (401, _) => {
            "\nthe credentials are not accepted: log in again, or check the user of the context"
        }
        (400.., _) if says("denied the request") || says("denied request") => {
            "\na policy of the cluster refuses this object: change the values that it is made of, or ask \
             whoever keeps the policy"
        }
        (403, _) if says("is being terminated") => {
            "\nwait until the namespace is gone (kubectl get namespace), then try again"
        }
        (403, _) if says("exceeded quota") => {
            "\nraise the quota of the namespace, or ask for less with --set"
        }
        (403, _) => "\nask somebody who administers the cluster for this permission",
        (409, "Conflict") => "\nsomebody else changed it at the same time: try again",
        (422, _) => "\nthe cluster does not take this object: check the values that it was made of",
        (429, _) => "\nthe API server is overloaded: try again later",
        (500, _) if says("failed calling webhook") => {
            "\na webhook of the cluster does not answer: repair it, or remove its configuration"
        }
        (500.., _) => "\nthe API server has a fault of its own: try again, then look at its logs",
        _ => "",
    }
}
