//! The final reference of each image, whether it is pinned, and its origin.

use image_pins::{Digest, Reference, RepositoryPrefix, Tag};
use serde::Serialize;
use serde_json::{Map, Value};

use super::compiled::{COMPONENTS, Pins};
use helm_chart::values::lookup;
use helm_chart::yaml::Marks;

/// An image that an installation uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedImage {
    /// The component: the name of its published image.
    pub component: String,
    /// Its key in the chart's values.
    pub key: String,
    /// The full reference.
    pub reference: Reference,
    /// Whether the reference has a digest.
    pub pinned: bool,
    /// The source of the reference: `compiled-in v1.2.4`, `--image-tag`, `--set osm.image.tag`, a file.
    pub origin: String,
}

/// The origins of values: each layer of values with its name, strongest last.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<Layer>);

#[derive(Debug, Clone)]
struct Layer {
    name: String,
    values: Map<String, Value>,
    /// The positions of the keys, for a file.
    marks: Marks,
}

impl Origins {
    /// Adds a layer over the existing ones.
    pub fn push(&mut self, name: impl Into<String>, values: Map<String, Value>) {
        self.push_file(name, values, Marks::new());
    }

    /// Adds the layer of a file, with the positions of its keys.
    pub fn push_file(&mut self, name: impl Into<String>, values: Map<String, Value>, marks: Marks) {
        self.0.push(Layer {
            name: name.into(),
            values,
            marks,
        });
    }

    /// Returns the name of the strongest layer that sets a path.
    pub fn of(&self, path: &str) -> &str {
        let found = self
            .0
            .iter()
            .rev()
            .find(|layer| lookup(&layer.values, path).is_some());
        found.map_or("chart default", |layer| &layer.name)
    }

    /// Returns whether a layer over the compiled-in pins sets the path.
    pub fn is_overridden(&self, path: &str) -> bool {
        self.0
            .iter()
            .skip(1)
            .any(|layer| lookup(&layer.values, path).is_some())
    }

    /// Returns where the value at these keys (`[0]` for an item of a list) was set, with line and column for a file.
    pub fn place(&self, keys: &[String]) -> Option<String> {
        let pointer: String = keys
            .iter()
            .map(
                |key| match key.strip_prefix('[').and_then(|k| k.strip_suffix(']')) {
                    Some(index) => format!("/{index}"),
                    None => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
                },
            )
            .collect();
        self.0.iter().rev().find_map(|layer| {
            let mut value: Option<&Value> = None;
            for (i, key) in pointer.split('/').skip(1).enumerate() {
                let key = key.replace("~1", "/").replace("~0", "~");
                value = match (i, value) {
                    (0, _) => layer.values.get(&key),
                    (_, Some(Value::Object(map))) => map.get(&key),
                    (_, Some(Value::Array(items))) => items.get(key.parse::<usize>().ok()?),
                    _ => None,
                };
            }
            value?;
            Some(match layer.marks.get(&pointer) {
                Some((line, column)) => format!("{}:{line}:{column}", layer.name),
                None => layer.name.clone(),
            })
        })
    }
}

/// Resolves the image of each component, and the third-party images in use.
///
/// `values` are the chart's merged values (see
/// [`effective_values`](helm_chart::Chart::effective_values)).
///
/// # Errors
/// A component with neither tag nor digest, or an invalid reference. The message names the value to set.
pub fn resolve(
    pins: &Pins,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<Vec<ResolvedImage>, String> {
    let text = |path: &str| lookup(values, path).map(to_text).unwrap_or_default();
    let registry_path = "osm.image.registry";
    let registry: RepositoryPrefix = text(registry_path)
        .parse()
        .map_err(|e| format!("{registry_path} ({}): {e}", origins.of(registry_path)))?;
    let tag = text("osm.image.tag");
    let mut images = Vec::new();
    for (component, key) in pins.components() {
        let name = text(&format!("osm.image.name.{key}"));
        let name = if name.is_empty() { component } else { &name };
        let wrong =
            |path: &str, e: &dyn std::fmt::Display| format!("{path} ({}): {e}", origins.of(path));
        let repository = registry
            .image(name)
            .map_err(|e| wrong(&format!("osm.image.name.{key}"), &e))?;
        let digest_path = format!("osm.image.digest.{key}");
        let digest = text(&digest_path);
        let (reference, path) = if !tag.is_empty() {
            let tag: Tag = tag.parse().map_err(|e| wrong("osm.image.tag", &e))?;
            (repository.with_tag(&tag), "osm.image.tag".to_owned())
        } else if !digest.is_empty() {
            let digest = digest.parse().map_err(|e| wrong(&digest_path, &e))?;
            (repository.with_digest(digest), digest_path)
        } else {
            return Err(format!(
                "{component} has no image: neither osm.image.tag nor {digest_path} is set"
            ));
        };
        if let Some(why) = reference.digest().and_then(Digest::implausible) {
            return Err(wrong(&path, &format!("{reference}: {why}")));
        }
        let mut origin = origins.of(&path).to_owned();
        let registry_origin = origins.of(registry_path);
        if registry_origin != origin && origins.is_overridden(registry_path) {
            origin = format!("{origin}, registry: {registry_origin}");
        }
        images.push(ResolvedImage {
            component: component.to_owned(),
            key: key.to_owned(),
            pinned: reference.is_pinned(),
            reference,
            origin,
        });
    }
    for path in third_party_paths(values) {
        let reference: Reference = if path == "fluentBit" {
            fluent_bit(values).parse()
        } else {
            text(&format!("osm.{path}")).parse()
        }
        .map_err(|e| {
            let path = format!("osm.{path}");
            format!(
                "{path} ({}): {e}; set it to an image's reference",
                origins.of(&path)
            )
        })?;
        images.push(ResolvedImage {
            component: reference.file_name().to_owned(),
            key: path.to_owned(),
            pinned: reference.is_pinned(),
            origin: origins.of(&format!("osm.{path}")).to_owned(),
            reference,
        });
    }
    Ok(images)
}

/// Returns the paths of the third-party images that the chart uses with these values.
fn third_party_paths(values: &Map<String, Value>) -> Vec<&'static str> {
    let on = |path: &str| lookup(values, path) == Some(&Value::Bool(true));
    let mut paths = vec!["curlImage", "sidecarImage", "sidecarWindowsImage"];
    if on("osm.deployPrometheus") {
        paths.push("prometheus.image");
    }
    if on("osm.deployJaeger") {
        paths.push("tracing.image");
    }
    if on("osm.enableFluentbit") {
        paths.push("fluentBit");
    }
    paths
}

fn fluent_bit(values: &Map<String, Value>) -> String {
    let text = |key: &str| {
        lookup(values, &format!("osm.fluentBit.{key}"))
            .map(to_text)
            .unwrap_or_default()
    };
    let name = match text("image") {
        name if name.is_empty() => "fluent-bit".to_owned(),
        name => name,
    };
    match (text("digest"), text("tag")) {
        (digest, _) if !digest.is_empty() => format!("{}/{name}@{digest}", text("registry")),
        (_, tag) => format!("{}/{name}:{tag}", text("registry")),
    }
}

/// Formats a value as the chart does: whole numbers without a fraction.
fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => helm_chart::json::compact(other),
    }
}

/// Returns the chart key of a component, by its image name or its key.
///
/// # Errors
/// An unknown component. The message names the known ones.
pub fn component_key(name: &str) -> Result<&'static str, String> {
    let found = COMPONENTS.iter().find(|c| c.name == name || c.key == name);
    found.map(|c| c.key).ok_or_else(|| {
        let names = COMPONENTS.iter().map(|c| c.name);
        match image_pins::nearest(name, names.clone()) {
            Some(near) => format!("unknown component {name:?}; did you mean {near}?"),
            None => {
                let names: Vec<&str> = names.collect();
                format!(
                    "unknown component {name:?}; expected one of {}",
                    names.join(", ")
                )
            }
        }
    })
}
