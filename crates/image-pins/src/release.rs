//! The names of releases: `v1.2.4`, `v1.2.0-rc.1`.

use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};
use thiserror::Error;

use crate::text::{Quoted, serde_as_text};

/// The maximum length of a tag: images are tagged with the names of releases.
const LONGEST_NAME: usize = 128;

/// The name of a release: `v` and a semantic version (Semantic Versioning 2.0.0) without build metadata.
///
/// The order is the specification's precedence (section 11): a pre-release comes before its release.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName(Version);

impl ReleaseName {
    /// Returns the release of these numbers.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version {
            major,
            minor,
            patch,
            pre: Prerelease::EMPTY,
            build: BuildMetadata::EMPTY,
        })
    }

    /// Returns the major version.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// Returns the minor version.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// Returns the patch version.
    pub fn patch(&self) -> u64 {
        self.0.patch
    }

    /// Returns whether this is a pre-release.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// Returns major, minor and patch version. A pre-release has those of its release.
    pub fn base(&self) -> (u64, u64, u64) {
        (self.0.major, self.0.minor, self.0.patch)
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("v{}", self.0))
    }
}

impl fmt::Debug for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReleaseName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        let wrong = |reason: &dyn fmt::Display| ReleaseNameError {
            text: Quoted(text).to_string(),
            reason: reason.to_string(),
        };
        let version = text
            .strip_prefix('v')
            .ok_or_else(|| wrong(&"the leading `v` is missing"))?;
        if text.len() > LONGEST_NAME {
            return Err(wrong(&format_args!(
                "it is longer than {LONGEST_NAME} characters"
            )));
        }
        let version: Version = version.parse().map_err(|error| wrong(&error))?;
        if !version.build.is_empty() {
            return Err(wrong(&"a tag cannot contain `+`"));
        }
        Ok(Self(version))
    }
}

serde_as_text!(ReleaseName, "the name of a release such as `v1.2.4`");

/// Why a string is not the name of a release.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text} is not the name of a release such as `v1.2.4` or `v1.2.0-rc.1`: {reason}")]
pub struct ReleaseNameError {
    text: String,
    reason: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_as_semantic_versions() {
        let names = [
            "v0.9.0",
            "v0.11.0",
            "v1.2.0-rc.1",
            "v1.2.0-rc.2",
            "v1.2.0-rc.10",
            "v1.2.0",
            "v1.2.10",
        ];
        let parsed: Vec<ReleaseName> = names.iter().map(|name| name.parse().unwrap()).collect();
        assert!(parsed.is_sorted(), "{parsed:?}");
        assert_eq!(
            parsed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            names
        );
    }

    #[test]
    fn a_prerelease_has_the_numbers_of_its_release() {
        let candidate: ReleaseName = "v1.2.0-rc.1".parse().unwrap();
        assert!(candidate.is_prerelease());
        assert_eq!(candidate.base(), ReleaseName::new(1, 2, 0).base());
    }

    #[test]
    fn invalid_names_are_refused() {
        let long = format!("v1.2.3-{}", "a".repeat(122));
        for name in [
            "",
            "v",
            "1.2.3",
            "V1.2.3",
            "v1.2",
            "v1.2.3.4",
            "v01.2.3",
            "v1.2.3-",
            "v1.2.3+linux",
            "main",
            &long,
        ] {
            assert!(name.parse::<ReleaseName>().is_err(), "{name}");
        }
        assert_eq!(
            "v1.2".parse::<ReleaseName>().unwrap_err().to_string(),
            "`v1.2` is not the name of a release such as `v1.2.4` or `v1.2.0-rc.1`: \
             unexpected end of input while parsing minor version number"
        );
    }
}
