//! Pin container images by digest at build time.
//!
//! A `PinFile` (feature `pin-files`) records, for one release, the digest of each image. The code generator (feature `codegen`) turns a
//! folder of pin files into Rust constants from a `build.rs`, and the parsers of digest files (feature
//! `digest-files`) read what publishing workflows leave behind.

mod chart_values;
#[cfg(feature = "codegen")]
pub mod codegen;
pub mod compiled;
#[cfg(feature = "pin-files")]
mod components;
mod digest;
#[cfg(feature = "digest-files")]
pub mod digest_file;
mod error;
#[cfg(feature = "pin-files")]
mod manifest;
mod nearest;
#[cfg(feature = "pin-files")]
mod pin_file;
mod reference;
mod release;
mod repository_prefix;
mod text;
#[cfg(feature = "pin-files")]
mod toml_text;
mod values_layout;

pub use chart_values::ChartValue;
#[cfg(feature = "pin-files")]
pub use components::{Component, Components};
pub use digest::{Algorithm, Digest, DigestError, Implausible};
pub use error::FileError;
#[cfg(feature = "pin-files")]
pub use manifest::release_of_manifest;
pub use nearest::nearest;
#[cfg(feature = "pin-files")]
pub use pin_file::{PinFile, Source};
pub use reference::{Reference, ReferenceError, Tag};
pub use release::{ReleaseName, ReleaseNameError};
pub use repository_prefix::RepositoryPrefix;
pub use values_layout::ValuesLayout;
