//! What each value of the compiled-in chart is: its type, its default and its meaning.

use std::collections::{BTreeMap, BTreeSet};

use helm_chart::ChartError;
use helm_chart::values::lookup;
use serde_json::{Map, Value};

use super::chart::chart;
use super::images::{GivenBy, Pins, Setting};
use super::names::UnknownName;
use super::values::{
    ENFORCE_SINGLE_MESH, IMAGE_DIGESTS, IMAGE_PULL_POLICY, IMAGE_REGISTRY, IMAGE_TAG, MESH_NAME,
    Root, text,
};

/// The comments of `values.yaml` by the JSON pointers of their keys, as JSON: see `build/chart.rs`.
const COMMENTS: &str = include_str!(concat!(env!("OUT_DIR"), "/value_comments.json"));

/// The values of the compiled-in chart.
#[derive(Debug)]
pub struct ValueDocs {
    defaults: Map<String, Value>,
    schema: Value,
    comments: BTreeMap<String, String>,
    pins: Map<String, Value>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueDoc {
    /// Its dotted path; empty for all values.
    pub path: String,
    /// What it can be: `string`, `one of Always, Never`.
    pub type_name: String,
    /// The default of the chart. A value without one is not set.
    pub default: Option<Value>,
    /// The compiled-in value, which overrides the default.
    pub pinned: Option<Value>,
    /// What it means, and the path of the value that this is said of: this one or one around it.
    pub meaning: Option<(String, String)>,
    /// The options that set it, the strongest first.
    pub settings: Vec<Setting>,
    /// The keys of the values inside of it, sorted.
    pub children: Vec<String>,
}

impl ValueDoc {
    /// Returns the first sentence of its own meaning.
    pub fn summary(&self) -> String {
        let own = self.meaning.as_ref().filter(|(_, of)| *of == self.path);
        let text = own.map(|(meaning, _)| meaning.replace('\n', " "));
        let text = text.unwrap_or_default();
        match text.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => text,
        }
    }
}

impl ValueDocs {
    /// Reads the compiled-in chart.
    ///
    /// # Errors
    /// Never: the build has checked the chart.
    pub fn read() -> Result<ValueDocs, ChartError> {
        let chart = chart()?;
        let invalid = |error: serde_json::Error| ChartError::File {
            path: "the compiled-in chart".to_owned(),
            message: error.to_string(),
        };
        let schema = chart.schema.as_ref().map_or("{}", |schema| schema.text());
        Ok(ValueDocs {
            schema: serde_json::from_str(schema).map_err(invalid)?,
            comments: serde_json::from_str(COMMENTS).map_err(invalid)?,
            defaults: chart.values,
            pins: Pins::default_channel().to_values(),
        })
    }

    /// Returns the value at a path; an empty path is that of all values.
    ///
    /// # Errors
    /// The chart has no such value. The message names the nearest one.
    pub fn find(&self, path: &str) -> Result<ValueDoc, UnknownName> {
        match self.schema_of(path) {
            Some(schema) => Ok(self.describe(path, schema)),
            None => Err(self.unknown(path)),
        }
    }

    /// The error for a value that the chart does not have. It names the nearest one, or else those beside it.
    fn unknown(&self, path: &str) -> UnknownName {
        let all = self.all();
        let below_root = join(Root::Osm.key(), path);
        let exact = all.iter().map(|doc| doc.path.as_str());
        let near = (exact.clone().find(|known| *known == below_root))
            .or_else(|| image_pins::nearest(path, exact));
        if let Some(near) = near {
            return UnknownName::nearest("value", path, near);
        }
        let ends = path.match_indices('.').map(|(at, _)| at).rev();
        let mut around = ends.filter_map(|end| path.get(..end)).chain([""]);
        let around = around.find(|around| self.schema_of(around).is_some());
        let around = around.unwrap_or_default();
        let children = properties(self.resolve(self.schema_of(around).unwrap_or(&self.schema)));
        let beside: Vec<String> = children.map(|(key, _)| join(around, key)).collect();
        UnknownName::new("value", path, beside.iter().map(String::as_str))
    }

    /// Returns every value, each before those inside of it.
    pub fn all(&self) -> Vec<ValueDoc> {
        let mut docs = Vec::new();
        self.add_children("", &self.schema, &mut docs);
        docs
    }

    fn add_children(&self, path: &str, schema: &Value, docs: &mut Vec<ValueDoc>) {
        for (key, schema) in properties(self.resolve(schema)) {
            let path = join(path, key);
            docs.push(self.describe(&path, schema));
            self.add_children(&path, schema, docs);
        }
    }

    fn describe(&self, path: &str, schema: &Value) -> ValueDoc {
        let schema = self.resolve(schema);
        let children: BTreeSet<String> = properties(schema).map(|(key, _)| key.clone()).collect();
        ValueDoc {
            path: path.to_owned(),
            type_name: self.type_name(schema),
            default: lookup(&self.defaults, path).cloned(),
            pinned: lookup(&self.pins, path).cloned(),
            meaning: self.meaning(path),
            settings: settings(path),
            children: children.into_iter().collect(),
        }
    }

    /// Returns the comment of a value, or else that of the nearest value around it.
    fn meaning(&self, path: &str) -> Option<(String, String)> {
        let ends = path.match_indices('.').map(|(at, _)| at);
        let around = ends.filter_map(|end| path.get(..end)).chain([path]);
        around
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .find_map(|path| {
                let pointer = format!("/{}", path.replace('.', "/"));
                Some((self.comments.get(&pointer)?.clone(), path.to_owned()))
            })
    }

    /// Returns the schema of the value at a path.
    fn schema_of(&self, path: &str) -> Option<&Value> {
        let mut schema = &self.schema;
        for key in path.split('.').filter(|_| !path.is_empty()) {
            schema = self.resolve(schema).get("properties")?.get(key)?;
        }
        Some(schema)
    }

    /// Follows the reference of a schema (`$ref`, `allOf` with one schema).
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let named = schema.get("$ref").and_then(Value::as_str);
        let target = named.and_then(|name| self.schema.pointer(name.strip_prefix('#')?));
        let only = || schema.get("allOf")?.as_array()?.first();
        match target.or_else(only) {
            Some(target) => self.resolve(target),
            None => schema,
        }
    }

    fn type_name(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<String> = values.iter().map(text).collect();
            return format!("one of {}", values.join(", "));
        }
        let names: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => vec!["any"],
        };
        let bound = |key: &str| schema.get(key).map(text);
        let inner = |key: &str| {
            let inner = schema.get(key).filter(|inner| inner.is_object());
            inner.map(|inner| format!(" of {}", self.type_name(inner)))
        };
        let more = match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => Some(format!(" from {least} to {most}")),
            (Some(least), None) => Some(format!(", at least {least}")),
            (None, Some(most)) => Some(format!(", at most {most}")),
            (None, None) => inner("items").or_else(|| inner("additionalProperties")),
        };
        let hint = match schema.get("description").and_then(Value::as_str) {
            Some(description) => format!(": {description}"),
            None => String::new(),
        };
        let names: Vec<&str> = names.into_iter().map(common_name).collect();
        format!("{}{}{hint}", names.join(" or "), more.unwrap_or_default())
    }
}

/// Returns the options that set the value at a path.
fn settings(path: &str) -> Vec<Setting> {
    use GivenBy::{CommandLine, Environment};
    let by_both =
        |setting: fn(GivenBy) -> Setting| vec![setting(CommandLine), setting(Environment)];
    let digests = format!("{IMAGE_DIGESTS}.");
    let table = [
        (MESH_NAME, by_both(Setting::MeshName)),
        (ENFORCE_SINGLE_MESH, vec![Setting::EnforceSingleMesh]),
        (IMAGE_REGISTRY, by_both(Setting::ImageRegistry)),
        (IMAGE_TAG, vec![Setting::ImageTag]),
        (IMAGE_PULL_POLICY, by_both(Setting::ImagePullPolicy)),
    ];
    let found = table
        .into_iter()
        .find(|(known, _)| known.to_string() == path);
    match found {
        Some((_, settings)) => settings,
        None if path.starts_with(&digests) => vec![Setting::ImageDigest],
        None => Vec::new(),
    }
}

/// The name that YAML has for a type of JSON Schema.
fn common_name(name: &str) -> &str {
    match name {
        "object" => "map",
        "array" => "list",
        name => name,
    }
}

/// Returns the keys that a schema declares, and the schema of each.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mesh::values::ValuePath;

    #[test]
    fn every_value_has_a_meaning_of_its_own_or_that_of_a_value_around_it() {
        let docs = ValueDocs::read().unwrap();
        let all = docs.all();
        assert!(all.len() > 150, "{}", all.len());
        for doc in all {
            // Everything is below the two, so their meaning is not that of a value.
            let of_root = ["osm", "smi"].map(str::to_owned);
            let meaning = doc
                .meaning
                .filter(|(_, of)| *of == doc.path || !of_root.contains(of));
            let is_set_by_helm = doc.path == "global";
            assert!(
                meaning.is_some() || is_set_by_helm,
                "{}: add a comment",
                doc.path
            );
        }
    }

    #[test]
    fn every_default_is_one_of_a_described_value() {
        fn paths(values: &Map<String, Value>, above: &str, docs: &ValueDocs) {
            for (key, value) in values {
                let path = join(above, key);
                let doc = docs.find(&path).unwrap();
                assert_eq!(doc.default.as_ref(), Some(value), "{path}");
                // Labels and the like have any key.
                if let (Value::Object(inner), false) = (value, doc.children.is_empty()) {
                    paths(inner, &path, docs);
                }
            }
        }
        let docs = ValueDocs::read().unwrap();
        paths(&docs.defaults, "", &docs);
    }

    #[test]
    fn a_value_has_its_type_default_and_meaning() {
        let docs = ValueDocs::read().unwrap();
        let policy = docs.find(&IMAGE_PULL_POLICY.to_string()).unwrap();
        assert_eq!(policy.type_name, "one of IfNotPresent, Always, Never");
        assert_eq!(policy.default, Some("IfNotPresent".into()));
        assert_eq!(policy.children, [""; 0]);
        let name = docs
            .find(&ValuePath::image_name("osmCRDs").to_string())
            .unwrap();
        let (meaning, of) = name.meaning.unwrap();
        assert_eq!(
            (meaning.as_str(), of.as_str()),
            ("Image names in the registry.", "osm.image.name")
        );
        let types = [
            ("osm.vault.port", "integer from 1 to 65535"),
            ("osm.osmController.replicaCount", "integer, at least 0"),
            (
                "osm.image.tag",
                "string or number: at most 128 letters, digits, underscores, dots and dashes",
            ),
            (
                "osm.osmController.podLabels",
                "map of string or number or boolean",
            ),
            (
                "osm.outboundPortExclusionList",
                "list of integer from 1 to 65535",
            ),
            ("osm.injector", "map"),
        ];
        for (path, type_name) in types {
            assert_eq!(docs.find(path).unwrap().type_name, type_name, "{path}");
        }
        let all = docs.find("").unwrap();
        assert_eq!(all.children, ["contour", "global", "osm", "smi"]);
    }

    #[test]
    fn an_unknown_value_gets_the_nearest_one_or_those_beside_it() {
        let docs = ValueDocs::read().unwrap();
        let registry = IMAGE_REGISTRY.to_string();
        let table = [
            ("osm.image.registy", format!("did you mean {registry}?")),
            ("image", "did you mean osm.image?".to_owned()),
            ("image.registry", format!("did you mean {registry}?")),
            ("x", "expected one of contour, global, osm, smi".to_owned()),
            (
                "smi.x.y",
                "expected one of smi.validateTrafficTarget".to_owned(),
            ),
            (
                "osm.certmanager.z",
                "did you mean osm.certmanager?".to_owned(),
            ),
        ];
        for (path, hint) in table {
            let error = docs.find(path).unwrap_err().to_string();
            assert_eq!(error, format!("unknown value {path:?}; {hint}"));
        }
    }
}
