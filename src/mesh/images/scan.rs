//! Finds the images in rendered objects: those of containers, of environment variables, and of the `MeshConfig`.

use std::collections::BTreeMap;

use image_pins::{Digest, Reference};
use serde_json::Value;

use crate::mesh::mesh_config::{configured_images, mesh_config_spec};
use helm_chart::Object;

/// An image in the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// The reference.
    pub reference: Reference,
    /// The containers that use it: `Deployment/osm-controller, container init`.
    pub places: Vec<String>,
}

/// An invalid image reference in an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {text:?} is not an image reference: {reason}")]
pub struct BadImage {
    place: String,
    text: String,
    reason: String,
}

/// Returns all images in the objects, each once, sorted.
///
/// Searches all containers (init and ephemeral ones, too) wherever a Pod template is nested, and their environment
/// variables whose names end in `_IMAGE`, and the `MeshConfig` or its preset. In another chart (`is_ours` is false) such a variable may hold other values.
///
/// # Errors
/// An invalid reference, such as `name@` or `name:`.
pub fn scan<'o>(
    objects: impl IntoIterator<Item = &'o Object>,
    is_ours: bool,
) -> Result<Vec<FoundImage>, BadImage> {
    let mut found = Found {
        images: BTreeMap::new(),
        is_ours,
    };
    for object in objects {
        let place = format!("{}/{}", object.kind(), object.name());
        walk(&object.value, &place, &mut found)?;
        // It decides which images the sidecars get.
        let spec = mesh_config_spec(&object.value).unwrap_or_default();
        for image in configured_images(&spec) {
            let place = format!("{place}, sidecar.{}", image.field);
            note(&Value::from(image.reference), place, &mut found)?;
        }
    }
    Ok(found
        .images
        .into_iter()
        .map(|(reference, places)| FoundImage { reference, places })
        .collect())
}

struct Found {
    images: BTreeMap<Reference, Vec<String>>,
    is_ours: bool,
}

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

fn walk(value: &Value, place: &str, found: &mut Found) -> Result<(), BadImage> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, place, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::Array(items) if CONTAINER_LISTS.contains(&key.as_str()) => {
                        items
                            .iter()
                            .try_for_each(|item| container(item, place, found))?;
                    }
                    _ => walk(value, place, found)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn container(value: &Value, place: &str, found: &mut Found) -> Result<(), BadImage> {
    let name = value
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("without a name");
    let place = format!("{place}, container {name}");
    if let Some(image) = value.get("image").filter(|image| !image.is_null()) {
        note(image, place.clone(), found)?;
    }
    for variable in value
        .get("env")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = variable
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some(Value::String(image)) = variable.get("value") else {
            continue;
        };
        let names_an_image =
            name.ends_with("_IMAGE") && (found.is_ours || image.parse::<Reference>().is_ok());
        if names_an_image {
            note(
                &Value::from(image.as_str()),
                format!("{place}, env {name}"),
                found,
            )?;
        }
    }
    Ok(())
}

fn note(image: &Value, place: String, found: &mut Found) -> Result<(), BadImage> {
    let text = image
        .as_str()
        .map_or_else(|| image.to_string(), ToOwned::to_owned);
    let reference: Reference = match text.parse::<Reference>() {
        Ok(reference) => reference,
        Err(error) => {
            return Err(BadImage {
                place,
                text,
                reason: error.to_string(),
            });
        }
    };
    if let Some(why) = reference.digest().and_then(Digest::implausible) {
        return Err(BadImage {
            place,
            text,
            reason: why.to_string(),
        });
    }
    found.images.entry(reference).or_default().push(place);
    Ok(())
}
