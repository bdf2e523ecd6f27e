//! A client of a Kubernetes API server: access, requests that are repeated where that is safe, and discovery.

mod access;
mod causes;
pub(crate) mod concurrent;
mod connector;
mod discovery;
mod error;
mod managed_fields;
mod namespace;
mod objects;
mod permissions;
mod request;
mod resolve;
pub mod resource;
mod session;

pub use access::{AccessError, LoginProgram};
pub use error::{ClientError, ConnectionProblem, Refusal, RefusalCause};
pub use namespace::NamespaceState;
pub use objects::Deleted;
pub use permissions::{Permission, Permissions};
pub use resource::{ApiResource, ObjectRef};
pub use session::{Client, ClientBuilder};
