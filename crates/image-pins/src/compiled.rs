//! The types of generated constants, which need no parsing at run time.

use std::fmt;

use crate::digest::Digest;
use crate::reference::{Reference, ReferenceError};

/// A release and its pins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release {
    /// Its name, `v1.2.4`.
    pub name: &'static str,
    /// The registry of its images.
    pub registry: &'static str,
    /// Its images, sorted by component.
    pub images: &'static [Pin],
    /// Its third-party images, sorted by key.
    pub external: &'static [External],
}

/// An image of a release and its digest.
///
/// Displayed as a full reference: `registry.example.com/seaport/harbor@sha256:…`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pin {
    /// The name of the image, without registry.
    pub component: &'static str,
    /// The key of the image in the values of a chart; the name of the image if no component of that name is declared.
    pub key: &'static str,
    /// The registry, with the path above the image's name.
    pub registry: &'static str,
    /// The digest of the image.
    pub digest: Digest,
}

impl Pin {
    /// Returns the full reference, `registry.example.com/seaport/harbor@sha256:…`.
    ///
    /// # Errors
    ///
    /// The registry or the component is not part of a valid reference. This cannot happen with generated constants.
    pub fn reference(&self) -> Result<Reference, ReferenceError> {
        self.to_string().parse()
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.registry, self.component, self.digest)
    }
}

/// A third-party image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct External {
    /// Its dotted key.
    pub key: &'static str,
    /// Its full reference, which is valid.
    pub reference: &'static str,
}

/// The images that a build uses by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Channel {
    /// The images of a release, each by its digest.
    Release(&'static Release),
    /// Images by a mutable tag.
    Floating {
        /// The name of the channel.
        name: &'static str,
        /// The tag of every image.
        tag: &'static str,
    },
}

/// A declared component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComponentInfo {
    /// The name of the image.
    pub name: &'static str,
    /// The key of the image in the values of a chart.
    pub key: &'static str,
    /// A one-line description.
    pub description: &'static str,
    /// The first release that contains it.
    pub since: &'static str,
}
