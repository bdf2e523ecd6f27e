//! Black-box tests of `osm` against real parts: helm, a Kubernetes API server, and the chart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[macro_use]
mod common;

mod access;
mod build_script;
mod chart;
mod chart_path;
mod cli;
mod cluster;
mod completion;
mod documentation;
mod env;
mod explain;
mod faults;
mod foreign_install;
mod helm_differential;
mod help;
mod images_archive;
mod images_killed;
mod images_mirror;
mod images_mirror_failures;
mod images_verify;
mod install;
mod interruptions;
mod kubeconfigs;
mod messages;
mod obstacles;
mod offline;
mod registry_access;
mod settings;
mod upgrade;
mod verify_registry;
