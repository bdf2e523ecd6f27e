//! What a manifest says about other content: its type, digest and size.

use std::collections::BTreeMap;

use image_pins::Digest;
use serde::{Deserialize, Serialize};

use super::media_type;
use super::platform::Platform;

/// A descriptor (OCI image specification, descriptor.md).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes.
    pub size: u64,
    /// Where else the content can be had; registries need not have what has this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// More about the content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The type of an artifact, of which the content is the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The platform of an image, of which the content is the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Creates a descriptor without annotations.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            artifact_type: None,
            platform: None,
        }
    }

    /// Returns whether the content is a manifest or an index.
    pub fn is_manifest(&self) -> bool {
        media_type::ACCEPTED.contains(&self.media_type.as_str())
    }

    /// Returns whether the content is an index.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// Returns whether the content is a layer that registries usually do not have, because its license forbids it.
    pub fn is_foreign(&self) -> bool {
        media_type::is_foreign(&self.media_type)
    }

    /// Returns whether this entry of an index describes others instead of being an image: attestations of build tools.
    pub fn is_attestation(&self) -> bool {
        let is_unknown = self.platform.as_ref().is_some_and(Platform::is_unknown);
        is_unknown || self.annotations.contains_key("vnd.docker.reference.type")
    }
}
