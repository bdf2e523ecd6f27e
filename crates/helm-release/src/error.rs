//! What can go wrong with a release.

use helm_chart::ChartError;

use crate::client::{ClientError, ObjectRef};
use crate::release::{Ownership, ReleaseError};
use crate::wait::WaitError;

/// Why a release could not be installed, upgraded, inspected or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something was not ready, or not gone.
    #[error(transparent)]
    Wait(WaitError),
    /// A record cannot be read or written.
    #[error(transparent)]
    Release(ReleaseError),
    /// The chart cannot be rendered.
    #[error(transparent)]
    Chart(Box<ChartError>),
    /// Lookups of the templates depend on each other too deeply.
    #[error("the lookups of the chart {chart} depend on each other more than {rounds} levels deep")]
    NestedLookups {
        /// The name of the chart.
        chart: String,
        /// How many levels are allowed.
        rounds: usize,
    },
    /// Another process resumed an installation that was to be rolled back, so that nothing was removed.
    #[error("another process has resumed the installation of {release}")]
    Resumed {
        /// The name of the release.
        release: String,
    },
    /// The server reports a version that is not one of Kubernetes.
    #[error("the version of the API server: {reason}")]
    ServerVersion {
        /// What is wrong with it.
        reason: String,
    },
    /// The release exists.
    #[error("the release {release} exists in namespace {namespace} (status {status})")]
    AlreadyInstalled {
        /// The name of the release.
        release: String,
        /// The namespace of the release.
        namespace: String,
        /// The status of its newest revision.
        status: String,
    },
    /// The release does not exist, or no revision of it was ever deployed.
    #[error("the release {release} is not installed in namespace {namespace}")]
    NotInstalled {
        /// The name of the release.
        release: String,
        /// The namespace of the release.
        namespace: String,
    },
    /// The release is being rolled back, or a rollback was interrupted. Helm has to finish it.
    #[error(
        "the release {release} in namespace {namespace} is being rolled back, or a rollback was interrupted"
    )]
    PendingRollback {
        /// The name of the release.
        release: String,
        /// The namespace of the release.
        namespace: String,
    },
    /// Objects of the release exist and belong to another owner.
    #[error(
        "objects of the release belong to another owner:{}",
        list_conflicts(objects)
    )]
    Conflicts {
        /// The objects with their owners; never empty.
        objects: Vec<(ObjectRef, Ownership)>,
    },
    /// An installation failed and was rolled back.
    #[error("{cause}\n{}", describe_rollback(rollback.as_deref()))]
    RolledBack {
        /// Why the installation failed.
        cause: Box<Error>,
        /// Why the rollback failed, if it did.
        rollback: Option<Box<Error>>,
    },
}

fn list_conflicts(objects: &[(ObjectRef, Ownership)]) -> String {
    let lines = objects.iter();
    lines
        .map(|(object, owner)| format!("\n  {object}: {owner}"))
        .collect()
}

fn describe_rollback(error: Option<&Error>) -> String {
    match error {
        None => "the installation was rolled back".to_owned(),
        Some(error) => format!("the rollback failed, too: {error}"),
    }
}

impl From<ChartError> for Error {
    fn from(error: ChartError) -> Error {
        Error::Chart(Box::new(error))
    }
}

impl From<WaitError> for Error {
    fn from(error: WaitError) -> Error {
        match error {
            WaitError::Client(error) => Error::Client(error),
            error => Error::Wait(error),
        }
    }
}

impl From<ReleaseError> for Error {
    fn from(error: ReleaseError) -> Error {
        match error {
            ReleaseError::Client(error) => Error::Client(error),
            error => Error::Release(error),
        }
    }
}

impl Error {
    /// Returns the HTTP status of the server's answer, if there was one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Error::Client(error) => error.code(),
            _ => None,
        }
    }

    /// Returns the first line of the message, which says what went wrong.
    pub fn headline(&self) -> String {
        let text = self.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    }
}
