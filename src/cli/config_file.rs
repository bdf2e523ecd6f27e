//! The configuration file of the released command line: `~/.osm/config.yaml`, or the file that `OSM_CONFIG` names.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use helm_chart::yaml::{self, Marks, Numbers};
use serde_json::{Map, Value};

/// The variable with the path of the file.
pub(super) const VARIABLE: &str = "OSM_CONFIG";
/// The key of the namespace of the control plane.
pub(super) const NAMESPACE_KEY: &str = "install.namespace";

/// The largest file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What the file sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ConfigFile {
    /// Who installs and upgrades the mesh.
    pub kind: Option<Placed<Kind>>,
    /// Whose distribution of Kubernetes the cluster is, such as `AKS`.
    pub distribution: Option<Placed<String>>,
    /// The namespace of the control plane.
    pub namespace: Option<Placed<String>>,
}

/// A value, and where it is: `path:line:column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed<T> {
    pub value: T,
    pub place: String,
}

/// Who installs and upgrades the mesh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// The user.
    #[default]
    SelfHosted,
    /// The provider of the cluster.
    Managed,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::SelfHosted, Kind::Managed];

    pub fn name(self) -> &'static str {
        match self {
            Kind::SelfHosted => "self-hosted",
            Kind::Managed => "managed",
        }
    }
}

/// Reads the file. Without `OSM_CONFIG`, the file in the home folder need not exist.
///
/// # Errors
/// The file cannot be read, or has an unknown key or a wrong value. The message starts with its path.
pub(super) fn read(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<ConfigFile, String> {
    let named = variable(VARIABLE).map(PathBuf::from);
    // As in the released command line, the home folder is what the variable says.
    let home = || variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    let in_home = || Some(Path::new(&home()?).join(".osm").join("config.yaml"));
    let Some(path) = named.clone().or_else(in_home) else {
        return Ok(ConfigFile::default());
    };
    let shown = path.display().to_string();
    let failed = |reason: String| match named {
        Some(_) => format!(
            "{VARIABLE}: cannot read the configuration file {shown}: {reason}; correct or unset the variable"
        ),
        None => format!("cannot read the configuration file {shown}: {reason}"),
    };
    let mut bytes = Vec::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ConfigFile::default());
        }
        read => read.map_err(|error| failed(error.to_string()))?,
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    parse(&shown, &text)
}

fn parse(path: &str, text: &str) -> Result<ConfigFile, String> {
    let (documents, marks) = yaml::parse_with_marks(text, Numbers::Exact)
        .map_err(|e| format!("{path}:{}:{}: {}", e.line, e.column, e.message))?;
    if let Some(second) = documents.get(1) {
        return Err(format!(
            "{path}:{}:1: the configuration file must have one YAML document only",
            second.line
        ));
    }
    let Some(document) = documents.into_iter().next() else {
        return Ok(ConfigFile::default());
    };
    let reader = Reader { path, marks };
    let start = format!("{path}:{}:1", document.line);
    let all = map(document.value, "the configuration file", &start)?;
    let mut file = ConfigFile::default();
    reader.known("", &all, &["install"])?;
    for (_, value) in all {
        let install = map(value, "install", &reader.place("/install"))?;
        reader.known("/install", &install, &["kind", "distribution", "namespace"])?;
        for (key, value) in install {
            let text = reader.text(&format!("/install/{key}"), &value)?;
            match key.as_str() {
                "kind" => file.kind = text.map(kind).transpose()?,
                "distribution" => file.distribution = text,
                _ => file.namespace = text,
            }
        }
    }
    Ok(file)
}

fn kind(text: Placed<String>) -> Result<Placed<Kind>, String> {
    let Placed { value, place } = text;
    match Kind::ALL.into_iter().find(|kind| kind.name() == value) {
        Some(value) => Ok(Placed { value, place }),
        None => Err(format!(
            "{place}: install.kind must be {}, not {value:?}",
            Kind::ALL.map(Kind::name).join(" or ")
        )),
    }
}

/// Reads parts of the file by their JSON pointers (RFC 6901).
struct Reader<'p> {
    path: &'p str,
    marks: Marks,
}

impl Reader<'_> {
    fn place(&self, pointer: &str) -> String {
        match self.marks.get(pointer) {
            Some((line, column)) => format!("{}:{line}:{column}", self.path),
            None => self.path.to_owned(),
        }
    }

    /// Refuses unknown keys of a map.
    fn known(&self, pointer: &str, map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
        let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let escaped = key.replace('~', "~0").replace('/', "~1");
        let place = self.place(&format!("{pointer}/{escaped}"));
        let next = match image_pins::nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known keys: {}", known.join(", ")),
        };
        let within = match pointer {
            "" => String::new(),
            pointer => format!(" in {}", dotted(pointer)),
        };
        Err(format!("{place}: unknown key {key:?}{within}; {next}"))
    }

    /// Returns a string; an empty one counts as not set.
    fn text(&self, pointer: &str, value: &Value) -> Result<Option<Placed<String>>, String> {
        let place = self.place(pointer);
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(Placed {
                value: text.clone(),
                place,
            })),
            other => Err(format!(
                "{place}: {} must be a string, not {}",
                dotted(pointer),
                helm_chart::json::compact(other)
            )),
        }
    }
}

/// Returns a map; null is an empty one.
fn map(value: Value, what: &str, place: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        _ => Err(format!("{place}: {what} must be a map")),
    }
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_released_command_line_are_read() {
        let file = parse(
            "c.yaml",
            "install:\n  kind: managed\n  distribution: AKS\n  namespace: kube-system\n",
        )
        .unwrap();
        let placed = |value: &str, place: &str| {
            Some(Placed {
                value: value.to_owned(),
                place: place.to_owned(),
            })
        };
        assert_eq!(file.kind.unwrap().value, Kind::Managed);
        assert_eq!(file.distribution, placed("AKS", "c.yaml:3:3"));
        assert_eq!(file.namespace, placed("kube-system", "c.yaml:4:3"));
    }

    #[test]
    fn what_is_empty_is_not_set() {
        for text in [
            "",
            "# only a comment\n",
            "---\n",
            "{}",
            "install:\n",
            "install: {}",
            "install: {kind: '', distribution: , namespace: ''}",
        ] {
            assert_eq!(parse("c.yaml", text), Ok(ConfigFile::default()), "{text}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        let table = [
            ("install: [\n", "c.yaml:1:10: unclosed bracket"),
            ("- a\n", "c.yaml:1:1: the configuration file must be a map"),
            ("install: 1\n", "c.yaml:1:1: install must be a map"),
            (
                "instal: {}\n",
                "c.yaml:1:1: unknown key \"instal\"; did you mean install?",
            ),
            (
                "a/b~: {}\n",
                "c.yaml:1:1: unknown key \"a/b~\"; known keys: install",
            ),
            (
                "install:\n  tag: v1\n",
                "c.yaml:2:3: unknown key \"tag\" in install; known keys: kind, distribution, namespace",
            ),
            (
                "install:\n  namespace: 5\n",
                "c.yaml:2:3: install.namespace must be a string, not 5",
            ),
            (
                "install:\n  kind: hosted\n",
                "c.yaml:2:3: install.kind must be self-hosted or managed, not \"hosted\"",
            ),
            (
                "install: {}\n---\ninstall: {}\n",
                "c.yaml:3:1: the configuration file must have one YAML document only",
            ),
        ];
        for (text, want) in table {
            let error = parse("c.yaml", text).unwrap_err();
            assert!(error.starts_with(want), "{text}: {error}");
        }
    }
}
