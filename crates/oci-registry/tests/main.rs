//! The client against registries that lie, and against real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod copies;
mod downloads;
mod manifests;
mod signatures;
mod tags;
mod tokens;
mod uploads;
