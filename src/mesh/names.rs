//! Names: the defaults of a mesh, which names are valid, and what to say about unknown ones.

use serde_json::{Value, json};

/// The default name of a mesh.
pub const DEFAULT_MESH_NAME: &str = "osm";
/// The default namespace of the control plane.
pub const DEFAULT_NAMESPACE: &str = "osm-system";

/// A name that a release cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has at most 53 lower-case letters, digits, dashes and dots, and starts and ends with a letter or digit"
)]
pub struct InvalidName;

/// Checks the name of a release as helm does: DNS labels (RFC 1123) separated by dots, at most 53 characters.
///
/// # Errors
/// The name is not valid. The message describes valid names.
pub fn check_release_name(name: &str) -> Result<(), InvalidName> {
    match name.len() <= 53 && is_subdomain(name) {
        true => Ok(()),
        false => Err(InvalidName),
    }
}

/// Returns the Namespace object of a release, as helm creates it.
pub fn namespace_object(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"name": name}},
    })
}

/// Returns whether a name is a DNS subdomain (RFC 1123, section 2.1), as most names in Kubernetes are.
pub fn is_subdomain(name: &str) -> bool {
    name.split('.').all(|label| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// A name that is not one of a few known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}; {}", self.hint())]
pub struct UnknownName {
    what: &'static str,
    name: String,
    near: Option<String>,
    known: Vec<String>,
}

impl UnknownName {
    pub(crate) fn new<'n>(
        what: &'static str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> UnknownName {
        UnknownName {
            what,
            name: name.to_owned(),
            near: image_pins::nearest(name, known.clone()).map(ToOwned::to_owned),
            known: known.map(ToOwned::to_owned).collect(),
        }
    }

    /// An unknown name that probably means `near`.
    pub(crate) fn nearest(what: &'static str, name: &str, near: &str) -> UnknownName {
        UnknownName {
            what,
            name: name.to_owned(),
            near: Some(near.to_owned()),
            known: Vec::new(),
        }
    }

    fn hint(&self) -> String {
        match &self.near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("expected one of {}", self.known.join(", ")),
        }
    }
}
