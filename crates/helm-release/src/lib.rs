//! Releases in a Kubernetes cluster, as Helm keeps them.

pub mod client;
mod error;
pub mod fields;
pub mod release;
pub mod rollout;
mod time;
pub mod wait;

pub use error::Error;
