//! The file `index.json`: which images an archive has, what they are called, and what is about them.

use std::collections::BTreeMap;

use bytes::Bytes;
use image_pins::Reference;
use serde::Serialize;

use crate::link::Link;
use crate::model::{Content, Descriptor, Manifest, ManifestError, media_type};

/// What skopeo and podman look for: `oci-archive:FILE:NAME` selects the image where this is exactly NAME.
///
/// The grammar of the image specification (annotations.md) allows a whole name, not only a tag. Only the whole name
/// tells several images apart, since the images of one release often have the same tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What containerd and Docker look for, before the other annotation: a whole name with the registry.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// The annotation of a manifest that had this tag, which is made of the digest of the manifest that it is about.
const TAG: &str = "vnd.oci-registry.tag";
/// The annotation of a manifest that refers to the one with this digest.
const SUBJECT: &str = "vnd.oci-registry.subject";

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

/// A manifest in an archive that is about another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkedManifest {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// How it is found.
    pub link: Link,
}

/// Returns the bytes of `index.json`. They do not depend on the order of the images, or of what is about them.
#[allow(clippy::expect_used, clippy::missing_panics_doc)] // It cannot fail, see below.
pub(crate) fn index_json(images: &[NamedImage], linked: &[LinkedManifest]) -> Bytes {
    let sorted: BTreeMap<_, _> = images
        .iter()
        .map(|image| ((image.reference.as_str(), image.descriptor.digest), image))
        .collect();
    let sorted_links: BTreeMap<_, _> = linked
        .iter()
        .map(|linked| ((&linked.link, linked.descriptor.digest), linked))
        .collect();
    let images = sorted.into_values().map(NamedImage::annotated);
    let linked = sorted_links.into_values().map(LinkedManifest::annotated);
    let manifests: Vec<Descriptor> = images.chain(linked).collect();
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

/// Returns what the bytes of `index.json` list.
pub(super) fn entries_of(
    bytes: Bytes,
) -> Result<(Vec<NamedImage>, Vec<LinkedManifest>), ManifestError> {
    // The size of the file is limited instead: an archive can have many images, each with its signatures.
    let Content::Index(entries) = Manifest::parse_up_to(usize::MAX, bytes, None)?.content else {
        return Err(ManifestError::Missing("manifests"));
    };
    let (mut images, mut linked) = (Vec::new(), Vec::new());
    for mut descriptor in entries {
        match take_link(&mut descriptor) {
            Some(link) => linked.push(LinkedManifest { descriptor, link }),
            None => images.push(NamedImage::from(descriptor)),
        }
    }
    Ok((images, linked))
}

/// Takes the link from the annotations of an entry, if there is one.
fn take_link(entry: &mut Descriptor) -> Option<Link> {
    let tag = entry.annotations.remove(TAG);
    let subject = entry.annotations.remove(SUBJECT);
    let tag = tag.and_then(|tag| tag.parse().ok().map(Link::Tag));
    tag.or_else(|| subject?.parse().ok().map(Link::Subject))
}

impl LinkedManifest {
    fn annotated(&self) -> Descriptor {
        let mut descriptor = self.descriptor.clone();
        let (name, value) = match &self.link {
            Link::Tag(tag) => (TAG, tag.to_string()),
            Link::Subject(digest) => (SUBJECT, digest.to_string()),
        };
        descriptor.annotations.insert(name.to_owned(), value);
        // A signature can have such an annotation of its own.
        descriptor.annotations.remove(REF_NAME);
        descriptor.annotations.remove(CONTAINERD_NAME);
        descriptor
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
