//! The public key that signatures are checked with.

use std::fmt;
use std::str::FromStr;

use graviola::hashing;
use graviola::signing::eddsa::Ed25519VerifyingKey;
use graviola::signing::{ecdsa, rsa};
use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{SubjectPublicKeyInfoDer, alg_id};
use sha2::{Digest as _, Sha256, Sha512};

use super::excerpt;

/// A public key, as `cosign generate-key-pair` writes it to `cosign.pub`.
///
/// | key | signatures |
/// | --- | --- |
/// | ECDSA P-256 | with SHA-256 |
/// | ECDSA P-384 | with SHA-384 or SHA-256 |
/// | ECDSA P-521 | with SHA-512 or SHA-256 |
/// | RSA, 2048 to 8192 bits | PKCS #1 v1.5 with SHA-256 |
/// | Ed25519 | of the message, not of its hash (RFC 8032, section 5.1; not Ed25519ph) |
///
/// cosign used SHA-256 for all keys in the past. Version 3 uses the hash that fits the curve, and Ed25519ph, which its
/// command `verify` refuses, too.
pub struct PublicKey(Kind);

enum Kind {
    P256(Box<ecdsa::VerifyingKey<ecdsa::P256>>),
    P384(Box<ecdsa::VerifyingKey<ecdsa::P384>>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Rsa(Box<rsa::VerifyingKey>),
    Ed25519(Box<Ed25519VerifyingKey>),
}

/// Why bytes are not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A private key, without a password.
    #[error("this is a private key: give the public key, and keep this file secret")]
    PrivateKey,
    /// A private key with a password, such as `cosign.key`.
    #[error(
        "this is an encrypted private key: give the public key, which cosign writes to cosign.pub"
    )]
    EncryptedPrivateKey,
    /// A certificate.
    #[error(
        "this is a certificate: give the public key, which `openssl x509 -noout -pubkey -in FILE` prints"
    )]
    Certificate,
    /// There is no PEM block (RFC 7468).
    #[error("this is not a PEM file: expected a block that begins with -----BEGIN PUBLIC KEY-----")]
    NotPem,
    /// A PEM block of another type.
    #[error("this is a PEM block {0:?}: expected PUBLIC KEY")]
    Label(String),
    /// The PEM block has no end or is not base64.
    #[error("the PEM block is damaged: export the public key again")]
    Damaged,
    /// More than one block.
    #[error("the file has {0} PEM blocks: give a file with one public key")]
    Several(usize),
    /// The algorithm has no support here.
    #[error(
        "keys of the type {0} are not supported: use ECDSA on P-256, P-384 or P-521, RSA or Ed25519"
    )]
    Unsupported(String),
    /// The numbers of the key are not possible or not secure.
    #[error("the {0} key is invalid, or of a size that is not supported")]
    Invalid(&'static str),
}

impl PublicKey {
    /// Reads a PEM file (RFC 7468) with one block `PUBLIC KEY`: a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    ///
    /// # Errors
    /// It is something else, and the error says what, or the algorithm is not supported. No error contains bytes of a
    /// private key.
    pub fn from_pem(pem: &[u8]) -> Result<PublicKey, KeyError> {
        let labels: Vec<String> = pem.split(|byte| *byte == b'\n').filter_map(label).collect();
        if let Some(label) = labels.iter().find(|label| label.ends_with("PRIVATE KEY")) {
            return Err(match label.starts_with("ENCRYPTED") {
                true => KeyError::EncryptedPrivateKey,
                false => KeyError::PrivateKey,
            });
        }
        match labels.as_slice() {
            [] => Err(KeyError::NotPem),
            [label] if label == "PUBLIC KEY" => {
                let der = SubjectPublicKeyInfoDer::from_pem_slice(pem);
                PublicKey::from_der(&der.map_err(|_| KeyError::Damaged)?)
            }
            [label, ..] if label.ends_with("CERTIFICATE") => Err(KeyError::Certificate),
            [label] => Err(KeyError::Label(excerpt(label))),
            several => Err(KeyError::Several(several.len())),
        }
    }

    fn from_der(der: &[u8]) -> Result<PublicKey, KeyError> {
        let (algorithm, key) = split_key_info(der).ok_or(KeyError::Damaged)?;
        let is = |known: alg_id::AlgorithmIdentifier| known.as_ref() == algorithm;
        let (name, kind) = if is(alg_id::ECDSA_P256) {
            let key = ecdsa::VerifyingKey::from_x962_uncompressed(key);
            ("ECDSA P-256", key.ok().map(Box::new).map(Kind::P256))
        } else if is(alg_id::ECDSA_P384) {
            let key = ecdsa::VerifyingKey::from_x962_uncompressed(key);
            ("ECDSA P-384", key.ok().map(Box::new).map(Kind::P384))
        } else if is(alg_id::ECDSA_P521) {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key);
            ("ECDSA P-521", key.ok().map(Box::new).map(Kind::P521))
        } else if is(alg_id::RSA_ENCRYPTION) {
            let key = rsa::VerifyingKey::from_pkcs1_der(key);
            ("RSA", key.ok().map(Box::new).map(Kind::Rsa))
        } else if is(alg_id::ED25519) {
            let key = Ed25519VerifyingKey::from_bytes(key);
            ("Ed25519", key.ok().map(Box::new).map(Kind::Ed25519))
        } else {
            return Err(KeyError::Unsupported(algorithm_name(algorithm)));
        };
        kind.map(PublicKey).ok_or(KeyError::Invalid(name))
    }

    /// Returns whether the owner of this key signed exactly this message. `signature` is DER for ECDSA (RFC 3279,
    /// section 2.2.3), otherwise the plain bytes.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::P256(key) => is_ecdsa::<_, hashing::Sha256>(key, message, signature),
            Kind::P384(key) => {
                is_ecdsa::<_, hashing::Sha384>(key, message, signature)
                    || is_ecdsa::<_, hashing::Sha256>(key, message, signature)
            }
            Kind::P521(key) => {
                is_p521(key, &Sha512::digest(message), signature)
                    || is_p521(key, &Sha256::digest(message), signature)
            }
            Kind::Rsa(key) => key.verify_pkcs1_sha256(signature, message).is_ok(),
            Kind::Ed25519(key) => key.verify(signature, message).is_ok(),
        }
    }

    /// Returns whether signatures can have been made in a way that is not supported.
    pub(super) fn is_ed25519(&self) -> bool {
        matches!(self.0, Kind::Ed25519(_))
    }
}

/// Returns whether a signature is valid with the hash function `H`.
fn is_ecdsa<C: ecdsa::Curve, H: hashing::Hash>(
    key: &ecdsa::VerifyingKey<C>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    key.verify_asn1::<H>(&[message], signature).is_ok()
}

/// Returns whether a signature on the curve P-521 is valid for a hash (FIPS 186-5, section 6.4.2).
fn is_p521(key: &p521::ecdsa::VerifyingKey, hash: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = p521::ecdsa::DerSignature::from_bytes(signature) else {
        return false;
    };
    key.verify_prehash(hash, &signature).is_ok()
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(pem: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_pem(pem.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            Kind::P256(_) => "ECDSA P-256",
            Kind::P384(_) => "ECDSA P-384",
            Kind::P521(_) => "ECDSA P-521",
            Kind::Rsa(_) => "RSA",
            Kind::Ed25519(_) => "Ed25519",
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Returns the label of a line that begins a PEM block.
fn label(line: &[u8]) -> Option<String> {
    let label = line
        .trim_ascii_end()
        .strip_prefix(b"-----BEGIN ")?
        .strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
}

/// Splits a `SubjectPublicKeyInfo` into the contents of the algorithm identifier and the key.
fn split_key_info(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    let (info, after) = element(SEQUENCE, der)?;
    let (algorithm, rest) = element(SEQUENCE, info)?;
    let (bits, end) = element(BIT_STRING, rest)?;
    // The first byte is the number of unused bits.
    let key = bits.strip_prefix(&[0])?;
    (after.is_empty() && end.is_empty()).then_some((algorithm, key))
}

/// Splits DER (X.690, section 10.1) into the contents of the first element, which must have this tag, and the rest.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Returns a name for the contents of an algorithm identifier: the usual one, or the numbers of the object identifier.
fn algorithm_name(algorithm: &[u8]) -> String {
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let first = element(OBJECT_IDENTIFIER, algorithm);
    let Some((identifier, parameters)) = first.and_then(|(oid, rest)| Some((dotted(oid)?, rest)))
    else {
        return "unknown".to_owned();
    };
    match identifier.as_str() {
        "1.2.840.10045.2.1" => {
            let curve = element(OBJECT_IDENTIFIER, parameters).and_then(|(oid, _)| dotted(oid));
            match curve.as_deref() {
                Some("1.3.132.0.10") => "ECDSA on secp256k1".to_owned(),
                Some(curve) => format!("ECDSA on the curve {curve}"),
                None => "ECDSA on a curve without a name".to_owned(),
            }
        }
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.2.840.113549.1.1.10" => "RSA-PSS".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".to_owned(),
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".to_owned(),
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".to_owned(),
        _ => identifier,
    }
}

/// Returns the numbers of an object identifier (X.690, section 8.19).
fn dotted(identifier: &[u8]) -> Option<String> {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in identifier {
        number = number.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // The first two numbers are in one.
        if numbers.is_empty() {
            let root = (number / 40).min(2);
            numbers.push(root);
            number -= root * 40;
        }
        numbers.push(number);
        number = 0;
    }
    let ends_here = identifier.last().is_some_and(|byte| byte & 0x80 == 0);
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    ends_here.then(|| excerpt(&numbers.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::{fixture, fixture_text};

    const MESSAGE: &str = "payload.json";

    #[test]
    fn signatures_of_openssl_are_accepted_for_every_kind_of_key() {
        let table = [
            ("p256", "p256-sha256", "ECDSA P-256"),
            ("p384", "p384-sha256", "ECDSA P-384"),
            ("p384", "p384-sha384", "ECDSA P-384"),
            ("p521", "p521-sha256", "ECDSA P-521"),
            ("p521", "p521-sha512", "ECDSA P-521"),
            ("rsa2048", "rsa2048-sha256", "RSA"),
            ("rsa4096", "rsa4096-sha256", "RSA"),
            ("ed25519", "ed25519", "Ed25519"),
        ];
        let message = fixture(MESSAGE);
        for (key, signature, name) in table {
            let key: PublicKey = fixture_text(&format!("{key}.pub")).parse().unwrap();
            let signed = fixture(&format!("{signature}.sig"));
            assert_eq!(key.to_string(), name);
            assert!(key.verify(&message, &signed), "{signature}");
            assert!(!key.verify(&message, &[]), "{signature}");
            assert!(!key.verify(&message[1..], &signed), "{signature}");
            for (_, other, _) in table.iter().filter(|(_, other, _)| *other != signature) {
                let other_signature = fixture(&format!("{other}.sig"));
                let is_same_key = other.split('-').next() == signature.split('-').next();
                let verified = key.verify(&message, &other_signature);
                assert_eq!(verified, is_same_key, "{other} with the key of {signature}");
            }
        }
    }

    #[test]
    fn a_signature_with_an_unusual_hash_is_refused() {
        for (key, signature) in [("p256", "p256-sha512"), ("rsa2048", "rsa2048-pss")] {
            let key = PublicKey::from_pem(&fixture(&format!("{key}.pub"))).unwrap();
            let signature = fixture(&format!("{signature}.sig"));
            assert!(!key.verify(&fixture(MESSAGE), &signature), "{key}");
        }
    }

    #[test]
    fn text_around_the_block_and_windows_line_ends_do_not_matter() {
        let pem = fixture_text("p256.pub");
        for text in [
            pem.replace('\n', "\r\n"),
            format!("The key of the harbor\n{pem}\n# end\n"),
            pem.trim_end().to_owned(),
        ] {
            assert!(text.parse::<PublicKey>().is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused_with_its_name() {
        let public = fixture_text("p256.pub");
        let cut = public.replace("-----END", "");
        let garbage = public.replace("MFkw", "M?kw");
        let short = public.replace("MFkw", "MFgw");
        let twice = format!("{public}{public}");
        let parameters = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
            fixture_text("unsupported/sec1.key")
        );
        let read = |name: &str| fixture_text(&format!("unsupported/{name}"));
        let table = [
            (fixture_text("p256.key"), KeyError::PrivateKey),
            (read("sec1.key"), KeyError::PrivateKey),
            (read("pkcs1.key"), KeyError::PrivateKey),
            (parameters, KeyError::PrivateKey),
            (read("encrypted.key"), KeyError::EncryptedPrivateKey),
            (read("cosign.key"), KeyError::EncryptedPrivateKey),
            (read("certificate.pem"), KeyError::Certificate),
            (
                read("pkcs1.pub"),
                KeyError::Label("RSA PUBLIC KEY".to_owned()),
            ),
            (String::new(), KeyError::NotPem),
            ("ssh-ed25519 AAAAC3Nza me@host".to_owned(), KeyError::NotPem),
            (cut, KeyError::Damaged),
            (garbage, KeyError::Damaged),
            (short, KeyError::Damaged),
            (twice, KeyError::Several(2)),
            (
                read("secp256k1.pub"),
                KeyError::Unsupported("ECDSA on secp256k1".to_owned()),
            ),
            (
                read("brainpool.pub"),
                KeyError::Unsupported("ECDSA on the curve 1.3.36.3.3.2.8.1.1.7".to_owned()),
            ),
            (
                read("rsa-pss.pub"),
                KeyError::Unsupported("RSA-PSS".to_owned()),
            ),
            (read("ed448.pub"), KeyError::Unsupported("Ed448".to_owned())),
            (
                read("x25519.pub"),
                KeyError::Unsupported("1.3.101.110".to_owned()),
            ),
            (read("rsa1024.pub"), KeyError::Invalid("RSA")),
            (
                read("p256-compressed.pub"),
                KeyError::Invalid("ECDSA P-256"),
            ),
        ];
        for (pem, error) in table {
            assert_eq!(pem.parse::<PublicKey>().unwrap_err(), error, "{pem}");
        }
    }

    #[test]
    fn no_part_of_a_private_key_is_in_an_error() {
        let secrets = ["p256.key", "unsupported/sec1.key", "unsupported/cosign.key"];
        for name in secrets {
            let pem = fixture_text(name);
            let error = pem.parse::<PublicKey>().unwrap_err();
            let text = format!("{error} {error:?}");
            let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("--")).collect();
            assert!(!lines.is_empty(), "{name}");
            for line in lines {
                assert!(!text.contains(line), "{text}");
            }
        }
    }

    #[test]
    fn der_with_bytes_behind_it_or_cut_off_is_damaged() {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&fixture("p256.pub")).unwrap();
        assert!(PublicKey::from_der(&der).is_ok());
        for length in 0..der.len() {
            let error = PublicKey::from_der(&der[..length]).unwrap_err();
            assert_eq!(error, KeyError::Damaged, "{length}");
        }
        let behind = [&der, [0x05, 0x00].as_slice()].concat();
        let mut inside = behind.clone();
        inside[1] += 2;
        for longer in [behind, inside] {
            assert_eq!(PublicKey::from_der(&longer).unwrap_err(), KeyError::Damaged);
        }
    }
}
