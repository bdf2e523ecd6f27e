//! The component file, `components.toml`: which images a project consists of, and since when.

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
/// registry = "registry.example.com/app"    # where images are published by default
///
/// [[component]]
/// name = "app-controller"                  # the image's name
/// key = "appController"                    # what the chart calls it
/// since = "v1.0.0"                         # the first release that has it
/// description = "Watches the cluster."
///
/// [external]                               # used where a pin file has no entry of its own
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
    /// The registry that images are published to by default.
    pub registry: RepositoryPrefix,
    /// The components, in the order of the file.
    pub components: Vec<Component>,
    /// Dotted key → full reference of a third-party image, for releases that do not record their own.
    pub external: BTreeMap<String, Reference>,
    /// Where the project's Helm chart has its images in the values.
    pub values: Option<ValuesLayout>,
}

/// An image that a project publishes with each release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the image, a single path component.
    pub name: String,
    /// What a chart or another user of the constants calls it.
    pub key: String,
    /// The first release that has it.
    pub since: ReleaseName,
    /// A one-line description.
    pub description: String,
}

impl Components {
    /// Parses the text of a component file. The path is for messages.
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
                    "{} is not a key: letters, digits, `_` and `-`",
                    Quoted(&key.value)
                );
                return Err(file.error(key.at, message));
            }
            if let Some(other) = components.iter().find(|other| other.key == key.value) {
                let message = format_args!(
                    "`{}` is the key of the component `{}` already",
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
                .error("the file declares no component")
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

    /// The components of a release, in the order of the file. A pre-release has the components of its release.
    pub fn of_release(&self, release: &ReleaseName) -> impl Iterator<Item = &Component> {
        let base = release.base();
        self.components
            .iter()
            .filter(move |component| component.since.base() <= base)
    }

    /// The component whose image has this name.
    pub fn by_name(&self, name: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }

    /// The component with this key.
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
