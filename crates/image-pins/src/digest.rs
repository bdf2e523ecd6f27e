//! Content digests: `sha256:…` and `sha512:…`.

use std::fmt;
use std::str::FromStr;

mod never_a_manifest;

use thiserror::Error;

use crate::text::{Quoted, serde_as_text};

/// A registered algorithm of the OCI image specification (descriptor.md, "Registered Identifiers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256: 32 bytes, 64 hexadecimal digits.
    Sha256,
    /// SHA-512: 64 bytes, 128 hexadecimal digits.
    Sha512,
}

impl Algorithm {
    /// Returns the name, which precedes the colon in a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits in a digest.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A content digest (OCI image specification, descriptor.md, "Digests"): an algorithm and its bytes.
///
/// Displayed as `<algorithm>:<lower-case hexadecimal digits>`. Every value of this type is a well-formed digest. The
/// variants are public so that generated code can use digests as constants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// A SHA-256 digest.
    Sha256([u8; 32]),
    /// A SHA-512 digest.
    Sha512([u8; 64]),
}

impl Digest {
    /// Returns the algorithm of this digest.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Returns the bytes: 32 for SHA-256, 64 for SHA-512.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    /// Returns the bytes as lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(self.algorithm().hex_len());
        for byte in self.as_bytes() {
            hex.extend(
                [byte >> 4, byte & 0xf]
                    .map(|nibble| char::from_digit(nibble.into(), 16).unwrap_or('0')),
            );
        }
        hex
    }

    /// Returns why no published image can have this digest, or `None` if one can.
    pub fn implausible(&self) -> Option<Implausible> {
        match self {
            Self::Sha256(EMPTY_SHA256) | Self::Sha512(EMPTY_SHA512) => {
                Some(Implausible::EmptyInput)
            }
            _ if self.as_bytes().iter().all(|byte| *byte == 0) => Some(Implausible::AllZeros),
            _ => self.of_failed_output(),
        }
    }

    fn of_failed_output(&self) -> Option<Implausible> {
        let hex = self.hex();
        if never_a_manifest::EMPTY_LAYERS.contains(&hex.as_str()) {
            return Some(Implausible::EmptyLayer);
        }
        let (output, ..) = never_a_manifest::OUTPUTS
            .iter()
            .find(|(_, sha256, sha512)| [*sha256, *sha512].contains(&hex.as_str()))?;
        Some(Implausible::FailedOutput(output))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.algorithm(), self.hex()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Parses `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let Some((name, hex)) = text.split_once(':') else {
            return Err(DigestError::NoAlgorithm(Quoted(text).to_string()));
        };
        match name {
            "sha256" => bytes_of_hex(Algorithm::Sha256, hex).map(Self::Sha256),
            "sha512" => bytes_of_hex(Algorithm::Sha512, hex).map(Self::Sha512),
            _ if matches!(name.to_ascii_lowercase().as_str(), "sha256" | "sha512") => {
                Err(DigestError::UpperCase)
            }
            _ => Err(DigestError::UnknownAlgorithm(Quoted(name).to_string())),
        }
    }
}

serde_as_text!(
    Digest,
    "a digest such as `sha256:` and 64 hexadecimal digits"
);

fn bytes_of_hex<const N: usize>(algorithm: Algorithm, hex: &str) -> Result<[u8; N], DigestError> {
    if let Some(other) = hex.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(DigestError::NotHexadecimal(other));
    }
    let mut bytes = [0; N];
    // The digits are ASCII, so the number of bytes is the number of characters.
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(DigestError::Length {
            algorithm,
            found: hex.len(),
        });
    }
    if hex.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(DigestError::UpperCase);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (nibble(*high) << 4) | nibble(*low);
    }
    Ok(bytes)
}

/// Returns the value of a lower-case hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        b'0'..=b'9' => digit - b'0',
        _ => 0,
    }
}

/// Why a string is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DigestError {
    /// `<algorithm>:` is missing.
    #[error("{0} is not a digest: expected `sha256:` and 64 hexadecimal digits")]
    NoAlgorithm(String),
    /// The algorithm is neither SHA-256 nor SHA-512.
    #[error("{0} is not a supported digest algorithm: expected `sha256` or `sha512`")]
    UnknownAlgorithm(String),
    /// The number of digits does not match the algorithm.
    #[error("a {algorithm} digest has {} hexadecimal digits, but this one has {found}", .algorithm.hex_len())]
    Length {
        /// The algorithm of the digest.
        algorithm: Algorithm,
        /// The number of digits found.
        found: usize,
    },
    /// Upper-case letters. The specification allows only lower case: other programs compare digests as strings.
    #[error("a digest must be in lower case")]
    UpperCase,
    /// A character that is not a hexadecimal digit.
    #[error("{0:?} is not a hexadecimal digit")]
    NotHexadecimal(char),
}

/// Why no published image can have a digest: it is not the digest of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Implausible {
    /// The digest of empty input, which results from hashing the output of a failed command.
    #[error(
        "this is the digest of empty input: the command whose output was hashed probably failed"
    )]
    EmptyInput,
    /// Only zeros: a placeholder.
    #[error("this digest is all zeros: a placeholder that was never filled in")]
    AllZeros,
    /// The digest of what a failed command prints, such as `{}` or `null`.
    #[error("this is the digest of {0:?}: the command whose output was hashed probably failed")]
    FailedOutput(&'static str),
    /// The digest of a layer without files.
    #[error("this is the digest of an empty layer, not of an image")]
    EmptyLayer,
}

const EMPTY_SHA256: [u8; 32] = *b"\
    \xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\
    \x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55";

const EMPTY_SHA512: [u8; 64] = *b"\
    \xcf\x83\xe1\x35\x7e\xef\xb8\xbd\xf1\x54\x28\x50\xd6\x6d\x80\x07\
    \xd6\x20\xe4\x05\x0b\x57\x15\xdc\x83\xf4\xa9\x21\xd3\x6c\xe9\xce\
    \x47\xd0\xd1\x3c\x5d\x85\xf2\xb0\xff\x83\x18\xd2\x87\x7e\xec\x2f\
    \x63\xb9\x31\xbd\x47\x41\x7a\x81\xa5\x38\x32\x7a\xf9\x27\xda\x3e";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_why_a_string_is_not_a_digest() {
        let hex = "0123456789abcdef".repeat(4);
        for (text, message) in [
            (
                String::new(),
                "`` is not a digest: expected `sha256:` and 64 hexadecimal digits",
            ),
            (
                "<none>".to_owned(),
                "`<none>` is not a digest: expected `sha256:` and 64 hexadecimal digits",
            ),
            (
                hex.clone(),
                &format!("`{hex}` is not a digest: expected `sha256:` and 64 hexadecimal digits"),
            ),
            (
                format!("md5:{hex}"),
                "`md5` is not a supported digest algorithm: expected `sha256` or `sha512`",
            ),
            (
                format!(":{hex}"),
                "`` is not a supported digest algorithm: expected `sha256` or `sha512`",
            ),
            (format!("SHA256:{hex}"), "a digest must be in lower case"),
            (
                format!("sha256:{}", hex.to_uppercase()),
                "a digest must be in lower case",
            ),
            (
                "sha256:".to_owned(),
                "a sha256 digest has 64 hexadecimal digits, but this one has 0",
            ),
            (
                format!("sha256:{hex}0"),
                "a sha256 digest has 64 hexadecimal digits, but this one has 65",
            ),
            (
                format!("sha512:{hex}"),
                "a sha512 digest has 128 hexadecimal digits, but this one has 64",
            ),
            (format!("sha256:{hex} "), "' ' is not a hexadecimal digit"),
            (format!("sha256:é{hex}"), "'é' is not a hexadecimal digit"),
            (
                format!("sha256:sha256:{hex}"),
                "'s' is not a hexadecimal digit",
            ),
        ] {
            assert_eq!(
                text.parse::<Digest>().unwrap_err().to_string(),
                message,
                "{text:?}"
            );
        }
    }

    #[test]
    fn digests_left_by_failed_commands_are_implausible() {
        for (text, reason) in [
            (
                "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                    .to_owned(),
                Some(Implausible::EmptyInput),
            ),
            (
                "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
                    .to_owned(),
                Some(Implausible::EmptyInput),
            ),
            (
                format!("sha256:{}", "0".repeat(64)),
                Some(Implausible::AllZeros),
            ),
            (
                format!("sha512:{}", "0".repeat(128)),
                Some(Implausible::AllZeros),
            ),
            (
                "sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"
                    .to_owned(),
                Some(Implausible::FailedOutput("\n")),
            ),
            (
                "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                    .to_owned(),
                Some(Implausible::FailedOutput("{}")),
            ),
            (
                "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
                    .to_owned(),
                Some(Implausible::EmptyLayer),
            ),
            (format!("sha256:{}1", "0".repeat(63)), None),
        ] {
            assert_eq!(
                text.parse::<Digest>().unwrap().implausible(),
                reason,
                "{text}"
            );
        }
    }

    #[test]
    fn debug_is_the_text_and_width_is_honoured() {
        let digest = Digest::Sha256([0xab; 32]);
        assert_eq!(format!("{digest:?}"), format!("sha256:{}", "ab".repeat(32)));
        assert_eq!(
            format!("{digest:<73}|"),
            format!("sha256:{}  |", "ab".repeat(32))
        );
    }
}
