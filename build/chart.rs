//! The chart: loads it, checks it with the pins of every release, and embeds it.

use std::path::{Path, PathBuf};

use helm_chart::values::{insert, lookup};
use helm_chart::yaml::{self, Marks, Numbers};
use helm_chart::{Chart, ChartError, Target, Violation};
use image_pins::codegen::Input;
use image_pins::{ChartValue, Components};
use serde_json::Map;

/// The folder of the chart.
const FOLDER: &str = "charts/osm";

/// Loads the chart, and parses its templates.
///
/// # Errors
/// A message that begins with file, line and column.
pub fn load() -> Result<Chart, String> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let chart = Chart::load(Path::new(FOLDER)).map_err(|e| e.to_string())?;
    chart.parse_templates().map_err(|e| match e {
        ChartError::Template(error) => in_folder(&chart, &error.to_string()),
        error => error.to_string(),
    })?;
    Ok(chart)
}

/// Returns the component keys that templates pass to the image helper (`"key" "osmController"`), each with its place.
/// Keys with a dot are the paths of other values.
pub fn component_keys(chart: &Chart) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for (name, text) in &chart.templates {
        for (i, line) in text.lines().enumerate() {
            for rest in line.split("\"key\" \"").skip(1) {
                let key = rest.split('"').next().unwrap_or_default();
                if !key.contains('.') {
                    keys.push((key.to_owned(), format!("{FOLDER}/{name}:{}", i + 1)));
                }
            }
        }
    }
    keys
}

/// Checks the default values with the pins of each release, and with the tag of a channel, against the schema.
///
/// # Errors
/// Each refused value, with the place that sets it.
pub fn check_values(chart: &Chart, input: &Input, tag: &str) -> Result<(), String> {
    let (components, layout) = components(input)?;
    let marks = marks()?;
    let of_releases = input.pin_files.iter().map(|pins| {
        let place = format!("digests/{}.toml", pins.release);
        (place, pins.chart_values(components, layout))
    });
    let of_tag = (
        "digests/components.toml".to_owned(),
        components.chart_values_of_tag(tag, layout),
    );
    for (place, pins) in of_releases.chain([of_tag]) {
        check(chart, &pins, &place, &marks)?;
    }
    Ok(())
}

fn components(input: &Input) -> Result<(&Components, &image_pins::ValuesLayout), String> {
    let components = input.components.as_ref();
    components
        .and_then(|components| Some((components, components.values.as_ref()?)))
        .ok_or_else(|| {
            "digests/components.toml has no [values]: add where the chart has its images".to_owned()
        })
}

/// Returns the positions of the default values.
fn marks() -> Result<Marks, String> {
    let (path, text) = default_values()?;
    let (_, marks) = yaml::parse_with_marks(&text, Numbers::Floats)
        .map_err(|e| format!("{path}:{}:{}: {}", e.line, e.column, e.message))?;
    Ok(marks)
}

/// Reads the file of the default values. Returns its path and its content.
fn default_values() -> Result<(String, String), String> {
    let path = format!("{FOLDER}/values.yaml");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: cannot read: {e}"))?;
    Ok((path, text))
}

fn check(chart: &Chart, pins: &[ChartValue], place: &str, marks: &Marks) -> Result<(), String> {
    let mut values = Map::new();
    for (path, value) in pins {
        insert(&mut values, path, value.as_str().into());
    }
    let violations = match chart.effective_values(&values, &Target::default()) {
        Ok(_) => return Ok(()),
        Err(ChartError::Values(violations)) => violations,
        Err(error @ ChartError::File { .. }) => return Err(in_folder(chart, &error.to_string())),
        Err(error) => return Err(error.to_string()),
    };
    let messages = violations.iter().map(|violation| {
        let place = match lookup(&values, &violation.dotted_path()) {
            Some(_) => place.to_owned(),
            None => default_place(violation, marks),
        };
        format!("{place}: {violation}")
    });
    Err(messages.collect::<Vec<_>>().join("\n"))
}

/// Returns the position of a default value, or else of the map that lacks it.
fn default_place(violation: &Violation, marks: &Marks) -> String {
    let pointer = violation.pointer();
    let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1);
    let outer = ends.map(|at| &pointer[..at]).chain([pointer.as_str()]);
    let position = outer.filter_map(|pointer| marks.get(pointer)).last();
    let (line, column) = position.copied().unwrap_or((1, 1));
    format!("{FOLDER}/values.yaml:{line}:{column}")
}

/// Returns an error whose place begins with the name of the chart with the folder instead.
fn in_folder(chart: &Chart, error: &str) -> String {
    match error.strip_prefix(&*chart.metadata.name) {
        Some(inside) => format!("{FOLDER}{inside}"),
        None => error.to_owned(),
    }
}

/// Writes the chart as Rust to `chart.rs` in `OUT_DIR`, and the comments of its values as JSON to `value_comments.json`.
///
/// # Errors
/// A message that names the file that cannot be read or written.
pub fn embed(chart: &Chart) -> Result<(), String> {
    write("chart.rs", &chart.to_source())?;
    let (path, text) = default_values()?;
    let comments = yaml::comments(&text).map_err(|e| format!("{path}:{e}"))?;
    let comments = serde_json::to_string(&comments).map_err(|e| format!("{path}: {e}"))?;
    write("value_comments.json", &comments)
}

/// Writes a file in `OUT_DIR`, if it has changed.
fn write(name: &str, content: &str) -> Result<(), String> {
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this with cargo")?;
    let out = PathBuf::from(out).join(name);
    if std::fs::read_to_string(&out).is_ok_and(|old| old == content) {
        return Ok(());
    }
    std::fs::write(&out, content).map_err(|e| format!("{}: cannot write: {e}", out.display()))
}
