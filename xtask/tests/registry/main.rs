//! The tasks that talk to registries, against real ones and against one that lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod chart;
mod common;
mod import;
mod interruptions;
mod publish;
mod refusals;
mod rehearsal;
#[path = "../common/release.rs"]
mod release;
mod verify;
