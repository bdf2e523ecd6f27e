//! Registries over HTTP (OCI distribution specification).

mod authorization;
mod body;
mod check;
mod client;
mod download;
mod ecr;
mod exchange;
mod location;
mod manifests;
mod permits;
mod rate_limit;
mod referrers;
mod retry;
mod server;
mod signatures;
mod tags;
mod timeouts;
mod upload;

pub use check::CheckedImage;
pub use client::{Client, ClientBuilder};
pub use download::BlobReader;
pub use rate_limit::RateLimit;
pub use retry::Retries;
pub use server::Log;
pub use timeouts::Timeouts;
pub(crate) use upload::{UploadError, Uploaded};
