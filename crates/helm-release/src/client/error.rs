//! What can go wrong between a client and an API server.

use std::time::Duration;

use super::access_error::AccessError;

/// Why a request to an API server has no usable answer.
///
/// The message says what happened. What to do about it depends on the program: the variants carry the data for such
/// a hint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No usable configuration for a cluster was found.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The API server cannot be reached, or the connection broke.
    #[error("cannot {action}: the API server {server} cannot be reached: {reason}")]
    Unreachable {
        /// What was being done: `create Deployment shop/web`.
        action: String,
        /// The address of the server.
        server: String,
        /// What the connection reported.
        reason: String,
        /// What kind of failure it is.
        problem: ConnectionProblem,
    },
    /// The API server refused a request.
    #[error("cannot {action}: {}", refusal.message)]
    Refused {
        /// What was being done: `create Deployment shop/web`.
        action: String,
        /// The answer of the server.
        refusal: Refusal,
    },
    /// The answer is not JSON: something else than an API server sent it.
    #[error("cannot {action}: {server}: the answer is not JSON: {reason}")]
    Unreadable {
        /// What was being done.
        action: String,
        /// The address of the server.
        server: String,
        /// Why the answer cannot be parsed.
        reason: String,
    },
    /// A name does not fit into a request.
    #[error("cannot {action}: {path} is not a valid request path: {reason}")]
    InvalidPath {
        /// What was being done.
        action: String,
        /// The path.
        path: String,
        /// Why it is not valid.
        reason: String,
    },
    /// The server reports no version.
    #[error("{server} is not a Kubernetes API server: it reports no version")]
    NotAnApiServer {
        /// The address of the server.
        server: String,
    },
    /// The cluster does not serve a kind.
    #[error("the cluster has no {kind} in {api_version}")]
    UnknownKind {
        /// `example.com/v1`
        api_version: String,
        /// `Example`
        kind: String,
    },
}

/// Why an API server cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionProblem {
    /// A certificate has expired.
    CertificateExpired,
    /// A certificate is signed by another authority, or is for another name.
    CertificateMismatch,
    /// The server did not answer within the timeout for a request.
    RequestTimeout,
    /// The connection could not be established, or was lost.
    NoConnection,
}

/// An answer of an API server that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// The reason in the server's `Status`: `AlreadyExists`; empty if it has none.
    pub reason: String,
    /// The message in the server's `Status`.
    pub message: String,
    /// How long the server asks to wait before the request is sent again.
    pub retry_after: Option<Duration>,
}

/// Why an API server refused a request, as far as its answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalCause {
    /// The credentials are not accepted.
    Credentials,
    /// An admission policy denies the object.
    Policy,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The quota of the namespace is exhausted.
    Quota,
    /// The user lacks a permission.
    Forbidden,
    /// Another client changed the object at the same time.
    Conflict,
    /// The object is not valid.
    Invalid,
    /// The server is overloaded.
    Overloaded,
    /// An admission webhook does not answer.
    Webhook,
    /// The server has an internal error.
    ServerError,
}

impl Refusal {
    /// Returns why the server refused, if its answer tells.
    pub fn cause(&self) -> Option<RefusalCause> {
        let says = |words: &str| self.message.contains(words);
        Some(match (self.code, self.reason.as_str()) {
            (401, _) => RefusalCause::Credentials,
            (400.., _) if says("denied the request") || says("denied request") => {
                RefusalCause::Policy
            }
            (403, _) if says("is being terminated") => RefusalCause::NamespaceTerminating,
            (403, _) if says("exceeded quota") => RefusalCause::Quota,
            (403, _) => RefusalCause::Forbidden,
            (409, "Conflict") => RefusalCause::Conflict,
            (422, _) => RefusalCause::Invalid,
            (429, _) => RefusalCause::Overloaded,
            (500, _) if says("failed calling webhook") => RefusalCause::Webhook,
            (500.., _) => RefusalCause::ServerError,
            _ => return None,
        })
    }
}

impl ClientError {
    /// Returns whether the same request may succeed later: the connection was lost, or the server is overloaded or failed.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            ClientError::Unreachable { problem, .. } => matches!(
                problem,
                ConnectionProblem::RequestTimeout | ConnectionProblem::NoConnection
            ),
            ClientError::Unreadable { .. } => true,
            ClientError::Refused { refusal, .. } => refusal.code == 429 || refusal.code >= 500,
            _ => false,
        }
    }

    /// Returns the HTTP status of the server's answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            ClientError::Refused { refusal, .. } => Some(refusal.code),
            _ => None,
        }
    }
}
