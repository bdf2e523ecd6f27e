//! Black-box tests of `osm` against real parts: helm, a Kubernetes API server, and the chart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[macro_use]
mod common;

#[cfg(feature = "cluster")]
mod access;
mod build_script;
mod chart_path;
mod cli;
#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod faults;
#[cfg(feature = "cluster")]
mod foreign_install;
mod helm_differential;
#[cfg(feature = "cluster")]
mod install;
#[cfg(feature = "cluster")]
mod interruptions;
#[cfg(feature = "cluster")]
mod obstacles;
mod properties;
#[cfg(feature = "cluster")]
mod upgrade;
