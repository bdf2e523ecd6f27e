//! What is kept of a release.

pub mod record;
