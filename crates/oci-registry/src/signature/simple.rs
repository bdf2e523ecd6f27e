//! The older format: a JSON payload as a layer of the image at the tag `sha256-….sig`, and its signature in an
//! annotation.
//!
//! The payload is that of "containers-signature(5)" with a type of its own. It is signed byte for byte.

use image_pins::{Digest, Tag};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{PublicKey, Rejected, Signed, decode_strictly, excerpt, plain};
use crate::model::{Content, Descriptor, Manifest};

/// The media type of payloads.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation of a layer that has its signature, in base64.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// What a payload has to call itself. Payloads that are signed for other purposes have another type.
const TYPE: &str = "cosign container image signature";

/// Returns the tag of the manifest with all signatures of an image, in the repository of the image. `None` for SHA-512,
/// whose tag would be longer than tags can be.
pub fn tag(pinned: &Digest) -> Option<Tag> {
    let tag = format!("{}-{}.sig", pinned.algorithm(), pinned.hex());
    tag.parse().ok()
}

/// A layer that may be a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'m> {
    /// The payload, which is a blob.
    pub payload: &'m Descriptor,
    /// The signature of the payload, in base64.
    pub signature: &'m str,
}

/// Returns the layers of a manifest that may be signatures: those that have the media type of payloads, and a
/// signature.
pub fn candidates(manifest: &Manifest) -> impl Iterator<Item = Candidate<'_>> {
    let layers = match &manifest.content {
        Content::Image { layers, .. } => layers.as_slice(),
        Content::Index(_) => &[],
    };
    layers
        .iter()
        .filter(|layer| layer.media_type == MEDIA_TYPE)
        .filter_map(|payload| {
            let signature = payload.annotations.get(SIGNATURE_ANNOTATION)?;
            Some(Candidate { payload, signature })
        })
}

/// The signed payload. A field with another name is refused, as readers exist that do not distinguish `type` and
/// `Type`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    critical: Critical,
    #[serde(rename = "optional")]
    _optional: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Identity {
    docker_reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// Checks that a payload is a signature of the image with the digest `pinned`, by the owner of the key. `signature` is
/// the annotation of the layer.
///
/// # Errors
/// It is not.
pub fn check(
    key: &PublicKey,
    pinned: &Digest,
    payload: &[u8],
    signature: &str,
) -> Result<Signed, Rejected> {
    let signature = decode_strictly(signature, "signature")?;
    if signature.is_empty() {
        return Err(Rejected::Empty);
    }
    if !key.verify(payload, &signature) {
        return Err(Rejected::not_by(key, None));
    }
    let Payload { critical, .. } =
        serde_json::from_slice(payload).map_err(|error| Rejected::json("payload", &error))?;
    Rejected::unless_equal("type of the payload", &critical.r#type, TYPE)?;
    let signed = critical.image.docker_manifest_digest;
    if signed != pinned.to_string() {
        return Err(Rejected::OtherImage {
            signed: Some(plain(&excerpt(&signed))),
        });
    }
    let name = critical.identity.docker_reference;
    Ok(Signed {
        name: name
            .filter(|name| !name.is_empty())
            .map(|name| excerpt(&name)),
    })
}
