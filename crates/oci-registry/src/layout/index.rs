//! The file `index.json`: which images an archive has, and what they are called.

use std::collections::BTreeMap;

use bytes::Bytes;
use image_pins::Reference;
use serde::Serialize;

use crate::model::{Content, Descriptor, Manifest, ManifestError, media_type};

/// What skopeo and podman look for: `oci-archive:FILE:NAME` selects the image where this is exactly NAME.
///
/// The grammar of the image specification (annotations.md) allows a whole name, not only a tag. Only the whole name
/// tells several images apart, since the images of one release often have the same tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What containerd and Docker look for, before the other annotation: a whole name with the registry.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// An image in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedImage {
    /// The index or the manifest.
    pub descriptor: Descriptor,
    /// The whole name with tag or digest: `registry.example.com/seaport/harbor:v2.1.0`. A short name of Docker Hub comes
    /// back as a whole one. In archives of other programs it can be a tag alone, or the digest of an image that has no
    /// name.
    pub reference: String,
}

/// Returns the bytes of `index.json` for these images. They do not depend on the order of the images.
#[allow(clippy::expect_used, clippy::missing_panics_doc)] // It cannot fail, see below.
pub fn index_json(images: &[NamedImage]) -> Bytes {
    let sorted: BTreeMap<_, _> = images
        .iter()
        .map(|image| ((image.reference.as_str(), image.descriptor.digest), image))
        .collect();
    let manifests: Vec<Descriptor> = sorted.into_values().map(NamedImage::annotated).collect();
    let index = Index {
        schema_version: 2,
        media_type: media_type::INDEX,
        manifests,
    };
    // Serialization fails only for maps whose keys are not strings. All keys here are strings.
    let json = serde_json::to_vec(&index).expect("an index is valid JSON");
    Bytes::from(json)
}

/// An index, whose fields are written in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

/// Returns the images that the bytes of `index.json` list.
pub(super) fn images_of(bytes: Bytes) -> Result<Vec<NamedImage>, ManifestError> {
    match Manifest::parse(bytes, None)?.content {
        Content::Index(manifests) => Ok(manifests.into_iter().map(NamedImage::from).collect()),
        Content::Image { .. } => Err(ManifestError::Missing("manifests")),
    }
}

impl NamedImage {
    fn annotated(&self) -> Descriptor {
        let mut descriptor = self.descriptor.clone();
        // Docker writes docker.io/library/curl for curl, and finds the image by that name only.
        let whole = match self.reference.parse::<Reference>() {
            Ok(reference) => reference.normalized().to_string(),
            Err(_) => self.reference.clone(),
        };
        descriptor
            .annotations
            .insert(CONTAINERD_NAME.to_owned(), whole);
        descriptor
            .annotations
            .insert(REF_NAME.to_owned(), self.reference.clone());
        descriptor
    }
}

impl From<Descriptor> for NamedImage {
    /// Takes the name from the annotations.
    fn from(mut descriptor: Descriptor) -> NamedImage {
        let tag_or_name = descriptor.annotations.remove(REF_NAME);
        let name = descriptor.annotations.remove(CONTAINERD_NAME);
        let reference = name
            .or(tag_or_name)
            .unwrap_or_else(|| descriptor.digest.to_string());
        NamedImage {
            descriptor,
            reference,
        }
    }
}
