//! What a user can do about an error of a registry.

use crate::auth::RealmProblem;
use crate::error::{Reason, RegistryError};

/// What a user can do about an error, if the registry is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy<'e> {
    /// Log in, or name a file with credentials.
    LogIn,
    /// Log in again, or allow its token server to get the credentials.
    LogInAgain,
    /// Allow to reach this token server without encryption.
    AllowInsecure(&'e str),
    /// Allow this token server.
    AllowTokenServer(&'e str),
    /// Trust the authority of the registry.
    TrustAuthority,
    /// Allow to reach the registry without encryption.
    AllowInsecureRegistry,
}

impl RegistryError {
    /// Returns what a user can do about it, if there is something.
    pub fn remedy(&self) -> Option<Remedy<'_>> {
        match &self.reason {
            Reason::Unauthorized {
                had_credentials: false,
                ..
            } => Some(Remedy::LogIn),
            Reason::Unauthorized { .. } => Some(Remedy::LogInAgain),
            Reason::Realm(error) => match &error.why {
                RealmProblem::Unencrypted { host } => Some(Remedy::AllowInsecure(host)),
                RealmProblem::Private { host } => Some(Remedy::AllowTokenServer(host)),
                _ => None,
            },
            Reason::Connection(error) if error.is_untrusted_certificate() => {
                Some(Remedy::TrustAuthority)
            }
            Reason::Connection(error) if error.is_not_tls() => Some(Remedy::AllowInsecureRegistry),
            _ => None,
        }
    }
}
