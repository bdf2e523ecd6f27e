//! What generated code is made of: constants that need no parsing at run time.

use crate::digest::Digest;

/// A release and its pins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release {
    /// Its name, `v1.2.4`.
    pub name: &'static str,
    /// Where its images are published.
    pub registry: &'static str,
    /// Its images, sorted by component.
    pub images: &'static [Pin],
    /// The images of others that it uses, sorted by key.
    pub external: &'static [External],
}

/// An image of a release and its digest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pin {
    /// The name of the image.
    pub component: &'static str,
    /// What a chart calls it; the image's name if no component of that name is declared.
    pub key: &'static str,
    /// What it is pinned to.
    pub digest: Digest,
}

/// An image of somebody else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct External {
    /// The dotted key of it.
    pub key: &'static str,
    /// Its full reference, well-formed.
    pub reference: &'static str,
}

/// What a build uses by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Channel {
    /// The release of this name, pinned.
    Release(&'static str),
    /// Images by a tag that moves.
    Floating {
        /// What the channel is called.
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
    /// What a chart calls it.
    pub key: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// The first release that has it.
    pub since: &'static str,
}
