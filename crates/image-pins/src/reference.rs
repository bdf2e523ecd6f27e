//! Image references, `[domain/]path[:tag][@digest]`, and their parts.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::digest::{Digest, DigestError};
use crate::text::{Quoted, serde_as_text};

/// The maximum length of a name, including the domain, for clients (OCI distribution specification, "Pulling manifests").
const LONGEST_NAME: usize = 255;
/// The maximum length of a tag (OCI distribution specification, "Pulling manifests").
const LONGEST_TAG: usize = 128;
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_LEGACY: &str = "index.docker.io";
const DOCKER_HUB_OFFICIAL: &str = "library";

/// A reference to an image: `[domain/]path[:tag][@digest]`.
///
/// The grammar is that of the OCI distribution specification ("Pulling manifests") and, for the domain, of the
/// `reference` package of `distribution/reference`. The part before the first `/` is a domain if it has
/// a `.`, a `:` or an upper-case letter or is `localhost`; otherwise it is part of a path on Docker Hub. A reference is
/// displayed exactly as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    name: String,
    has_domain: bool,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// Returns domain and path as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the host of the registry, with the port if there is one; `None` for a short Docker Hub name.
    pub fn domain(&self) -> Option<&str> {
        self.split_name().0
    }

    /// Returns the name without the domain.
    pub fn path(&self) -> &str {
        self.split_name().1
    }

    /// Returns the tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_ref().map(Tag::as_ref)
    }

    /// Returns the digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns whether the reference has a digest.
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    /// Returns the same name with this tag and without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: &Tag) -> Self {
        Self {
            tag: Some(tag.clone()),
            digest: None,
            ..self.clone()
        }
    }

    /// Returns the same name with this digest and without a tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// Returns the reference with the parts that short Docker Hub names omit: `docker.io/library/curl` for `curl`. Tag
    /// and digest stay the same. A name that would have more than 255 characters is returned unchanged.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let (domain, path) = match self.split_name() {
            (None | Some(DOCKER_HUB | DOCKER_HUB_LEGACY), path) => (DOCKER_HUB, path),
            (Some(domain), path) => (domain, path),
        };
        let name = if domain == DOCKER_HUB && !path.contains('/') {
            format!("{domain}/{DOCKER_HUB_OFFICIAL}/{path}")
        } else {
            format!("{domain}/{path}")
        };
        if name.len() > LONGEST_NAME {
            return self.clone();
        }
        Self {
            name,
            has_domain: true,
            ..self.clone()
        }
    }

    /// Returns the last component of the path: `envoy` for `registry.example.com/proxies/envoy:v1`.
    pub fn file_name(&self) -> &str {
        self.name
            .rsplit_once('/')
            .map_or(&*self.name, |(_, last)| last)
    }

    fn split_name(&self) -> (Option<&str>, &str) {
        match self.name.split_once('/') {
            Some((domain, path)) if self.has_domain => (Some(domain), path),
            _ => (None, &self.name),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self
            .digest
            .map(|digest| format!("@{digest}"))
            .unwrap_or_default();
        f.pad(&format!("{}{tag}{digest}", self.name))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        refuse_empty_or_scheme(text)?;
        let (rest, digest) = match text.split_once('@') {
            Some((_, "")) => return Err(ReferenceError::EmptyDigest),
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the domain.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains(['/', ']']) => (name, Some(tag.parse()?)),
            _ => (rest, None),
        };
        let has_domain = match name.split_once('/') {
            None if name.is_empty() => return Err(ReferenceError::Empty),
            None => {
                check_component(name)?;
                false
            }
            Some((first, path)) => {
                let has_domain = check_first(first)?;
                path.split('/').try_for_each(check_component)?;
                has_domain
            }
        };
        check_length(name)?;
        Ok(Self {
            name: name.to_owned(),
            has_domain,
            tag,
            digest,
        })
    }
}

/// A tag (OCI distribution specification, "Pulling manifests"): `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if text.is_empty() {
            Err(ReferenceError::EmptyTag)
        } else if text.len() > LONGEST_TAG {
            Err(ReferenceError::TagTooLong(text.chars().count()))
        } else if text.starts_with(['.', '-']) || !text.chars().all(ok) {
            Err(ReferenceError::Tag(Quoted(text).to_string()))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

macro_rules! debug_as_text {
    ($($type:ty),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

debug_as_text!(Reference, Tag);
serde_as_text!(
    Reference,
    "an image reference such as `registry.example.com/app:v1`"
);
serde_as_text!(Tag, "a tag such as `v1.2.4`");

pub(crate) fn refuse_empty_or_scheme(text: &str) -> Result<(), ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    match text.split_once("://") {
        Some((scheme, rest)) => Err(ReferenceError::Scheme {
            scheme: Quoted(&format!("{scheme}://")).to_string(),
            rest: Quoted(rest.trim_end_matches('/')).to_string(),
        }),
        None => Ok(()),
    }
}

pub(crate) fn check_length(name: &str) -> Result<(), ReferenceError> {
    if name.len() > LONGEST_NAME {
        return Err(ReferenceError::NameTooLong(name.len()));
    }
    Ok(())
}

/// Checks the part before the first slash and returns whether it is a domain.
pub(crate) fn check_first(first: &str) -> Result<bool, ReferenceError> {
    let looks_like_domain = first == "localhost"
        || first.contains(['.', ':', '['])
        || first.bytes().any(|byte| byte.is_ascii_uppercase());
    if looks_like_domain && is_domain(first) {
        return Ok(true);
    }
    match check_component(first) {
        Ok(()) => Ok(false),
        Err(_) if looks_like_domain => Err(ReferenceError::Domain(Quoted(first).to_string())),
        Err(error) => Err(error),
    }
}

/// Returns whether this is a `domain` of distribution/reference: a host name or an IPv6 address in brackets, optionally
/// with a port.
fn is_domain(text: &str) -> bool {
    let (host_is_good, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (is_ipv6(address), None),
        Some((address, after)) => match after.strip_prefix(':') {
            Some(port) => (is_ipv6(address), Some(port)),
            None => (false, None),
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host.split('.').all(is_domain_component), Some(port)),
            None => (text.split('.').all(is_domain_component), None),
        },
    };
    host_is_good
        && port
            .is_none_or(|port| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()))
}

fn is_ipv6(address: &str) -> bool {
    !address.is_empty()
        && address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

fn is_domain_component(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Checks a `path-component` of distribution/reference: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
pub(crate) fn check_component(text: &str) -> Result<(), ReferenceError> {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let wrong = || ReferenceError::Component(Quoted(text).to_string());
    if text.is_empty() {
        return Err(ReferenceError::EmptyComponent);
    }
    let mut rest = text;
    loop {
        let after_word = rest.trim_start_matches(is_alphanumeric);
        if after_word.len() == rest.len() {
            return Err(if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                ReferenceError::UpperCase(Quoted(text).to_string())
            } else {
                wrong()
            });
        }
        if after_word.is_empty() {
            return Ok(());
        }
        rest = match after_word
            .strip_prefix('.')
            .or_else(|| after_word.strip_prefix("__"))
        {
            Some(rest) => rest,
            None => match after_word.strip_prefix('_') {
                Some(rest) => rest,
                // Any other character stays and is refused at the start of the next word.
                None => after_word.trim_start_matches('-'),
            },
        };
        if rest.is_empty() {
            return Err(wrong());
        }
    }
}

/// Why a string is not an image reference, a tag or a repository prefix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// An empty string.
    #[error("the name is empty")]
    Empty,
    /// A URL instead of a name.
    #[error("{scheme} is not part of an image name: write {rest}")]
    Scheme {
        /// The scheme, quoted.
        scheme: String,
        /// The text without it, quoted.
        rest: String,
    },
    /// The part before the first slash is not a host.
    #[error(
        "{0} is not a valid registry host: expected a host name or [IPv6 address], optionally with `:port`"
    )]
    Domain(String),
    /// Two slashes in a row, or a slash at an end.
    #[error("the image name has an empty part: remove the extra slash")]
    EmptyComponent,
    /// An invalid path component.
    #[error(
        "{0} is not a valid part of an image name: expected lower-case letters and digits, separated by `.`, `_`, `__` or dashes"
    )]
    Component(String),
    /// A path component with upper-case letters.
    #[error("{0} has upper-case letters: image names must be in lower case")]
    UpperCase(String),
    /// More than 255 characters.
    #[error("an image name has at most {LONGEST_NAME} characters, but this one has {0}")]
    NameTooLong(usize),
    /// A colon without a tag.
    #[error("the tag is empty: remove the `:` or add a tag")]
    EmptyTag,
    /// More than 128 characters.
    #[error("a tag has at most {LONGEST_TAG} characters, but this one has {0}")]
    TagTooLong(usize),
    /// A tag with invalid characters.
    #[error(
        "{0} is not a valid tag: expected letters, digits, `_`, `.` and `-`, not starting with `.` or `-`"
    )]
    Tag(String),
    /// An `@` without a digest.
    #[error("the digest is empty: remove the `@` or add a digest")]
    EmptyDigest,
    /// The part after `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A registry with a tag.
    #[error("{0} has a tag: expected a registry, optionally with a path, without a tag")]
    RegistryWithTag(String),
    /// A registry with a digest.
    #[error("{0} has a digest: expected a registry, optionally with a path, without a digest")]
    RegistryWithDigest(String),
    /// A registry that ends with a slash.
    #[error("{0} ends with a slash: remove it")]
    TrailingSlash(String),
}
