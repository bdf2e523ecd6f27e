//! The image flags, and the values of the chart that they set.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use image_pins::{Digest, RepositoryPrefix, Tag};
use serde_json::{Map, Value};

use helm_chart::values::insert;

/// When a node pulls an image (Kubernetes, `imagePullPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// At every start of a container.
    Always,
    /// Only if the node does not have the image.
    IfNotPresent,
    /// Never.
    Never,
}

impl PullPolicy {
    /// All policies.
    pub const ALL: [PullPolicy; 3] = [
        PullPolicy::Always,
        PullPolicy::IfNotPresent,
        PullPolicy::Never,
    ];
}

impl fmt::Display for PullPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PullPolicy::Always => "Always",
            PullPolicy::IfNotPresent => "IfNotPresent",
            PullPolicy::Never => "Never",
        })
    }
}

impl FromStr for PullPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<PullPolicy, String> {
        let found = PullPolicy::ALL.into_iter().find(|p| p.to_string() == text);
        found.ok_or_else(|| {
            let near = PullPolicy::ALL.map(|p| p.to_string());
            match image_pins::nearest(text, near.iter().map(String::as_str)) {
                Some(near) => format!("unknown pull policy {text:?}; did you mean {near}?"),
                None => format!(
                    "unknown pull policy {text:?}; expected one of {}",
                    near.join(", ")
                ),
            }
        })
    }
}

/// The image flags of a command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--image-registry`
    pub registry: Option<RepositoryPrefix>,
    /// `--image-tag`
    pub tag: Option<Tag>,
    /// `--image-digest`: by the component's chart key.
    pub digests: BTreeMap<String, Digest>,
    /// `--image-pull-policy`
    pub pull_policy: Option<PullPolicy>,
}

impl Overrides {
    /// Returns each override: its flag, the path of its value, and the value.
    pub fn entries(&self) -> Vec<(&'static str, String, Value)> {
        let mut entries = Vec::new();
        if let Some(registry) = &self.registry {
            let value = Value::from(registry.to_string());
            entries.push(("--image-registry", "osm.image.registry".to_owned(), value));
        }
        if let Some(tag) = &self.tag {
            let value = Value::from(tag.to_string());
            entries.push(("--image-tag", "osm.image.tag".to_owned(), value));
        }
        for (key, digest) in &self.digests {
            let value = Value::from(digest.to_string());
            entries.push(("--image-digest", format!("osm.image.digest.{key}"), value));
        }
        if let Some(policy) = &self.pull_policy {
            let value = Value::from(policy.to_string());
            entries.push((
                "--image-pull-policy",
                "osm.image.pullPolicy".to_owned(),
                value,
            ));
        }
        entries
    }

    /// Converts the overrides to values of the chart.
    pub fn to_values(&self) -> Map<String, Value> {
        let mut values = Map::new();
        for (_, path, value) in self.entries() {
            insert(&mut values, &path, value);
        }
        values
    }
}
