//! The release, namespace and cluster that a chart is rendered for.

use serde_json::{Map, Value};

use crate::template::{KubeVersion, Lookups};

/// The version of Kubernetes that [`Target::default`] renders for: the one that `helm template` uses.
pub const DEFAULT_KUBE_VERSION: &str = "v1.37.0";

/// The release, namespace and cluster that a chart is rendered for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name of the release (`.Release.Name`).
    pub release: String,
    /// The namespace of the release (`.Release.Namespace`).
    pub namespace: String,
    /// The revision of the release (`.Release.Revision`): 1 for an installation.
    pub revision: i64,
    /// Whether an existing release is upgraded (`.Release.IsUpgrade`).
    pub is_upgrade: bool,
    /// The version of Kubernetes (`.Capabilities.KubeVersion`).
    pub kube_version: KubeVersion,
    /// API versions that the cluster serves in addition to `served` (`helm template --api-versions`).
    pub api_versions: Vec<String>,
    /// The API versions that the cluster serves, as `group/version` and `group/version/Kind`. `None` stands for those
    /// that Kubernetes itself has.
    pub served: Option<Vec<String>>,
    /// Whether to render without checking the values against the schemas (`helm template --skip-schema-validation`).
    pub skip_schema_validation: bool,
    /// Values that, over the defaults of the chart, its schema is known to allow, such as those that a build script has
    /// checked: only values that differ are checked. Ignored if the chart has subcharts.
    pub valid_values: Option<Map<String, Value>>,
    /// The answers to the templates' `lookup` calls.
    pub lookups: Lookups,
    /// Whether functions run whose result differs on each call, such as `randAlphaNum`, `uuidv4` and `now`. If not, a
    /// template fails where it runs one, and the same input always renders to the same objects.
    pub allow_random: bool,
}

impl Default for Target {
    /// Returns what `helm template` renders for without flags: a first installation of `release-name` in the namespace
    /// `default` of a cluster that serves what Kubernetes itself has.
    fn default() -> Target {
        Target {
            release: "release-name".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            is_upgrade: false,
            kube_version: KubeVersion::default(),
            api_versions: Vec::new(),
            served: None,
            skip_schema_validation: false,
            valid_values: None,
            lookups: Lookups::default(),
            allow_random: false,
        }
    }
}

impl Default for KubeVersion {
    /// Returns [`DEFAULT_KUBE_VERSION`].
    fn default() -> KubeVersion {
        KubeVersion {
            version: DEFAULT_KUBE_VERSION.to_owned(),
            normalized: DEFAULT_KUBE_VERSION.to_owned(),
            major: "1".to_owned(),
            minor: "37".to_owned(),
        }
    }
}

impl KubeVersion {
    /// Parses a version such as `1.33`, `v1.33.4` or `v1.33.4-gke.1245000`.
    ///
    /// # Errors
    /// A message that quotes the text.
    pub fn parse(text: &str) -> Result<KubeVersion, String> {
        let wrong = || format!("{text:?} is not a Kubernetes version (such as 1.36 or v1.36.3)");
        let plain = text.strip_prefix('v').unwrap_or(text);
        let end = plain
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(plain.len());
        let (numbers, suffix) = plain.split_at(end);
        let parts: Vec<u64> = numbers
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        let (major, minor) = match parts.as_slice() {
            [major, minor] | [major, minor, _] => (*major, *minor),
            _ => return Err(wrong()),
        };
        if !suffix.is_empty() && !suffix.starts_with(['-', '+']) {
            return Err(wrong());
        }
        Ok(KubeVersion {
            version: format!("v{plain}"),
            normalized: format!("v{numbers}"),
            major: major.to_string(),
            minor: minor.to_string(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_version_is_the_one_that_the_constant_names() {
        let parsed = KubeVersion::parse(DEFAULT_KUBE_VERSION).unwrap();
        assert_eq!(KubeVersion::default(), parsed);
    }
}
