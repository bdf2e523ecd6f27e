//! The platform that an image is for: `linux/amd64`, `linux/arm/v7`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The platform of an image (OCI image specification, image-index.md, "platform").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct Platform {
    /// The operating system, by Go's name: `linux`.
    pub os: String,
    /// The architecture, by Go's name: `amd64`.
    pub architecture: String,
    /// The variant of the architecture: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, which Windows images have.
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
}

/// A string is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform such as linux/amd64 or linux/arm/v7")]
pub struct InvalidPlatform(String);

impl Platform {
    /// Returns whether nothing runs on it: such entries of an index are attestations (`unknown/unknown`).
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// Returns whether an image for `other` is meant by this platform. Without a variant, all variants are.
    pub fn matches(&self, other: &Platform) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant() == other.variant())
    }

    /// Returns the variant; that of arm64 is `v8` if none is given.
    fn variant(&self) -> Option<&str> {
        match (&self.variant, self.architecture.as_str()) {
            (None, "arm64") => Some("v8"),
            (variant, _) => variant.as_deref(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}/{}", self.os, self.architecture);
        if let Some(variant) = &self.variant {
            text.push('/');
            text.push_str(variant);
        }
        f.pad(&text)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    /// Parses `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`.
    fn from_str(text: &str) -> Result<Platform, InvalidPlatform> {
        let wrong = || InvalidPlatform(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !parts.iter().all(is_word) {
            return Err(wrong());
        }
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_owned())),
            _ => return Err(wrong()),
        };
        Ok(Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant,
            os_version: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn a_platform_is_displayed_as_it_was_parsed() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(platform(text).to_string(), text);
        }
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64"] {
            let error = text.parse::<Platform>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn a_platform_without_a_variant_matches_every_variant() {
        let table = [
            ("linux/arm", "linux/arm/v7", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/amd64", "windows/amd64", false),
            ("linux/amd64/v3", "linux/amd64", false),
        ];
        for (wanted, found, matches) in table {
            assert_eq!(
                platform(wanted).matches(&platform(found)),
                matches,
                "{wanted} {found}"
            );
        }
    }
}
