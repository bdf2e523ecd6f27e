//! What the user sets about images, and the values of the chart that this changes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use image_pins::{Digest, RepositoryPrefix, Tag};
use serde_json::Value;

use super::origins::{Given, Setting};
use crate::mesh::names::UnknownName;
use crate::mesh::values::{IMAGE_PULL_POLICY, IMAGE_REGISTRY, IMAGE_TAG, ValuePath};

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
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<PullPolicy, UnknownName> {
        let found = PullPolicy::ALL.into_iter().find(|p| p.to_string() == text);
        found.ok_or_else(|| {
            let names = PullPolicy::ALL.map(|p| p.to_string());
            UnknownName::new("pull policy", text, names.iter().map(String::as_str))
        })
    }
}

/// What the user sets about images by options of their own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The registry of all components.
    pub registry: Option<Given<RepositoryPrefix>>,
    /// The tag of all components.
    pub tag: Option<Tag>,
    /// Digests by the component's chart key.
    pub digests: BTreeMap<String, Digest>,
    /// The pull policy of all components.
    pub pull_policy: Option<Given<PullPolicy>>,
}

impl Overrides {
    /// Returns each override: the option, the path of its value, and the value.
    pub fn entries(&self) -> Vec<(Setting, ValuePath, Value)> {
        let mut entries = Vec::new();
        if let Some(Given { value, by }) = &self.registry {
            let value = Value::from(value.to_string());
            entries.push((Setting::ImageRegistry(*by), IMAGE_REGISTRY, value));
        }
        if let Some(tag) = &self.tag {
            entries.push((Setting::ImageTag, IMAGE_TAG, tag.to_string().into()));
        }
        for (key, digest) in &self.digests {
            let path = ValuePath::image_digest(key);
            entries.push((Setting::ImageDigest, path, digest.to_string().into()));
        }
        if let Some(Given { value, by }) = &self.pull_policy {
            let value = Value::from(value.to_string());
            entries.push((Setting::ImagePullPolicy(*by), IMAGE_PULL_POLICY, value));
        }
        entries
    }
}
