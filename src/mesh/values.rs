//! The values of a mesh's chart. Only this file names their paths and their two roots.

use std::borrow::Cow;
use std::fmt;

use helm_chart::Chart;
use helm_chart::values::{insert, lookup};
use serde_json::{Map, Value};

/// The key of a chart's values under which everything about the mesh stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Since v1.0. The compiled-in chart has this one.
    Osm,
    /// Up to v0.11.
    OpenServiceMesh,
}

impl Root {
    /// Both roots, the current one first.
    pub const ALL: [Root; 2] = [Root::Osm, Root::OpenServiceMesh];

    /// Returns the root of a chart by its default values.
    pub fn of_chart(chart: &Chart) -> Root {
        match chart.values.contains_key(Root::OpenServiceMesh.key()) {
            true => Root::OpenServiceMesh,
            false => Root::Osm,
        }
    }

    /// Returns the root of the chart that was published for a release, such as `v1.2.4`.
    pub fn of_release(release: &str) -> Root {
        match release.starts_with("v0.") {
            true => Root::OpenServiceMesh,
            false => Root::Osm,
        }
    }

    /// Returns the key itself.
    pub fn key(self) -> &'static str {
        match self {
            Root::Osm => "osm",
            Root::OpenServiceMesh => "OpenServiceMesh",
        }
    }

    /// Returns values of the root [`Root::Osm`] under this root.
    pub fn rename(self, mut values: Map<String, Value>) -> Map<String, Value> {
        if let Some(mesh) = values.remove(Root::Osm.key()) {
            values.insert(self.key().to_owned(), mesh);
        }
        values
    }
}

/// The path of a value below the root, such as `image.tag`. Its `Display` begins with the root of the compiled-in chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath(Cow<'static, str>);

const fn below(path: &'static str) -> ValuePath {
    ValuePath(Cow::Borrowed(path))
}

/// The name of the mesh.
pub const MESH_NAME: ValuePath = below("meshName");
/// Whether the mesh must be the only one in the cluster.
pub const ENFORCE_SINGLE_MESH: ValuePath = below("enforceSingleMesh");
/// The namespace of the control plane; empty for that of the release.
pub const OSM_NAMESPACE: ValuePath = below("osmNamespace");
/// The Secret with the root certificate.
const CA_BUNDLE_SECRET: ValuePath = below("caBundleSecretName");
/// Everything about the images of the mesh's components.
pub const IMAGE: ValuePath = below("image");
/// The registry of these images.
pub const IMAGE_REGISTRY: ValuePath = below("image.registry");
/// The tag of all components, which overrides their digests.
pub const IMAGE_TAG: ValuePath = below("image.tag");
/// The pull policy of these images.
pub const IMAGE_PULL_POLICY: ValuePath = below("image.pullPolicy");
/// The names of the images, by component.
pub const IMAGE_NAMES: ValuePath = below("image.name");
/// The digests of the images, by component.
pub const IMAGE_DIGESTS: ValuePath = below("image.digest");
/// The Secrets for pulling images.
pub const IMAGE_PULL_SECRETS: ValuePath = below("imagePullSecrets");
/// Fluent Bit's image in parts: `registry`, `image`, `tag` and `digest`.
pub const FLUENT_BIT: ValuePath = below("fluentBit");

/// The third-party images, and the value that enables each.
const THIRD_PARTY: [(ValuePath, Option<ValuePath>); 6] = [
    (below("curlImage"), None),
    (below("sidecarImage"), None),
    (below("sidecarWindowsImage"), None),
    (below("prometheus.image"), Some(below("deployPrometheus"))),
    (below("tracing.image"), Some(below("deployJaeger"))),
    (FLUENT_BIT, Some(below("enableFluentbit"))),
];

impl ValuePath {
    /// Returns the path of a component's image name.
    pub fn image_name(component_key: &str) -> ValuePath {
        IMAGE_NAMES.join(component_key)
    }

    /// Returns the path of a component's digest.
    pub fn image_digest(component_key: &str) -> ValuePath {
        IMAGE_DIGESTS.join(component_key)
    }

    /// Returns the path of a third-party image by the key of its pin.
    pub fn third_party(key: &str) -> ValuePath {
        ValuePath(Cow::Owned(key.to_owned()))
    }

    /// Returns the path of the value that a field of the preset of the `MeshConfig` has, such as `traffic.enableEgress`.
    pub fn of_mesh_config(field: &str) -> ValuePath {
        let (group, name) = field.split_once('.').unwrap_or(("", field));
        ValuePath(Cow::Owned(match (group, name) {
            ("sidecar", "logLevel") => "envoyLogLevel".to_owned(),
            ("traffic", "enablePermissiveTrafficPolicyMode") => {
                "enablePermissiveTrafficPolicy".to_owned()
            }
            ("observability", "osmLogLevel") => "controllerLogLevel".to_owned(),
            ("certificate", name) => format!("certificateProvider.{name}"),
            ("sidecar" | "traffic" | "observability", name) => name.to_owned(),
            _ => field.to_owned(),
        }))
    }

    /// Returns the path below the root: the key of a third-party image.
    pub fn key(&self) -> &str {
        &self.0
    }

    fn join(&self, key: &str) -> ValuePath {
        ValuePath(Cow::Owned(format!("{}.{key}", self.0)))
    }

    /// Returns the whole path.
    pub fn under(&self, root: Root) -> String {
        format!("{}.{}", root.key(), self.0)
    }

    /// Returns the keys of the whole path.
    pub fn keys(&self, root: Root) -> Vec<&str> {
        std::iter::once(root.key())
            .chain(self.0.split('.'))
            .collect()
    }

    /// Returns the value at this path.
    pub fn get<'v>(&self, root: Root, values: &'v Map<String, Value>) -> Option<&'v Value> {
        lookup(values, &self.under(root))
    }

    /// Returns the value at this path as the chart prints it; empty if it is not set.
    pub fn text(&self, root: Root, values: &Map<String, Value>) -> String {
        self.get(root, values).map(text).unwrap_or_default()
    }

    /// Sets the value at this path.
    pub fn set(&self, root: Root, values: &mut Map<String, Value>, value: impl Into<Value>) {
        insert(values, &self.under(root), value.into());
    }

    /// Copies the value at this path under [`Root::Osm`], if it is set.
    pub fn copy(&self, from: &Map<String, Value>, to: &mut Map<String, Value>) {
        if let Some(value) = self.get(Root::Osm, from) {
            self.set(Root::Osm, to, value.clone());
        }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.under(Root::Osm))
    }
}

/// Returns a value as the chart prints it: whole numbers without a fraction, null as nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => helm_chart::json::compact(other),
    }
}

/// The values of a mesh: what was set, over the defaults of its chart.
#[derive(Debug, Clone, Copy)]
pub struct MeshValues<'v> {
    root: Root,
    set: &'v Map<String, Value>,
    defaults: &'v Map<String, Value>,
}

impl<'v> MeshValues<'v> {
    /// Reads the values `set` over those of the chart.
    pub fn new(chart: &'v Chart, set: &'v Map<String, Value>) -> MeshValues<'v> {
        MeshValues {
            root: Root::of_chart(chart),
            set,
            defaults: &chart.values,
        }
    }

    /// Returns the root of the chart.
    pub fn root(self) -> Root {
        self.root
    }

    /// Returns the name of the mesh. It is `None` for a chart that has no such value, empty if it is set to nothing.
    pub fn mesh_name(self) -> Option<String> {
        MESH_NAME.get(self.root, self.defaults)?;
        Some(self.text(&MESH_NAME))
    }

    /// Returns the namespace of the control plane; empty for that of the release.
    pub fn osm_namespace(self) -> String {
        self.text(&OSM_NAMESPACE)
    }

    /// Returns the name of the Secret with the root certificate; empty if there is none.
    pub fn ca_bundle_secret(self) -> String {
        self.text(&CA_BUNDLE_SECRET)
    }

    /// Returns whether the mesh must be the only one in the cluster.
    pub fn enforces_single_mesh(self) -> bool {
        self.get(&ENFORCE_SINGLE_MESH) == Some(&Value::Bool(true))
    }

    fn get(self, path: &ValuePath) -> Option<&'v Value> {
        path.get(self.root, self.set)
            .or_else(|| path.get(self.root, self.defaults))
    }

    fn text(self, path: &ValuePath) -> String {
        self.get(path).map(text).unwrap_or_default()
    }
}

/// Returns the third-party images that the chart uses with these values: the path of each, and its reference as it is
/// written there.
pub fn third_party_images(values: &Map<String, Value>) -> Vec<(ValuePath, String)> {
    let is_on = |switch: &ValuePath| switch.get(Root::Osm, values) == Some(&Value::Bool(true));
    let used = THIRD_PARTY
        .into_iter()
        .filter(|(_, switch)| switch.as_ref().is_none_or(is_on));
    used.map(|(path, _)| {
        let reference = match path == FLUENT_BIT {
            true => fluent_bit(values),
            false => path.text(Root::Osm, values),
        };
        (path, reference)
    })
    .collect()
}

fn fluent_bit(values: &Map<String, Value>) -> String {
    let part = |key: &str| FLUENT_BIT.join(key).text(Root::Osm, values);
    let repository = fluent_bit_repository(values);
    match (part("digest"), part("tag")) {
        (digest, _) if !digest.is_empty() => format!("{repository}@{digest}"),
        (_, tag) => format!("{repository}:{tag}"),
    }
}

/// Returns the name of Fluent Bit's image without tag and digest.
pub fn fluent_bit_repository(values: &Map<String, Value>) -> String {
    let part = |key: &str| FLUENT_BIT.join(key).text(Root::Osm, values);
    let name = match part("image") {
        name if name.is_empty() => "fluent-bit".to_owned(),
        name => name,
    };
    format!("{}/{name}", part("registry"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_chart_has_the_root_that_its_defaults_have() {
        for root in Root::ALL {
            let chart = Chart {
                values: map(&json!({ root.key(): {"meshName": "a"} })),
                ..Chart::default()
            };
            assert_eq!(Root::of_chart(&chart), root);
            let set = map(&json!({ root.key(): {"enforceSingleMesh": true} }));
            let values = MeshValues::new(&chart, &set);
            assert_eq!(values.mesh_name().as_deref(), Some("a"));
            assert!(values.enforces_single_mesh());
            assert_eq!(values.osm_namespace(), "");
        }
        assert_eq!(
            MeshValues::new(&Chart::default(), &Map::new()).mesh_name(),
            None
        );
    }

    #[test]
    fn values_move_to_the_root_of_an_old_chart() {
        let mut values = Map::new();
        IMAGE_TAG.set(Root::Osm, &mut values, "v0.8.0");
        let renamed = Root::of_release("v0.8.0").rename(values);
        assert_eq!(
            IMAGE_TAG.get(Root::OpenServiceMesh, &renamed),
            Some(&json!("v0.8.0"))
        );
        assert_eq!(renamed.len(), 1);
        assert_eq!(Root::of_release("v1.2.4"), Root::Osm);
    }

    #[test]
    fn fluent_bit_has_a_digest_or_a_tag_but_only_if_it_is_enabled() {
        let cases = [
            (
                json!({"enableFluentbit": false, "fluentBit": {"tag": "1"}}),
                None,
            ),
            (
                json!({"enableFluentbit": true, "fluentBit": {"registry": "r", "tag": 1.0}}),
                Some("r/fluent-bit:1"),
            ),
            (
                json!({"enableFluentbit": true, "fluentBit": {"registry": "r", "image": "f", "tag": "1", "digest": "d"}}),
                Some("r/f@d"),
            ),
        ];
        for (values, expected) in cases {
            let images = third_party_images(&map(&json!({ "osm": values })));
            let found = images.iter().find(|(path, _)| *path == FLUENT_BIT);
            assert_eq!(found.map(|(_, reference)| reference.as_str()), expected);
        }
    }
}
