//! The tasks that prepare and check a release, on a small workspace in a repository of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bump;
mod check;
mod fixture;
mod notes;
#[cfg(feature = "registry")]
mod registry;
