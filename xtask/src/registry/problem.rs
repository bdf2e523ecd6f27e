//! What is wrong with the images of a release in a registry, and what to do about it.

use std::fmt;

use image_pins::{Digest, Implausible, Reference, Tag};
use oci_registry::{Host, RegistryError, Remedy};

/// What is wrong with the image of a component.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no such tag.
    #[error("{image}:{tag} does not exist")]
    NoTag {
        /// The name of the image.
        image: Box<Reference>,
        /// The tag.
        tag: Tag,
    },
    /// The tag has another digest than it should have.
    #[error("{image}:{tag} is {found}, not {wanted}")]
    OtherDigest {
        /// The name of the image.
        image: Box<Reference>,
        /// The tag.
        tag: Tag,
        /// The digest that it has.
        found: Box<Digest>,
        /// The digest that it should have.
        wanted: Box<Digest>,
    },
    /// It is the image of one platform.
    #[error("{image} is a manifest for {platforms}, but an index of all platforms is expected")]
    NotAnIndex {
        /// The image with its digest.
        image: Box<Reference>,
        /// The platform of the image.
        platforms: String,
    },
    /// A platform is missing.
    #[error("{image} has no image for {missing}, only for {found}")]
    Platforms {
        /// The image with its digest.
        image: Box<Reference>,
        /// The platforms that are missing.
        missing: String,
        /// The platforms that are there.
        found: String,
    },
    /// The digest is one that no image has.
    #[error("{image}: {reason}")]
    Implausible {
        /// The image with its digest.
        image: Box<Reference>,
        /// Why no image has this digest.
        reason: Implausible,
    },
    /// Two components have the same image.
    #[error("{image} has the same digest as {other}")]
    Twin {
        /// The image with its digest.
        image: Box<Reference>,
        /// The name of the other image.
        other: Box<Reference>,
    },
    /// The registry does not tell whether the tag exists.
    #[error("cannot determine whether the tag exists: {error}")]
    Unknown {
        /// The registry.
        host: Host,
        /// Its answer.
        error: Box<RegistryError>,
    },
    /// A repository has tags, but the registry does not list them.
    #[error("cannot determine the highest release: {error}")]
    Unlisted {
        /// The registry.
        host: Host,
        /// Its answer.
        error: Box<RegistryError>,
    },
    /// The image does not exist or is incomplete, or the registry cannot be reached.
    #[error("{error}")]
    Registry {
        /// The registry.
        host: Host,
        /// Its answer.
        error: Box<RegistryError>,
    },
}

impl Problem {
    /// Returns what to do about it, if the message does not say it.
    pub(crate) fn hint(&self) -> Option<String> {
        let (host, error) = match self {
            Problem::OtherDigest { .. } => {
                return Some(
                    "the tag of a release never moves: find out who pushed it, or publish a new version".to_owned(),
                );
            }
            Problem::NotAnIndex { .. } | Problem::Platforms { .. } => {
                return Some(
                    "build and push the image for all platforms, under one tag".to_owned(),
                );
            }
            Problem::Twin { .. } => {
                return Some(
                    "two components never have the same image: push the right one".to_owned(),
                );
            }
            Problem::NoTag { .. } | Problem::Implausible { .. } => return None,
            Problem::Unknown { host, error }
            | Problem::Unlisted { host, error }
            | Problem::Registry { host, error } => (host, error),
        };
        Some(match error.remedy()? {
            Remedy::LogIn => {
                format!("log in with `docker login {host}`, or pass --registry-auth-file")
            }
            Remedy::LogInAgain => {
                format!("log in again with `docker login {host}`, or pass --token-server")
            }
            Remedy::AllowInsecure(server) => format!("pass --insecure-registry {server}"),
            Remedy::AllowInsecureRegistry => format!("pass --insecure-registry {host}"),
            Remedy::AllowTokenServer(server) => format!("pass --token-server {server}"),
            Remedy::TrustAuthority => {
                "pass the authority of the registry with --ca-file".to_owned()
            }
            _ => return None,
        })
    }
}

/// Problems as a task prints them: each with its hint.
pub(crate) struct Listed<'p>(pub &'p [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.0 {
            writeln!(f, "error: {problem}")?;
            if let Some(hint) = problem.hint() {
                writeln!(f, "  hint: {hint}")?;
            }
        }
        Ok(())
    }
}
