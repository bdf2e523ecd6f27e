//! A client of a Kubernetes API server: access, requests that are repeated where that is safe, and discovery.

mod access;
mod access_error;
mod authorization;
pub(crate) mod concurrent;
mod connection;
mod credentials;
mod discovery;
mod error;
mod exchange;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod kubeconfig;
mod login;
mod managed_fields;
mod namespace;
mod objects;
mod permissions;
mod request;
mod resolve;
pub mod resource;
mod sections;
mod server;
mod session;
pub(crate) mod watch;

pub use access_error::{AccessError, LoginProgram};
pub use error::{ClientError, ConnectionProblem, Refusal, RefusalCause};
pub use namespace::NamespaceState;
pub use objects::Deleted;
pub use permissions::{Permission, Permissions};
pub use resource::{ApiResource, ObjectRef};
pub use session::{Client, ClientBuilder};
