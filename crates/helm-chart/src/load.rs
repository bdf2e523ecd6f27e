//! Loads a chart from a folder, an archive or memory.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::chart::Chart;
use super::chart_yaml;
use super::error::ChartError;
use super::schema::Schema;
use super::source::{self, Budget};
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
        let files = source::read(path.as_ref(), &mut Budget::default())?.into_iter();
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
        let mut budget = Budget::default();
        let files = source::read(path, &mut budget)?;
        if !files.iter().any(|(name, _)| name == "Chart.yaml") {
            let message = "not a chart: Chart.yaml is missing";
            return Err(ChartError::at(path, message));
        }
        Chart::from_files(files, &path.display().to_string(), 0, &mut budget)
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
        Chart::from_files(files, origin, 0, &mut Budget::default())
    }

    fn from_files(
        files: source::Files,
        origin: &str,
        nesting: usize,
        budget: &mut Budget,
    ) -> Result<Chart, ChartError> {
        if nesting > MAX_NESTING {
            let message = format!("charts are nested more than {MAX_NESTING} deep");
            return Err(ChartError::file(origin, message));
        }
        let mut chart = Chart::default();
        let mut requirements = None;
        let mut locks = Vec::new();
        let mut subcharts: Vec<(String, source::Files)> = Vec::new();
        for (name, bytes) in files {
            let path = format!("{origin}/{name}");
            if name == "Chart.yaml" {
                chart.metadata = chart_yaml::read(&text(&bytes, &path)?, &path, nesting > 0)?;
            } else if name == "values.yaml" {
                chart.values = values_file(&text(&bytes, &path)?, &path)?;
            } else if name == "values.schema.json" {
                chart.schema = Some(Schema::new(owned_text(bytes, &path)?));
            } else if name == "requirements.yaml" {
                requirements = Some(chart_yaml::read_dependencies(&text(&bytes, &path)?, &path)?);
                locks.push((name, bytes));
            } else if name == "requirements.lock" {
                locks.push((name, bytes));
            } else if name == "Chart.lock" {
            } else if name.starts_with("templates/") {
                let source = owned_text(bytes, &path)?;
                chart.templates.push((name, source));
            } else if name.starts_with("charts/") && !name.ends_with(".prov") {
                add_to_subchart(&mut subcharts, &name["charts/".len()..], bytes);
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
        if chart.metadata.is_v1() {
            chart.files.extend(locks);
            chart.files.sort_by(|a, b| a.0.cmp(&b.0));
        }
        if let Some(requirements) = requirements {
            chart.metadata.dependencies = requirements;
        }
        for (name, files) in subcharts {
            let origin = format!("{origin}/charts/{name}");
            let files = match files.as_slice() {
                [(rest, bytes)] if rest.is_empty() && name.ends_with(".tgz") => {
                    source::unpack(&**bytes, Path::new(&origin), budget)?
                }
                _ if name.ends_with(".tgz") => {
                    let message = "a folder cannot have the name of a packaged chart (.tgz)";
                    return Err(ChartError::file(origin, message));
                }
                _ => files,
            };
            let subchart = Chart::from_files(files, &origin, nesting + 1, budget)?;
            chart.dependencies.push(subchart);
        }
        Ok(chart)
    }
}

/// Adds a file to the subchart that its path below `charts/` names. Files and folders whose names begin with `_` or `.` are
/// ignored.
fn add_to_subchart(
    subcharts: &mut Vec<(String, source::Files)>,
    below: &str,
    bytes: Cow<'static, [u8]>,
) {
    let (first, rest) = below.split_once('/').unwrap_or((below, ""));
    if first.starts_with(['_', '.']) {
        return;
    }
    let entry = (rest.to_owned(), bytes);
    match subcharts.iter_mut().find(|(name, _)| name == first) {
        Some((_, files)) => files.push(entry),
        None => subcharts.push((first.to_owned(), vec![entry])),
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
