//! The part of a reference before the name of the image: a registry, optionally with a path.

use std::fmt;
use std::str::FromStr;

use crate::reference::{
    Reference, ReferenceError, check_component, check_first, check_length, refuse_empty_or_scheme,
};
use crate::text::{Quoted, serde_as_text};

/// A registry, optionally with a path, that images are published to: `seaport`, `registry.example.com:5000/seaport`,
/// `[::1]:5000`.
///
/// It is a host, a host with a path, or a path on Docker Hub. It has no scheme, tag, digest or trailing slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryPrefix(String);

impl RepositoryPrefix {
    /// Returns the reference `<registry>/<name>`, without tag and digest. The name may have several components.
    ///
    /// # Errors
    ///
    /// The name is not valid, or the reference would be too long.
    pub fn image(&self, name: &str) -> Result<Reference, ReferenceError> {
        name.split('/').try_for_each(check_component)?;
        format!("{}/{name}", self.0).parse()
    }
}

impl AsRef<str> for RepositoryPrefix {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RepositoryPrefix {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        refuse_empty_or_scheme(text)?;
        if text.contains('@') {
            return Err(ReferenceError::RegistryWithDigest(Quoted(text).to_string()));
        }
        let (first, path) = match text.split_once('/') {
            Some((first, path)) => (first, Some(path)),
            None => (text, None),
        };
        let (before_last, last) = text.rsplit_once('/').unwrap_or(("", text));
        // After a colon, the first part has a port and any other part has a tag.
        let tag = match last.rsplit_once(':') {
            Some((_, tag)) if before_last.is_empty() => {
                !tag.contains(']')
                    && !tag.is_empty()
                    && !tag.bytes().all(|digit| digit.is_ascii_digit())
            }
            tag => tag.is_some(),
        };
        if tag {
            return Err(ReferenceError::RegistryWithTag(Quoted(text).to_string()));
        }
        check_first(first)?;
        if let Some(path) = path {
            if path.is_empty() || path.ends_with('/') {
                return Err(ReferenceError::TrailingSlash(Quoted(text).to_string()));
            }
            path.split('/').try_for_each(check_component)?;
        }
        check_length(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for RepositoryPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(
    RepositoryPrefix,
    "a registry such as `registry.example.com/mesh`"
);
