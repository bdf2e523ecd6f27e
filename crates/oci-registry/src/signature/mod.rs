//! Signatures of images by a key, in both formats of cosign.
//!
//! A signature counts only if the key verifies its bytes, what it signs is the digest of the image, and it says that it
//! is a signature. Everything here works on bytes that are there already: the caller limits their size.
//!
//! No transparency log is consulted. Signatures without a key, which need one, are refused.
//!
//! ```
//! use oci_registry::signature::{Format, Outcome, PublicKey, bundle, judge};
//!
//! let key = PublicKey::from_pem(include_bytes!("../../tests/data/signatures/cosign/cosign.pub"))?;
//! let pinned = include_str!("../../tests/data/signatures/cosign/digest").parse()?;
//! let blob = include_bytes!("../../tests/data/signatures/cosign/bundle.json");
//!
//! let verified = judge([
//!     (Format::Bundle, bundle::check(&key, &pinned, blob).into()),
//!     (Format::SimpleSigning, Outcome::Unreadable("the registry answers 503".to_owned())),
//! ])?;
//! assert_eq!(
//!     verified.to_string(),
//!     "1 valid signature (sigstore bundle); no transparency log was consulted"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bundle;
mod key;
pub mod simple;
mod verdict;

pub use key::{KeyError, PublicKey};
pub use verdict::{Outcome, Problem, Unverified, Verified, judge};

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How a signature is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// A payload at the tag `sha256-….sig`, the default of cosign before version 3.
    SimpleSigning,
    /// A sigstore bundle that refers to the image, the default of cosign since version 3.
    Bundle,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::SimpleSigning => "simple signing",
            Format::Bundle => "sigstore bundle",
        })
    }
}

/// What a valid signature says besides the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The name of the image when it was signed. It is for messages only: images keep their signatures when they are
    /// copied.
    pub name: Option<String>,
}

/// Why something is not a valid signature of the image.
///
/// Text from the registry is shortened, and escaped in messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// The signature is empty.
    #[error("the signature is empty")]
    Empty,
    /// A field is not base64.
    #[error("the {0} is not valid base64")]
    Base64(&'static str),
    /// It is not the JSON that the format demands.
    #[error("the {what} is invalid: {error}")]
    Json {
        /// What is invalid.
        what: &'static str,
        /// What the parser says.
        error: String,
    },
    /// The key does not verify it.
    #[error("it was signed with another key, or changed afterwards{}", with_hint(.hint.as_deref()))]
    WrongKey {
        /// What the signature says about its key, which nobody has verified.
        hint: Option<String>,
    },
    /// An Ed25519 key does not verify it.
    #[error(
        "it was signed with another key, or changed afterwards, or signed as cosign 3 does it for Ed25519 keys \
         (Ed25519ph), which is not supported: use an ECDSA key"
    )]
    WrongKeyOrPrehashed,
    /// It was made for other images.
    #[error("it signs another image: {}", .signed.as_deref().unwrap_or("none"))]
    OtherImage {
        /// What it signs, or the first of several.
        signed: Option<String>,
    },
    /// The key signed it, but as a statement about the image: a list of its parts, or how it was built.
    #[error("it is an attestation of the type {predicate_type:?}, not a signature")]
    Attestation {
        /// The type of the statement.
        predicate_type: String,
    },
    /// A field that says what something is has another value.
    #[error("the {what} is {found:?}, but has to be {expected:?}")]
    Type {
        /// The field.
        what: &'static str,
        /// The value.
        found: String,
        /// The only value that counts.
        expected: &'static str,
    },
    /// It was made with a certificate that was valid for minutes. Only a transparency log can tell when that was.
    #[error(
        "it is keyless: it was made with a certificate instead of a key, and is checked with `cosign verify`"
    )]
    Keyless,
    /// A bundle says neither which key nor which certificate it was made with.
    #[error("the bundle does not say that it was made with a key")]
    NoVerificationMaterial,
    /// A bundle has the signature of a file, which is stored elsewhere.
    #[error("the bundle has no DSSE envelope: it signs a file, not an image")]
    NoEnvelope,
    /// An envelope in a bundle must have exactly one signature.
    #[error("the envelope has {0} signatures instead of one")]
    SignatureCount(usize),
}

impl Rejected {
    /// Returns why something is refused that a key does not verify.
    fn not_by(key: &PublicKey, hint: Option<String>) -> Rejected {
        match key.is_ed25519() {
            true => Rejected::WrongKeyOrPrehashed,
            false => Rejected::WrongKey { hint },
        }
    }

    /// Makes an error of the parser presentable.
    fn json(what: &'static str, error: &serde_json::Error) -> Rejected {
        Rejected::Json {
            what,
            error: plain(&excerpt(&error.to_string())),
        }
    }

    /// Checks a field that says what something is.
    fn unless_equal(
        what: &'static str,
        found: &str,
        expected: &'static str,
    ) -> Result<(), Rejected> {
        match found == expected {
            true => Ok(()),
            false => Err(Rejected::Type {
                what,
                found: excerpt(found),
                expected,
            }),
        }
    }
}

fn with_hint(hint: Option<&str>) -> String {
    match hint {
        None | Some("") => String::new(),
        Some(hint) => format!(" (it names the key {hint:?})"),
    }
}

/// How many characters of a text from elsewhere are shown.
const LONGEST_EXCERPT: usize = 200;

/// Returns the beginning of a text.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Returns a text with its control and invisible characters escaped, for messages that do not quote it.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => plain.push(character),
            other => plain.extend(other.escape_debug()),
        }
    }
    plain
}

/// Decodes base64 with the usual alphabet and padding, as annotations have it.
fn decode_strictly(text: &str, what: &'static str) -> Result<Vec<u8>, Rejected> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    decoded.map_err(|_| Rejected::Base64(what))
}

/// Decodes base64 as readers of protobuf's JSON have to: either alphabet, with or without padding.
fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, Rejected> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = match text.contains(['-', '_']) {
        true => &alphabet::URL_SAFE,
        false => &alphabet::STANDARD,
    };
    let decoded = GeneralPurpose::new(alphabet, CONFIG).decode(text);
    decoded.map_err(|_| Rejected::Base64(what))
}

#[cfg(test)]
mod tests;
