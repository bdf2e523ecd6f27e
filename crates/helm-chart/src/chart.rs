//! A chart in memory: metadata, default values, schema, templates, files and subcharts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::Schema;

/// A loaded chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// The content of `Chart.yaml`.
    pub metadata: Metadata,
    /// The default values (`values.yaml`).
    pub values: Map<String, Value>,
    /// The schema of the values (`values.schema.json`).
    pub schema: Option<Schema>,
    /// The files under `templates/`, by path inside the chart.
    pub templates: Vec<(String, Cow<'static, str>)>,
    /// All other files (`.Files`), by path inside the chart.
    pub files: Vec<(String, Cow<'static, [u8]>)>,
    /// The subcharts in `charts/`, enabled or not.
    pub dependencies: Vec<Chart>,
}

/// The content of `Chart.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The name of the chart; for an aliased dependency its alias.
    pub name: String,
    /// The version of the chart.
    pub version: String,
    /// The version of the application that the chart installs (`appVersion`).
    pub app_version: String,
    /// The supported versions of Kubernetes (`kubeVersion`), as a constraint.
    pub kube_version: String,
    /// Whether it only has partials for other charts (`type: library`).
    pub is_library: bool,
    /// The charts that it depends on.
    pub dependencies: Vec<Dependency>,
    /// All fields of the file.
    pub fields: Map<String, Value>,
}

/// One entry of a chart's `dependencies`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// The name of the chart.
    pub name: String,
    /// The accepted versions, as a constraint.
    pub version: String,
    /// The name of the subchart in this chart, if it differs from its own.
    pub alias: Option<String>,
    /// Comma-separated paths of values that enable or disable it. The first one that is set decides.
    pub condition: String,
    /// Keys below `tags` in the values that enable or disable it.
    pub tags: Vec<String>,
    /// The values that this chart imports from the dependency: (path there, path here).
    pub import_values: Vec<(String, String)>,
}

impl Metadata {
    /// Returns whether the chart has `apiVersion: v1`, the format of Helm 2.
    pub(super) fn is_v1(&self) -> bool {
        let api_version = self.fields.get("apiVersion").and_then(Value::as_str);
        api_version.is_none_or(|version| version == "v1")
    }
}
