//! The `MeshConfig`: which images it sets for the sidecars, and which values reach it.
//!
//! osm-bootstrap creates it from the `ConfigMap` `preset-mesh-config` unless it exists, and the control plane reads only the
//! `MeshConfig`. An upgrade changes the preset alone.

use helm_chart::Object;
use serde_json::{Map, Value, json};

use super::values::{Root, ValuePath};

/// The name of the `MeshConfig` of a control plane.
pub const NAME: &str = "osm-mesh-config";
/// The API versions of the kind, the newest first.
pub const API_VERSIONS: [&str; 2] = [
    "config.openservicemesh.io/v1alpha2",
    "config.openservicemesh.io/v1alpha1",
];
/// The key of the preset in its `ConfigMap`.
const PRESET: &str = "preset-mesh-config.json";

/// The fields under `spec.sidecar` that name an image, and the variable of the injector that each overrides.
pub const IMAGE_FIELDS: [(&str, &str); 3] = [
    ("envoyImage", "OSM_DEFAULT_ENVOY_IMAGE"),
    ("envoyWindowsImage", "OSM_DEFAULT_ENVOY_WINDOWS_IMAGE"),
    ("initContainerImage", "OSM_DEFAULT_INIT_CONTAINER_IMAGE"),
];

/// An image that a `MeshConfig` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfiguredImage<'c> {
    /// The field under `spec.sidecar`: `envoyImage`.
    pub field: &'static str,
    /// The variable of the injector that it overrides.
    pub variable: &'static str,
    /// The reference, which may be invalid.
    pub reference: &'c str,
}

/// Lists the images that the `spec` of a `MeshConfig`, or its preset, sets. An empty field counts as not set.
pub fn configured_images(spec: &Value) -> Vec<ConfiguredImage<'_>> {
    let image = |(field, variable)| {
        let reference = spec.pointer("/sidecar")?.get(field)?.as_str()?;
        (!reference.is_empty()).then_some(ConfiguredImage {
            field,
            variable,
            reference,
        })
    };
    IMAGE_FIELDS.into_iter().filter_map(image).collect()
}

/// Returns the `spec` of a `MeshConfig`, or of the preset in a `ConfigMap`; `None` for every other object.
pub fn mesh_config_spec(object: &Value) -> Option<Value> {
    match object.get("kind")?.as_str()? {
        "MeshConfig" => object.get("spec").cloned(),
        "ConfigMap" => {
            let preset = object.get("data")?.get(PRESET)?.as_str()?;
            serde_json::from_str(preset).ok()
        }
        _ => None,
    }
}

/// Returns the preset among the objects of a release.
pub fn preset(objects: &[Object]) -> Option<Value> {
    let mut maps = objects.iter().filter(|object| object.kind() == "ConfigMap");
    maps.find_map(|map| mesh_config_spec(&map.value))
}

/// A value that the existing `MeshConfig` does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreachedValue {
    /// The value of the chart: `osm.enableEgress`.
    pub value: String,
    /// The field: `spec.traffic.enableEgress`.
    pub field: String,
    /// What the values say.
    pub wanted: Value,
    /// What the `MeshConfig` has; null if the field is not set.
    pub found: Value,
}

/// Lists the values that the user set or that changed since the last revision, and that the existing `MeshConfig` does
/// not have. `new` and `old` are the presets of the revisions, `spec` is that of the `MeshConfig`, and `set` is what the
/// user set.
pub fn unreached_values(
    new: &Value,
    old: Option<&Value>,
    spec: &Value,
    set: &Map<String, Value>,
    root: Root,
) -> Vec<UnreachedValue> {
    let mut found = Vec::new();
    let mut leaves = Vec::new();
    list_leaves(new, &mut Vec::new(), &mut leaves);
    for (path, wanted) in leaves {
        let pointer = format!("/{}", path.join("/"));
        let of = |value: &Value| value.pointer(&pointer).cloned().unwrap_or_default();
        let (before, live) = (old.map(of).unwrap_or_default(), of(spec));
        let field = path.join(".");
        let value = ValuePath::of_mesh_config(&field);
        let is_unchanged = is_same(wanted, &before) && value.get(root, set).is_none();
        if is_unchanged || is_same(wanted, &live) {
            continue;
        }
        found.push(UnreachedValue {
            value: value.under(root),
            field: format!("spec.{field}"),
            wanted: wanted.clone(),
            found: live,
        });
    }
    found
}

/// Returns the merge patch (RFC 7386) that sets values in a `MeshConfig`.
pub fn patch(values: &[UnreachedValue]) -> Value {
    let mut patch = Map::new();
    for value in values {
        helm_chart::values::insert(&mut patch, &value.field, value.wanted.clone());
    }
    Value::Object(patch)
}

/// Returns the merge patch that makes the sidecars use an image of the release again.
pub fn patch_without_image(field: &str) -> Value {
    json!({"spec": {"sidecar": {field: ""}}})
}

/// Lists the values in an object that are not objects, with their paths.
fn list_leaves<'v>(
    value: &'v Value,
    path: &mut Vec<&'v str>,
    leaves: &mut Vec<(Vec<&'v str>, &'v Value)>,
) {
    let Value::Object(map) = value else {
        leaves.push((path.clone(), value));
        return;
    };
    for (key, value) in map {
        path.push(key);
        list_leaves(value, path, leaves);
        path.pop();
    }
}

/// Returns whether two values mean the same: the API server leaves out what is empty.
fn is_same(a: &Value, b: &Value) -> bool {
    fn is_empty(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(false) => true,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(true) => false,
        }
    }
    a == b || (is_empty(a) && is_empty(b))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mesh::images::scan;
    use crate::mesh::{Plan, Request};

    #[test]
    fn images_are_found_in_a_mesh_config_and_in_its_preset() {
        let spec = json!({"sidecar": {"envoyImage": "envoy:1", "initContainerImage": "", "logLevel": "error"}});
        let config = json!({"kind": "MeshConfig", "spec": spec});
        let map = json!({"kind": "ConfigMap", "data": {PRESET: spec.to_string()}});
        for object in [config, map] {
            let spec = mesh_config_spec(&object).unwrap();
            let images = configured_images(&spec);
            assert_eq!(images.len(), 1, "{object}");
            assert_eq!(images[0].field, "envoyImage");
            assert_eq!(images[0].reference, "envoy:1");
        }
        assert_eq!(
            mesh_config_spec(&json!({"kind": "ConfigMap", "data": {"a": "{}"}})),
            None
        );
    }

    #[test]
    fn an_image_of_a_rendered_mesh_config_counts_as_an_image_of_the_chart() {
        let manifest = "kind: MeshConfig\napiVersion: config.openservicemesh.io/v1alpha2\n\
                        metadata: {name: osm-mesh-config}\nspec: {sidecar: {envoyImage: envoy:1}}\n";
        let objects = helm_chart::read_manifest("config", manifest).unwrap();
        let images = scan(&objects, false).unwrap();
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].reference.to_string(), "envoy:1");
        let place = "MeshConfig/osm-mesh-config, sidecar.envoyImage";
        assert_eq!(images[0].places, [place]);
    }

    #[test]
    fn values_that_changed_and_that_the_mesh_config_lacks_are_listed() {
        let old = json!({"traffic": {"enableEgress": false, "outboundPortExclusionList": []}});
        let new = json!({"traffic": {"enableEgress": true, "outboundPortExclusionList": [1]}});
        let (none, mut set) = (Map::new(), Map::new());
        ValuePath::of_mesh_config("traffic.enableEgress").set(Root::Osm, &mut set, true);
        let unreached_of = |old: Option<&Value>, spec: &Value, set: &Map<String, Value>| {
            let values = unreached_values(&new, old, spec, set, Root::Osm);
            values
                .into_iter()
                .map(|value| value.value)
                .collect::<Vec<String>>()
        };
        let unreached = |old: Option<&Value>, spec: Value| unreached_of(old, &spec, &none);
        let path = |field| ValuePath::of_mesh_config(field).under(Root::Osm);
        let egress = path("traffic.enableEgress");
        let ports = path("traffic.outboundPortExclusionList");
        let both = [egress.clone(), ports.clone()];
        assert_eq!(unreached(Some(&old), json!({})), both);
        assert_eq!(unreached(None, json!({})), both);
        let live = json!({"traffic": {"enableEgress": true}});
        assert_eq!(unreached(Some(&old), live), [ports]);
        // A user has changed the field; the values did not.
        assert_eq!(unreached(Some(&new), json!({})), [""; 0]);
        assert_eq!(unreached_of(Some(&new), &json!({}), &set), [egress]);
        let values = unreached_values(&new, None, &json!({}), &none, Root::Osm);
        let want =
            json!({"spec": {"traffic": {"enableEgress": true, "outboundPortExclusionList": [1]}}});
        assert_eq!(patch(&values), want);
    }

    #[test]
    fn every_field_of_the_preset_has_a_value_in_the_chart() {
        let plan = Plan::new(&Request::default()).unwrap();
        let (chart, mut values) = (&plan.chart, plan.values.clone());
        ValuePath::of_mesh_config("observability.tracing.enable").set(Root::Osm, &mut values, true);
        let objects = chart.render(&values, &plan.target).unwrap();
        let preset = preset(&objects).unwrap();
        let mut leaves = Vec::new();
        list_leaves(&preset, &mut Vec::new(), &mut leaves);
        assert!(leaves.len() > 20, "{}", leaves.len());
        for (path, _) in leaves {
            let value = ValuePath::of_mesh_config(&path.join("."));
            assert!(
                value.get(Root::Osm, &chart.values).is_some(),
                "{value} of {path:?}"
            );
        }
    }
}
