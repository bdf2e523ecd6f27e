//! Registries over HTTP (OCI distribution specification).

mod authorization;
mod check;
mod client;
mod download;
mod exchange;
mod location;
mod manifests;
mod permits;
mod referrers;
mod retry;
mod server;
mod signatures;
mod tags;
mod upload;

pub use check::CheckedImage;
pub use client::{Client, ClientBuilder};
pub use download::BlobReader;
pub use retry::Retries;
pub use server::Log;
pub(crate) use upload::{UploadError, Uploaded};
