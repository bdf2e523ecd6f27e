//! The client against registries that lie, and against real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod copies;
mod crashes;
mod downloads;
mod foreign_layers;
mod lists;
mod manifests;
mod mirrors;
mod secrets;
mod signatures;
mod silence;
mod tags;
mod tokens;
mod uploads;
