//! Registries for tests: the real distribution and olareg on loopback, a token server, and a server that lies.
//!
//! The programs are named by environment variables (`OSM_TEST_DISTRIBUTION` and so on), which `cargo xtask test` sets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::new_without_default
)]

mod access_log;
mod answer;
mod distribution;
mod home;
mod http;
mod images;
mod lying;
mod olareg;
mod registry;
mod tls;
mod token;
mod valve;

pub use access_log::Request;
pub use answer::{Answer, Cut};
pub use distribution::{Auth, Distribution, Options};
pub use home::Home;
pub use http::Received;
pub use images::{Image, ImageSpec, push_image, write_layout};
pub use lying::LyingRegistry;
pub use olareg::Olareg;
pub use registry::{PASSWORD, Registry, USER};
pub use test_cluster::Output;
pub use tls::{LOCALHOST, authority_certificate};
pub use token::{IDENTITY_TOKEN, TokenOptions, TokenRequest, TokenServer};
pub use valve::Valve;
