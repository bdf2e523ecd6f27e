//! Releases in a real cluster: a real API server and its controllers, and the real Helm to read and change them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod common;
mod crds;
mod faults;
mod helm;
mod hooks;
mod install;
mod ownership;
mod takeover;
mod uninstall;
mod upgrade;
mod wait;
