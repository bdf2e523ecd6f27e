//! Black-box tests of the crate: what the library renders and refuses, compared with the real helm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

mod chart_archives;
mod chart_files;
mod expressions;
mod foreign_chart;
mod functions;
mod json_schema;
mod notes;
