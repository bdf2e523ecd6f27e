//! What can go wrong with a release.

use crate::client::ClientError;
use crate::release::ReleaseError;
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
    pub fn code(&self) -> Option<u16> {
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
