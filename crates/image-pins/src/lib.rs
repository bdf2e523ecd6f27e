//! Pin container images by digest at build time.
//!
//! A tag is mutable: the image behind it can change after you tested it. With this crate, a program names its images as
//! Rust constants that contain digests:
//!
//! - A `PinFile` (feature `pin-files`) records the digest of each image of one release.
//! - The code generator (feature `codegen`) turns a folder of pin files into Rust constants from a `build.rs`.
//! - The parsers of digest files (feature `digest-files`) read the digests that publishing workflows record.
//! - [`Digest`], [`Reference`], [`RepositoryPrefix`] and [`Tag`] are the types of the OCI specifications:
//!
//! ```
//! use image_pins::{Digest, Reference};
//!
//! let image: Reference = "registry.example.com/seaport/harbor:v2.1.0".parse()?;
//! let digest: Digest =
//!     "sha256:baa5a0964d3320fbc0c6a922140453c8513ea24ab8fd0577034804a967248096".parse()?;
//! assert_eq!(
//!     image.with_digest(digest).to_string(),
//!     format!("registry.example.com/seaport/harbor@{digest}")
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
