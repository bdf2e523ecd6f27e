//! Finds what set a value, and where: a flag, a line of a values file, the compiled-in pins.

use std::fmt;
use std::path::{Path, PathBuf};

use helm_chart::set::Mode;
use helm_chart::values::lookup;
use helm_chart::yaml::Marks;
use serde_json::{Map, Value};

/// What set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The default values of the chart.
    ChartDefault,
    /// The pins of a release, or the tag of a channel, by its name.
    CompiledIn(&'static str),
    /// The values of the last revision, which an upgrade keeps.
    LastRevision,
    /// A values file; `-` is standard input.
    File(PathBuf),
    /// An assignment such as `a.b=1`, and how its value is parsed.
    Assignment(Mode, String),
    /// An option that has a name of its own.
    Setting(Setting),
}

/// An option that sets a value of the chart. Only those that leave every image pinned can be given by the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The name of the mesh.
    MeshName(GivenBy),
    /// Whether the mesh must be the only one in the cluster.
    EnforceSingleMesh,
    /// The registry of the mesh's images.
    ImageRegistry(GivenBy),
    /// The tag of all components.
    ImageTag,
    /// The digest of one component.
    ImageDigest,
    /// The pull policy of the mesh's images.
    ImagePullPolicy(GivenBy),
}

impl Setting {
    /// Returns how the user gave the option.
    pub fn given_by(self) -> GivenBy {
        match self {
            Setting::MeshName(by) | Setting::ImageRegistry(by) | Setting::ImagePullPolicy(by) => by,
            Setting::EnforceSingleMesh | Setting::ImageTag | Setting::ImageDigest => {
                GivenBy::CommandLine
            }
        }
    }
}

/// How the user gave an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBy {
    /// On the command line: it overrides values files, and an assignment of another value is an error.
    CommandLine,
    /// In the environment: values files and assignments override it.
    Environment,
}

/// The value of an option, and how the user gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// How the user gave it.
    pub by: GivenBy,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::ChartDefault => f.write_str("chart default"),
            Source::CompiledIn(name) => write!(f, "compiled-in {name}"),
            Source::LastRevision => f.write_str("last revision"),
            Source::File(path) if path == Path::new("-") => f.write_str("standard input"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Assignment(_, text) => f.write_str(text),
            Source::Setting(setting) => setting.fmt(f),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Setting::MeshName(_) => "mesh name",
            Setting::EnforceSingleMesh => "single mesh",
            Setting::ImageRegistry(_) => "image registry",
            Setting::ImageTag => "image tag",
            Setting::ImageDigest => "image digest",
            Setting::ImagePullPolicy(_) => "image pull policy",
        })
    }
}

/// What set a value, and where in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What set the value.
    pub source: Source,
    /// Line and column, from 1, for a values file.
    pub position: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.source),
            None => self.source.fmt(f),
        }
    }
}

/// The layers of values with their sources, the strongest last.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<Layer>);

#[derive(Debug, Clone)]
struct Layer {
    source: Source,
    values: Map<String, Value>,
    /// The positions of the keys, for a file.
    marks: Marks,
}

impl Origins {
    /// Adds a layer over the existing ones.
    pub fn push(&mut self, source: Source, values: Map<String, Value>) {
        self.push_file(source, values, Marks::new());
    }

    /// Adds the layer of a file, with the positions of its keys.
    pub fn push_file(&mut self, source: Source, values: Map<String, Value>, marks: Marks) {
        self.0.push(Layer {
            source,
            values,
            marks,
        });
    }

    /// Returns what set the value at a path: the strongest layer that has it.
    pub fn source(&self, path: impl fmt::Display) -> Source {
        let path = path.to_string();
        let found = self
            .0
            .iter()
            .rev()
            .find(|layer| lookup(&layer.values, &path).is_some());
        found.map_or(Source::ChartDefault, |layer| layer.source.clone())
    }

    /// Returns every layer that has the value at a path, the strongest last.
    pub fn layers(&self, path: impl fmt::Display) -> Vec<(Source, &Value)> {
        let path = path.to_string();
        let layers = self.0.iter();
        let found =
            layers.filter_map(|layer| Some((layer.source.clone(), lookup(&layer.values, &path)?)));
        found.collect()
    }

    /// Returns whether a layer over the compiled-in pins sets the path.
    pub fn is_overridden(&self, path: impl fmt::Display) -> bool {
        let path = path.to_string();
        self.0
            .iter()
            .filter(|layer| !matches!(layer.source, Source::CompiledIn(_)))
            .any(|layer| lookup(&layer.values, &path).is_some())
    }

    /// Returns where the value at this JSON pointer (RFC 6901) was set.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        self.0.iter().rev().find_map(|layer| {
            let mut value: Option<&Value> = None;
            for (i, key) in pointer.split('/').skip(1).enumerate() {
                let key = key.replace("~1", "/").replace("~0", "~");
                value = match (i, value) {
                    (0, _) => layer.values.get(&key),
                    (_, Some(Value::Object(map))) => map.get(&key),
                    (_, Some(Value::Array(items))) => items.get(key.parse::<usize>().ok()?),
                    _ => None,
                };
            }
            value?;
            Some(Place {
                source: layer.source.clone(),
                position: layer.marks.get(pointer).copied(),
            })
        })
    }
}
