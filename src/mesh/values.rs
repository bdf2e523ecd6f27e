//! The values of a mesh's chart. Only this file names their paths and their two roots.

use std::borrow::Cow;
use std::fmt;

use helm_chart::Chart;
use helm_chart::values::{insert, lookup};
use image_pins::Reference;
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
/// Fluent Bit: its image has parts, see [`FLUENT_BIT_IMAGE`].
pub const FLUENT_BIT: ValuePath = below("fluentBit");
/// The registry of Fluent Bit's image.
pub const FLUENT_BIT_REGISTRY: ValuePath = below("fluentBit.registry");
/// The name of Fluent Bit's image in its registry.
pub const FLUENT_BIT_NAME: ValuePath = below("fluentBit.image");
/// The tag of Fluent Bit's image, which overrides the compiled-in pin.
pub const FLUENT_BIT_TAG: ValuePath = below("fluentBit.tag");
/// The digest of Fluent Bit's image, which overrides the tag and the compiled-in pin.
pub const FLUENT_BIT_DIGEST: ValuePath = below("fluentBit.digest");
/// The compiled-in pin of Fluent Bit: a full reference, of which the tag and the digest are used.
pub const FLUENT_BIT_PIN: ValuePath = below("fluentBit.pinnedImage");
/// All values that make up Fluent Bit's image.
pub const FLUENT_BIT_IMAGE: [ValuePath; 6] = [
    FLUENT_BIT_REGISTRY,
    FLUENT_BIT_NAME,
    FLUENT_BIT_TAG,
    FLUENT_BIT_DIGEST,
    FLUENT_BIT_PIN,
    below("fluentBit.pullPolicy"),
];

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

/// A third-party image that the chart uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdPartyImage {
    /// The path of the image, or of its parts.
    pub path: ValuePath,
    /// The path of the value that sets the tag or the digest. The same as `path` for an image that is one value.
    pub set_at: ValuePath,
    /// The path of the value that sets the registry, if that is a separate one.
    pub registry_at: Option<ValuePath>,
    /// The reference as it is written in the values. It may be invalid.
    pub reference: String,
}

/// Returns the third-party images that the chart uses with these values.
pub fn third_party_images(values: &Map<String, Value>) -> Vec<ThirdPartyImage> {
    let is_on = |switch: &ValuePath| switch.get(Root::Osm, values) == Some(&Value::Bool(true));
    let used = THIRD_PARTY
        .into_iter()
        .filter(|(_, switch)| switch.as_ref().is_none_or(is_on));
    used.map(|(path, _)| third_party_image(path, values))
        .collect()
}

fn third_party_image(path: ValuePath, values: &Map<String, Value>) -> ThirdPartyImage {
    match path == FLUENT_BIT {
        true => fluent_bit(values),
        false => ThirdPartyImage {
            reference: path.text(Root::Osm, values),
            set_at: path.clone(),
            registry_at: None,
            path,
        },
    }
}

/// Returns the value that enables a third-party image, by the name of the image or by its key. Some images have none: the chart
/// always uses them.
pub fn switch_of_image(name: &str, values: &Map<String, Value>) -> Option<ValuePath> {
    let is_named = |path: &ValuePath| {
        let image = third_party_image(path.clone(), values);
        let reference = image.reference.parse::<Reference>();
        path.key() == name || reference.is_ok_and(|reference| reference.file_name() == name)
    };
    let (_, switch) = (THIRD_PARTY.into_iter()).find(|(path, _)| is_named(path))?;
    switch
}

/// Returns the image of Fluent Bit, as the template `osm.fluentBit.image` composes it.
fn fluent_bit(values: &Map<String, Value>) -> ThirdPartyImage {
    let text = |path: &ValuePath| path.text(Root::Osm, values);
    let repository = fluent_bit_repository(values);
    let (digest, tag, pin) = (
        text(&FLUENT_BIT_DIGEST),
        text(&FLUENT_BIT_TAG),
        text(&FLUENT_BIT_PIN),
    );
    let (set_at, reference) = if !digest.is_empty() {
        (FLUENT_BIT_DIGEST, format!("{repository}@{digest}"))
    } else if !tag.is_empty() || pin.is_empty() {
        (FLUENT_BIT_TAG, format!("{repository}:{tag}"))
    } else {
        let file = pin.rsplit('/').next().unwrap_or_default();
        let version = file.find([':', '@']).map_or("", |at| &file[at..]);
        (FLUENT_BIT_PIN, format!("{repository}{version}"))
    };
    ThirdPartyImage {
        path: FLUENT_BIT,
        set_at,
        registry_at: Some(FLUENT_BIT_REGISTRY),
        reference,
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
    fn the_image_of_fluent_bit_has_the_digest_or_the_tag_or_the_version_of_the_pin() {
        let pinned =
            json!({"registry": "r", "image": "f", "pinnedImage": "host:5000/a/b:3.2@sha256:1"});
        let with = |key: &str, value: &str| {
            let mut fluent_bit = pinned.clone();
            fluent_bit[key] = value.into();
            json!({"enableFluentbit": true, "fluentBit": fluent_bit})
        };
        let cases = [
            (
                json!({"enableFluentbit": false, "fluentBit": {"tag": "1"}}),
                None,
            ),
            (
                json!({"enableFluentbit": true, "fluentBit": {"registry": "r", "tag": 1.0}}),
                Some(("r/fluent-bit:1", "tag")),
            ),
            (
                json!({"enableFluentbit": true, "fluentBit": {"registry": "r", "image": "f", "tag": "1", "digest": "d"}}),
                Some(("r/f@d", "digest")),
            ),
            (with("tag", ""), Some(("r/f:3.2@sha256:1", "pinnedImage"))),
            (
                with("registry", "m:1/x"),
                Some(("m:1/x/f:3.2@sha256:1", "pinnedImage")),
            ),
            (with("tag", "1"), Some(("r/f:1", "tag"))),
            (with("digest", "d"), Some(("r/f@d", "digest"))),
        ];
        for (values, expected) in cases {
            let images = third_party_images(&map(&json!({ "osm": values })));
            let found = images.iter().find(|image| image.path == FLUENT_BIT);
            let found = found.map(|image| (image.reference.as_str(), image.set_at.key()));
            let expected = expected.map(|(reference, key)| (reference, format!("fluentBit.{key}")));
            let expected = expected
                .as_ref()
                .map(|(reference, key)| (*reference, key.as_str()));
            assert_eq!(found, expected, "{values}");
        }
    }
}
