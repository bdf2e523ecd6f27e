//! The final reference of each image, and its origin.

use std::fmt;

use image_pins::{Digest, Reference, RepositoryPrefix, Tag};
use serde_json::{Map, Value};

use super::compiled::{COMPONENTS, Pins};
use super::origins::{Origins, Source};
use crate::mesh::names::UnknownName;
use crate::mesh::values::{self, FLUENT_BIT, IMAGE_REGISTRY, IMAGE_TAG, Root, ValuePath};

/// An image that an installation uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The component: the name of its published image.
    pub component: String,
    /// Its key in the chart's values.
    pub key: String,
    /// The full reference.
    pub reference: Reference,
    /// What set the tag or the digest.
    pub source: Source,
    /// What set the registry, if that is another source and not compiled in.
    pub registry_source: Option<Source>,
}

/// Why the values give a component no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A value is not valid.
    #[error("{path} ({set_by}): {reason}")]
    Invalid {
        /// The path of the value.
        path: String,
        /// What set it.
        set_by: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// A component has neither a tag nor a digest.
    #[error("{component} has no image: neither {tag} nor {digest} is set")]
    NoImage {
        /// The component.
        component: String,
        /// The path of the tag of all components.
        tag: String,
        /// The path of the digest of this component.
        digest: String,
    },
}

/// Resolves the image of each component, and the third-party images in use.
///
/// `values` are the chart's merged values (see
/// [`effective_values`](helm_chart::Chart::effective_values)).
///
/// # Errors
/// A component with neither tag nor digest, or an invalid reference.
pub fn resolve(
    pins: &Pins,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<Vec<ResolvedImage>, ResolveError> {
    let invalid = |path: &ValuePath, reason: &dyn fmt::Display| ResolveError::Invalid {
        path: path.to_string(),
        set_by: origins.source(path),
        reason: reason.to_string(),
    };
    let text = |path: &ValuePath| path.text(Root::Osm, values);
    let registry: RepositoryPrefix = text(&IMAGE_REGISTRY)
        .parse()
        .map_err(|e| invalid(&IMAGE_REGISTRY, &e))?;
    let registry_source = origins.source(&IMAGE_REGISTRY);
    let tag = text(&IMAGE_TAG);
    let mut images = Vec::new();
    for (component, key) in pins.components() {
        let name_path = ValuePath::image_name(key);
        let name = text(&name_path);
        let name = if name.is_empty() { component } else { &name };
        let repository = registry.image(name).map_err(|e| invalid(&name_path, &e))?;
        let digest_path = ValuePath::image_digest(key);
        let digest = text(&digest_path);
        let (reference, path) = if !tag.is_empty() {
            let tag: Tag = tag.parse().map_err(|e| invalid(&IMAGE_TAG, &e))?;
            (repository.with_tag(&tag), IMAGE_TAG)
        } else if !digest.is_empty() {
            let digest = digest.parse().map_err(|e| invalid(&digest_path, &e))?;
            (repository.with_digest(digest), digest_path)
        } else {
            return Err(ResolveError::NoImage {
                component: component.to_owned(),
                tag: IMAGE_TAG.to_string(),
                digest: digest_path.to_string(),
            });
        };
        if let Some(why) = reference.digest().and_then(Digest::implausible) {
            return Err(invalid(&path, &format!("{reference}: {why}")));
        }
        let source = origins.source(&path);
        let has_other_registry =
            registry_source != source && origins.is_overridden(&IMAGE_REGISTRY);
        images.push(ResolvedImage {
            component: component.to_owned(),
            key: key.to_owned(),
            reference,
            source,
            registry_source: has_other_registry.then(|| registry_source.clone()),
        });
    }
    for image in values::third_party_images(values) {
        let next = match image.path == FLUENT_BIT {
            true => "set its registry, image, and tag or digest",
            false => "set it to the reference of an image",
        };
        let reference: Reference = (image.reference)
            .parse()
            .map_err(|e| invalid(&image.path, &format!("{e}; {next}")))?;
        let source = origins.source(&image.set_at);
        let other_registry = image.registry_at.filter(|path| origins.is_overridden(path));
        let registry_source = other_registry.map(|path| origins.source(path));
        images.push(ResolvedImage {
            component: reference.file_name().to_owned(),
            key: image.path.key().to_owned(),
            registry_source: registry_source.filter(|registry| *registry != source),
            source,
            reference,
        });
    }
    Ok(images)
}

/// Returns the chart key of a component, by its image name or its key.
///
/// # Errors
/// An unknown component. The message names the known ones.
pub fn component_key(name: &str) -> Result<&'static str, UnknownName> {
    let found = COMPONENTS.iter().find(|c| c.name == name || c.key == name);
    let names = || COMPONENTS.iter().map(|c| c.name);
    found
        .map(|c| c.key)
        .ok_or_else(|| UnknownName::new("component", name, names()))
}
