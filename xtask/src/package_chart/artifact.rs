//! A packaged chart as Helm keeps it in registries: a manifest with the content of `Chart.yaml` and the .tgz file
//! (<https://helm.sh/community/hips/hip-0006>, <https://helm.sh/community/hips/hip-0017>).

use std::collections::BTreeMap;

use oci_registry::model::{Descriptor, media_type};
use serde_json::{Map, Value, json};

use crate::registry::Layout;

/// The type of the content of `Chart.yaml` as JSON.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// The type of the .tgz file.
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The fields of `Chart.yaml` that are annotations, too (OCI image specification, annotations.md).
const ANNOTATED: [(&str, &str); 4] = [
    ("name", "org.opencontainers.image.title"),
    ("version", "org.opencontainers.image.version"),
    ("description", "org.opencontainers.image.description"),
    ("home", "org.opencontainers.image.url"),
];
const CREATED: &str = "org.opencontainers.image.created";

/// Returns the artifact of a .tgz file with these fields of `Chart.yaml`, and its manifest.
///
/// The same chart and time give the same bytes. `helm push` would take the time of the push.
pub(super) fn artifact(
    fields: &Map<String, Value>,
    chart: Vec<u8>,
    created: &str,
) -> (Layout, Descriptor) {
    let mut layout = Layout::default();
    let config = Value::Object(fields.clone()).to_string();
    let annotations: BTreeMap<&str, &str> = ANNOTATED
        .iter()
        .filter_map(|(field, annotation)| Some((*annotation, fields.get(*field)?.as_str()?)))
        .chain([(CREATED, created)])
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": layout.add(CONFIG, config.into_bytes()),
        "layers": [layout.add(CHART, chart)],
        "annotations": annotations,
    });
    let manifest = layout.add(media_type::MANIFEST, manifest.to_string().into_bytes());
    (layout, manifest)
}
