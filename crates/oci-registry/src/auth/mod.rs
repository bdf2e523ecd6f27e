//! Credentials, challenges and tokens.

mod access;
pub(crate) mod challenge;
mod credentials;
mod helper_program;
mod json;
mod realm;
pub(crate) mod secret;
mod session;
pub(crate) mod token;

pub(crate) use access::Access;
pub use credentials::{CredentialStore, CredentialsError};
pub use helper_program::HelperProblem;
pub use realm::{RealmError, RealmProblem};
pub(crate) use realm::{RealmPolicy, RefusedUrl};
pub(crate) use session::{Scopes, Session};
