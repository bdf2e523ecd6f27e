//! Whether a namespace exists, and whether it is being deleted.

use super::error::ClientError;
use super::resource::NAMESPACE;
use super::session::Client;
use crate::fields::is_terminating;

/// The state of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceState {
    /// It does not exist.
    Absent,
    /// It exists, or the user may not read it.
    Active,
    /// It is being deleted.
    Terminating,
}

impl Client {
    /// Reads the state of a namespace.
    ///
    /// # Errors
    /// The server refuses the request, but not because of a missing permission: what is in the namespace may be
    /// permitted.
    pub async fn namespace_state(&self, name: &str) -> Result<NamespaceState, ClientError> {
        match self.get(&NAMESPACE.at("", name)).await {
            Ok(None) => Ok(NamespaceState::Absent),
            Ok(Some(found)) if is_terminating(&found) => Ok(NamespaceState::Terminating),
            Ok(Some(_)) => Ok(NamespaceState::Active),
            Err(error) if error.code() == Some(403) => Ok(NamespaceState::Active),
            Err(error) => Err(error),
        }
    }
}
