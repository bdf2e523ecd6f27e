//! Manifests, descriptors and platforms (OCI image specification). Bytes are kept as they came and never written anew.

mod descriptor;
mod manifest;
pub mod media_type;
mod platform;

pub use descriptor::Descriptor;
pub use manifest::{Content, Manifest, ManifestError};
pub use platform::{InvalidPlatform, Platform};
