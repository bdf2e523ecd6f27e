//! Digests of bytes, at once or as they arrive.

use image_pins::{Algorithm, Digest};
use sha2::{Digest as _, Sha256, Sha512};

/// Returns the SHA-256 digest of bytes.
///
/// ```
/// let digest = oci_registry::digest_of(b"{}");
/// assert_eq!(
///     digest.to_string(),
///     "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
/// );
/// ```
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::Sha256(Sha256::digest(bytes).into())
}

/// Computes a digest piece by piece. A copy goes on from the same state.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Box::default()),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hash) => hash.update(bytes),
            Hasher::Sha512(hash) => hash.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(hash) => Digest::Sha256(hash.finalize().into()),
            Hasher::Sha512(hash) => Digest::Sha512(hash.finalize().into()),
        }
    }

    /// Returns the digest of bytes with the algorithm of `digest`.
    pub fn same_algorithm(digest: &Digest, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(digest.algorithm());
        hasher.update(bytes);
        hasher.finish()
    }
}
