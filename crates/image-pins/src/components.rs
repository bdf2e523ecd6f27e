//! The component file, `components.toml`: the images of a project, and the first release of each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{FileError, read_text};
use crate::pin_file::{external, is_key_part};
use crate::reference::{Reference, check_component};
use crate::release::ReleaseName;
use crate::repository_prefix::RepositoryPrefix;
use crate::text::Quoted;
use crate::toml_text::{File, Section};
use crate::values_layout::ValuesLayout;

const KEYS: [&str; 5] = ["schema", "registry", "component", "external", "values"];
const COMPONENT_KEYS: [&str; 4] = ["name", "key", "since", "description"];
const VALUES_KEYS: [&str; 5] = ["registry", "digests", "tag", "pull-policy", "external"];

/// The components of a project, and the third-party images that it uses.
///
/// ```toml
/// schema = 1
/// registry = "registry.example.com/app"    # the default registry of the images
///
/// [[component]]
/// name = "app-controller"                  # the name of the image
/// key = "appController"                    # its key in the values of the chart
/// since = "v1.0.0"                         # the first release that contains it
/// description = "Watches the cluster."
///
/// [external]                               # for releases whose pin file has no such entry
/// "metrics.image" = "prom/prometheus:v2.53.0@sha256:…"
///
/// [values]                                 # where the project's Helm chart has its images, if it has one
/// registry = "app.image.registry"
/// digests = "app.image.digest"             # app.image.digest.appController is the digest of app-controller
/// tag = "app.image.tag"
/// pull-policy = "app.image.pullPolicy"
/// external = "app"                         # app.metrics.image is the image of Prometheus
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// The default registry of the images.
    pub registry: RepositoryPrefix,
    /// The components, in the order of the file.
    pub components: Vec<Component>,
    /// Third-party images by dotted key, for releases whose pin file does not have the key.
    pub external: BTreeMap<String, Reference>,
    /// Where the project's Helm chart has its images in the values.
    pub values: Option<ValuesLayout>,
}

/// An image that a project publishes with each release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the image, a single path component.
    pub name: String,
    /// The key of the image in the values of a chart.
    pub key: String,
    /// The first release that contains it.
    pub since: ReleaseName,
    /// A one-line description.
    pub description: String,
}

impl Components {
    /// Parses a component file. `path` appears in errors only.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let file = File { path, text };
        let mut top = file.parse(&KEYS)?;
        let registry = top.parsed("registry")?.value;
        let mut components: Vec<Component> = Vec::new();
        for mut section in top.sections("component", &COMPONENT_KEYS)? {
            let name = section.string("name")?;
            check_component(&name.value).map_err(|error| file.error(name.at, error))?;
            if components.iter().any(|other| other.name == name.value) {
                let message =
                    format_args!("the component {} is declared twice", Quoted(&name.value));
                return Err(file.error(name.at, message));
            }
            let key = section.string("key")?;
            if !is_key_part(&key.value) {
                let message = format_args!(
                    "{} is not a valid key: expected letters, digits, `_` and `-`",
                    Quoted(&key.value)
                );
                return Err(file.error(key.at, message));
            }
            if let Some(other) = components.iter().find(|other| other.key == key.value) {
                let message = format_args!(
                    "`{}` is already the key of the component `{}`",
                    key.value, other.name
                );
                return Err(file.error(key.at, message));
            }
            components.push(Component {
                name: name.value.into_owned(),
                key: key.value.into_owned(),
                since: section.parsed("since")?.value,
                description: section.string("description")?.value.into_owned(),
            });
        }
        if components.is_empty() {
            return Err(top
                .error("the file declares no components")
                .with_hint("add a `[[component]]`"));
        }
        let values = match top.has("values") {
            true => Some(values_layout(&mut top.section("values", &VALUES_KEYS)?)?),
            false => None,
        };
        Ok(Self {
            registry,
            components,
            external: external(file, &mut top)?,
            values,
        })
    }

    /// Reads and parses a component file.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::parse(&read_text(path)?, path)
    }

    /// Returns the components of a release, in the order of the file. A pre-release has the components of its release.
    pub fn of_release(&self, release: &ReleaseName) -> impl Iterator<Item = &Component> {
        let base = release.base();
        self.components
            .iter()
            .filter(move |component| component.since.base() <= base)
    }

    /// Returns the component whose image has this name.
    pub fn by_name(&self, name: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }

    /// Returns the component with this key.
    pub fn by_key(&self, key: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.key == key)
    }
}

fn values_layout(section: &mut Section<'_>) -> Result<ValuesLayout, FileError> {
    let mut path = |key| -> Result<Cow<'static, str>, FileError> {
        Ok(Cow::Owned(section.string(key)?.value.into_owned()))
    };
    Ok(ValuesLayout {
        registry: path("registry")?,
        digests: path("digests")?,
        tag: path("tag")?,
        pull_policy: path("pull-policy")?,
        external: path("external")?,
    })
}
