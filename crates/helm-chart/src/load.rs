//! Loads a chart from a folder, an archive or memory.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::chart::{Chart, Dependency, Metadata};
use super::error::ChartError;
use super::schema::Schema;
use super::source;
use crate::yaml::{self, Numbers};

/// Maximum depth of charts inside charts.
const MAX_NESTING: usize = 10;

impl Chart {
    /// Reads the files of a folder or a packaged chart (`.tgz`), without those that `.helmignore` excludes: each with its
    /// path inside the chart, in the order of the paths.
    ///
    /// # Errors
    /// [`ChartError::File`] with the path.
    pub fn read_files(path: impl AsRef<Path>) -> Result<Vec<(String, Vec<u8>)>, ChartError> {
        let files = source::read(path.as_ref())?.into_iter();
        Ok(files
            .map(|(name, bytes)| (name, bytes.into_owned()))
            .collect())
    }

    /// Loads a chart from a folder or a packaged chart (`.tgz`).
    ///
    /// # Errors
    /// [`ChartError::File`] with the path of the file, and line and column in it where there are any.
    pub fn load(path: impl AsRef<Path>) -> Result<Chart, ChartError> {
        let path = path.as_ref();
        let files = source::read(path)?;
        if !files.iter().any(|(name, _)| name == "Chart.yaml") {
            let message = "not a chart: Chart.yaml is missing";
            return Err(ChartError::at(path, message));
        }
        Chart::from_files(files, &path.display().to_string(), 0)
    }

    /// Creates a chart from files in memory, given as pairs of path and content. `origin` is the path of the chart in
    /// errors.
    ///
    /// # Errors
    /// As [`Chart::load`].
    pub fn from_memory(
        files: &'static [(&'static str, &'static [u8])],
        origin: &str,
    ) -> Result<Chart, ChartError> {
        let files = files
            .iter()
            .map(|(n, b)| ((*n).to_owned(), Cow::Borrowed(*b)))
            .collect();
        Chart::from_files(files, origin, 0)
    }

    fn from_files(files: source::Files, origin: &str, nesting: usize) -> Result<Chart, ChartError> {
        if nesting > MAX_NESTING {
            let message = format!("charts are nested more than {MAX_NESTING} deep");
            return Err(ChartError::file(origin, message));
        }
        let mut chart = Chart::default();
        let mut requirements = None;
        let mut subcharts: Vec<(String, source::Files)> = Vec::new();
        for (name, bytes) in files {
            let path = format!("{origin}/{name}");
            if name == "Chart.yaml" {
                chart.metadata = metadata(&text(&bytes, &path)?, &path)?;
            } else if name == "values.yaml" {
                chart.values = values_file(&text(&bytes, &path)?, &path)?;
            } else if name == "values.schema.json" {
                chart.schema = Some(Schema::new(owned_text(bytes, &path)?));
            } else if name == "requirements.yaml" {
                requirements = Some(metadata_map(&text(&bytes, &path)?, &path)?);
                chart.files.push((name, bytes));
            } else if matches!(name.as_str(), "Chart.lock" | "requirements.lock") {
            } else if name.starts_with("templates/") {
                let source = owned_text(bytes, &path)?;
                chart.templates.push((name, source));
            } else if let Some(below) = name.strip_prefix("charts/") {
                let (first, rest) = below.split_once('/').unwrap_or((below, ""));
                let skipped = first.starts_with(['_', '.']) || below.ends_with(".prov");
                let is_packed = first.ends_with(".tgz") && rest.is_empty();
                if skipped || (rest.is_empty() && !is_packed) {
                    continue;
                }
                let entry = (rest.to_owned(), bytes);
                match subcharts.iter_mut().find(|(name, _)| name == first) {
                    Some((_, files)) => files.push(entry),
                    None => subcharts.push((first.to_owned(), vec![entry])),
                }
            } else {
                chart.files.push((name, bytes));
            }
        }
        if chart.metadata.name.is_empty() {
            return Err(ChartError::file(
                origin,
                "not a chart: Chart.yaml is missing",
            ));
        }
        if let Some(requirements) = requirements {
            chart
                .metadata
                .dependencies
                .extend(dependencies(&requirements));
        }
        for (name, files) in subcharts {
            let origin = format!("{origin}/charts/{name}");
            let files = match files.as_slice() {
                [(rest, bytes)] if rest.is_empty() => {
                    let mut files = source::unpack(&**bytes, Path::new(&origin))?;
                    files.sort_by(|a, b| a.0.cmp(&b.0));
                    files
                }
                _ => files,
            };
            chart
                .dependencies
                .push(Chart::from_files(files, &origin, nesting + 1)?);
        }
        Ok(chart)
    }
}

/// Returns the text of a file, without a copy if it is compiled in.
fn owned_text(bytes: Cow<'static, [u8]>, path: &str) -> Result<Cow<'static, str>, ChartError> {
    match bytes {
        Cow::Borrowed(bytes) => text(bytes, path),
        Cow::Owned(bytes) => Ok(Cow::Owned(text(&bytes, path)?.into_owned())),
    }
}

fn text<'b>(bytes: &'b [u8], path: &str) -> Result<Cow<'b, str>, ChartError> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            ChartError::file(format!("{path}:{line}"), "not UTF-8")
        })
}

/// Parses a values file: all its documents, merged.
fn values_file(text: &str, path: &str) -> Result<Map<String, Value>, ChartError> {
    let documents = yaml::parse_documents(text, Numbers::Floats)
        .map_err(|e| ChartError::file(format!("{path}:{}:{}", e.line, e.column), e.message))?;
    let mut values = Map::new();
    for document in documents {
        match document.value {
            Value::Null => {}
            Value::Object(map) => super::values::merge(&mut values, map),
            _ => {
                let place = format!("{path}:{}:1", document.line);
                return Err(ChartError::file(place, "a values file must be a map"));
            }
        }
    }
    Ok(values)
}

fn metadata_map(text: &str, path: &str) -> Result<Map<String, Value>, ChartError> {
    let place =
        |e: yaml::YamlError| ChartError::file(format!("{path}:{}:{}", e.line, e.column), e.message);
    match yaml::parse(text, Numbers::Exact).map_err(place)? {
        Value::Object(map) => Ok(map),
        _ => Err(ChartError::file(format!("{path}:1:1"), "expected a map")),
    }
}

fn metadata(text: &str, path: &str) -> Result<Metadata, ChartError> {
    let fields = metadata_map(text, path)?;
    let get = |key: &str| scalar(&fields, key);
    let name = get("name");
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    if !plain {
        let message = "the chart needs a name (name: …) without slashes";
        return Err(ChartError::file(format!("{path}:1:1"), message));
    }
    Ok(Metadata {
        name,
        version: get("version"),
        app_version: get("appVersion"),
        kube_version: get("kubeVersion"),
        is_library: get("type").eq_ignore_ascii_case("library"),
        dependencies: dependencies(&fields),
        fields,
    })
}

/// Returns a string, or a number as a string, as Helm reads it; empty if there is none.
fn scalar(fields: &Map<String, Value>, key: &str) -> String {
    match fields.get(key) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Number(n)) => n.to_string(),
        _ => String::new(),
    }
}

fn dependencies(fields: &Map<String, Value>) -> Vec<Dependency> {
    let list = fields.get("dependencies").and_then(Value::as_array);
    let entries = list.into_iter().flatten().filter_map(Value::as_object);
    entries
        .map(|entry| {
            let get = |key: &str| scalar(entry, key);
            let list = |key: &str| {
                entry
                    .get(key)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            };
            Dependency {
                name: get("name"),
                version: get("version"),
                alias: Some(get("alias")).filter(|alias| !alias.is_empty()),
                condition: get("condition"),
                tags: list("tags")
                    .filter_map(Value::as_str)
                    .map(ToOwned::to_owned)
                    .collect(),
                import_values: list("import-values").filter_map(import_value).collect(),
            }
        })
        .collect()
}

fn import_value(value: &Value) -> Option<(String, String)> {
    match value {
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Object(map) => Some((
            map.get("child")?.as_str()?.to_owned(),
            map.get("parent")?.as_str()?.to_owned(),
        )),
        _ => None,
    }
}
