//! The newer format: a sigstore bundle, version 0.3, that contains a DSSE envelope with an in-toto statement.
//!
//! It follows `sigstore_bundle.proto` of sigstore/protobuf-specs in protobuf's JSON, `envelope.md` and `protocol.md` of
//! DSSE 1.0, and the statement of in-toto's attestation framework, version 1.

use image_pins::{Algorithm, Digest};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{PublicKey, Rejected, Signed, decode, excerpt, plain};
use crate::model::{Content, Descriptor, Manifest};

/// The media type of bundles, and the artifact type of manifests that have one.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The name of the same version in older bundles, which readers have to know.
const OLD_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of statements that are signatures. All others say something about an image, such as what it contains.
const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Returns the layers of a manifest that may be signatures: those with the media type of bundles.
pub fn candidates(manifest: &Manifest) -> impl Iterator<Item = &Descriptor> {
    let layers = match &manifest.content {
        Content::Image { layers, .. } => layers.as_slice(),
        Content::Index(_) => &[],
    };
    layers.iter().filter(|layer| layer.media_type == MEDIA_TYPE)
}

/// Fields can be written in two ways (protobuf's "`ProtoJSON` format", "Field names"). Both in one bundle are
/// duplicates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    #[serde(alias = "media_type")]
    media_type: Option<String>,
    #[serde(alias = "verification_material")]
    verification_material: Option<VerificationMaterial>,
    #[serde(alias = "dsse_envelope")]
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    #[serde(alias = "public_key")]
    public_key: Option<PublicKeyIdentifier>,
    certificate: Option<IgnoredAny>,
    #[serde(alias = "x509_certificate_chain")]
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PublicKeyIdentifier {
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: Option<String>,
    #[serde(alias = "payload_type")]
    payload_type: Option<String>,
    signatures: Option<Vec<Signature>>,
}

#[derive(Deserialize)]
struct Signature {
    sig: Option<String>,
}

/// The signed statement. Only these fields count. The statement's own specification allows others.
#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    r#type: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    name: Option<String>,
    digest: Digests,
}

/// The digests of a subject, which are all of the same content. A struct, as a map would keep the last of two equal
/// keys.
#[derive(Deserialize)]
struct Digests {
    sha256: Option<String>,
    sha512: Option<String>,
}

impl Digests {
    fn get(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Sha256 => self.sha256.as_deref(),
            Algorithm::Sha512 => self.sha512.as_deref(),
        }
    }
}

/// Checks that a bundle is a signature of the image with the digest `pinned`, by the owner of the key.
///
/// # Errors
/// It is not. An envelope with two signatures is refused even if one of them is right, as cosign does and
/// `sigstore_bundle.proto` demands.
pub fn check(key: &PublicKey, pinned: &Digest, bundle: &[u8]) -> Result<Signed, Rejected> {
    let (envelope, hint) = read(bundle)?;
    let signatures = envelope.signatures.unwrap_or_default();
    let [signature] = signatures.as_slice() else {
        return Err(Rejected::SignatureCount(signatures.len()));
    };
    let signature = decode(signature.sig.as_deref().unwrap_or_default(), "signature")?;
    if signature.is_empty() {
        return Err(Rejected::Empty);
    }
    let payload_type = envelope.payload_type.unwrap_or_default();
    Rejected::unless_equal("type of the payload", &payload_type, PAYLOAD_TYPE)?;
    let payload = decode(envelope.payload.as_deref().unwrap_or_default(), "payload")?;
    if !key.verify(&authentic(&payload_type, &payload), &signature) {
        return Err(Rejected::not_by(key, hint));
    }
    let statement = serde_json::from_slice(&payload);
    let statement: Statement = statement.map_err(|error| Rejected::json("statement", &error))?;
    check_statement(statement, pinned)
}

/// Reads a bundle up to its envelope, and what it says about the key.
fn read(bundle: &[u8]) -> Result<(Envelope, Option<String>), Rejected> {
    let bundle = serde_json::from_slice(bundle);
    let bundle: Bundle = bundle.map_err(|error| Rejected::json("bundle", &error))?;
    let media_type = bundle.media_type.unwrap_or_default();
    if media_type != OLD_MEDIA_TYPE {
        Rejected::unless_equal("media type of the bundle", &media_type, MEDIA_TYPE)?;
    }
    let material = (bundle.verification_material).ok_or(Rejected::NoVerificationMaterial)?;
    if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
        return Err(Rejected::Keyless);
    }
    let key = (material.public_key).ok_or(Rejected::NoVerificationMaterial)?;
    let hint = key.hint.map(|hint| excerpt(&hint));
    let envelope = bundle.dsse_envelope.ok_or(Rejected::NoEnvelope)?;
    Ok((envelope, hint))
}

fn check_statement(statement: Statement, pinned: &Digest) -> Result<Signed, Rejected> {
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(Rejected::Attestation {
            predicate_type: excerpt(&statement.predicate_type),
        });
    }
    Rejected::unless_equal("type of the statement", &statement.r#type, STATEMENT_TYPE)?;
    let (algorithm, hex) = (pinned.algorithm(), pinned.hex());
    let digests = |subject: &Subject| subject.digest.get(algorithm).map(str::to_owned);
    let first = statement.subject.iter().find_map(digests);
    let mut subjects = statement.subject.into_iter();
    match subjects.find(|subject| subject.digest.get(algorithm) == Some(&hex)) {
        Some(subject) => Ok(Signed {
            name: (subject.name)
                .filter(|name| !name.is_empty())
                .map(|name| excerpt(&name)),
        }),
        None => Err(Rejected::OtherImage {
            signed: first.map(|other| plain(&excerpt(&format!("{algorithm}:{other}")))),
        }),
    }
}

/// Returns the bytes that are signed: the "pre-authentication encoding" of DSSE (`protocol.md`, "Signature
/// Definition").
pub(super) fn authentic(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}
