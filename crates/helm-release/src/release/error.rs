//! What can go wrong with the records of releases.

use crate::client::{ClientError, ObjectRef};

/// Why a record of a release cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Another process has just created the same revision.
    #[error(
        "another process is changing the release {release}: it has just created revision {revision}"
    )]
    ConcurrentChange {
        /// The name of the release.
        release: String,
        /// The revision.
        revision: i64,
    },
    /// A record was deleted while its release was being changed.
    #[error("another process removed the release {release}: its record {record} is gone")]
    RecordGone {
        /// The name of the release.
        release: String,
        /// The Secret of the record.
        record: Box<ObjectRef>,
    },
    /// A record cannot be decoded.
    #[error("the record {record} is damaged: {reason}")]
    Damaged {
        /// The Secret of the record.
        record: Box<ObjectRef>,
        /// What is wrong with it.
        reason: String,
    },
}

impl ReleaseError {
    /// Returns whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, ReleaseError::Client(error) if error.may_pass())
    }
}
