//! Releases in a cluster, as Helm keeps them.

pub mod client;
pub mod release;
pub mod rollout;
pub mod time;
pub mod wait;

/// Told what happens, a line at a time.
pub type Progress<'p> = &'p dyn Fn(&str);
