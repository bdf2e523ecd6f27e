//! The layers of values: files override compiled-in values, `--set` overrides files, flags override all.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::images::{COMPONENTS, Origins, Overrides, Pins};
use super::plan::{PlanError, Request, ValueSource};
use helm_chart::set;
use helm_chart::values::{insert, lookup, merge};
use helm_chart::yaml::{self, Numbers};
use helm_chart::{Chart, ChartError};

pub(super) fn add_files(
    request: &Request,
    values: &mut Map<String, Value>,
    origins: &mut Origins,
) -> Result<(), PlanError> {
    let mut stdin_used = false;
    for source in &request.values {
        let path = match source {
            ValueSource::File(path) => path,
            ValueSource::Text(_) => Path::new("-"),
            ValueSource::Set(..) => continue,
        };
        if path == Path::new("-") && std::mem::replace(&mut stdin_used, true) {
            let message = "-f -: standard input can be read only once";
            return Err(PlanError::Flag(message.to_owned()));
        }
        let text = match source {
            ValueSource::Text(text) => Cow::Borrowed(text),
            _ => Cow::Owned(read_values(path)?),
        };
        let shown = path.display();
        let (documents, marks) =
            yaml::parse_with_marks(&text, Numbers::Floats).map_err(|e| ChartError::File {
                path: format!("{shown}:{}:{}", e.line, e.column),
                message: e.message,
            })?;
        let mut file = Map::new();
        for document in documents {
            match document.value {
                Value::Null => {}
                Value::Object(map) => merge(&mut file, map),
                _ => {
                    let path = format!("{shown}:{}:1", document.line);
                    let message = "a values file must be a map".to_owned();
                    return Err(ChartError::File { path, message }.into());
                }
            }
        }
        merge(values, file.clone());
        origins.push_file(format!("-f {shown}"), file, marks);
    }
    Ok(())
}

/// The largest values file, in bytes.
const MAX_VALUES_BYTES: u64 = 16 << 20;

pub(super) fn read_values(path: &Path) -> Result<String, ChartError> {
    use std::io::Read as _;
    let shown = path.display().to_string();
    let failed = |message: String| ChartError::File {
        path: shown.clone(),
        message,
    };
    if shown.contains("://") {
        let message = "values files cannot be URLs; download the file first and use its path";
        return Err(failed(message.to_owned()));
    }
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_VALUES_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_VALUES_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| failed(format!("cannot read the values file: {e}")))?;
    if bytes.len() as u64 > MAX_VALUES_BYTES {
        return Err(failed(format!(
            "larger than {} MiB",
            MAX_VALUES_BYTES >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|e| failed(format!("not UTF-8: {e}")))
}

/// A flag such as `--set a=b`, and the values that it sets alone.
pub(super) type Assignment = (String, Map<String, Value>);

/// Applies `--set` and similar flags, and returns the values that each sets alone.
pub(super) fn add_sets(
    request: &Request,
    values: &mut Map<String, Value>,
    origins: &mut Origins,
) -> Result<Vec<Assignment>, PlanError> {
    let mut layers = Vec::new();
    for source in &request.values {
        let ValueSource::Set(flag, mode, text) = source else {
            continue;
        };
        set::assign(text, *mode, values).map_err(|e| PlanError::Flag(format!("{flag}: {e}")))?;
        let mut alone = Map::new();
        // An assignment that extends a list of another layer can fail alone.
        if set::assign(text, *mode, &mut alone).is_ok() {
            let name = format!("{flag} {text}");
            origins.push(name.clone(), alone.clone());
            layers.push((name, alone));
        }
    }
    Ok(layers)
}

pub(super) fn add_flags(
    request: &Request,
    chart: &Chart,
    set: &[Assignment],
    values: &mut Map<String, Value>,
    origins: &mut Origins,
) -> Result<(), PlanError> {
    let overrides = &request.overrides;
    if overrides.tag.is_some() && !overrides.digests.is_empty() {
        return Err(PlanError::Flag(
            "--image-tag and --image-digest cannot be used together: a tag applies to all components, \
             and an image has either a tag or a digest"
                .to_owned(),
        ));
    }
    let root = values_root(chart);
    let image_flags = overrides.entries();
    if let (Some((flag, ..)), None) = (
        image_flags.first(),
        lookup(&chart.values, &format!("{root}.image")),
    ) {
        let name = &chart.metadata.name;
        return Err(PlanError::Flag(format!(
            "{flag}: the chart {name} has no {root}.image; set its own values with --set"
        )));
    }
    let mut flags = Vec::new();
    // A chart without this value does not know meshes; the name is only the name of the release.
    if let (Some(name), Some(_)) = (
        &request.mesh_name,
        lookup(&chart.values, &format!("{root}.meshName")),
    ) {
        flags.push((
            "--mesh-name",
            format!("{root}.meshName"),
            Value::from(name.as_str()),
        ));
    }
    if let Some(enforce) = request.enforce_single_mesh {
        let path = format!("{root}.enforceSingleMesh");
        if lookup(&chart.values, &path).is_none() {
            let name = &chart.metadata.name;
            return Err(PlanError::Flag(format!(
                "--enforce-single-mesh: the chart {name} has no {path}"
            )));
        }
        flags.push(("--enforce-single-mesh", path, Value::from(enforce)));
    }
    flags.extend(image_flags.into_iter().map(|(flag, path, value)| {
        let below = path.strip_prefix("osm.").unwrap_or(&path);
        (flag, format!("{root}.{below}"), value)
    }));
    for (flag, path, value) in &flags {
        for (name, layer) in set {
            let Some(other) = lookup(layer, path) else {
                continue;
            };
            if text(other) != text(value) {
                return Err(PlanError::Flag(format!(
                    "{flag} {} and {name} set {path} to different values; use only one of them",
                    text(value)
                )));
            }
        }
        refuse_non_map(flag, path, values, origins)?;
    }
    for (flag, path, value) in flags {
        insert(values, &path, value.clone());
        let mut alone = Map::new();
        insert(&mut alone, &path, value);
        origins.push(flag, alone);
    }
    Ok(())
}

/// Refuses a flag whose value would replace something that is not a map.
fn refuse_non_map(
    flag: &str,
    path: &str,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<(), PlanError> {
    for (at, _) in path.match_indices('.') {
        let outer = &path[..at];
        match lookup(values, outer) {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => {
                return Err(PlanError::Flag(format!(
                    "{flag}: {outer} has to be a map, not {} ({})",
                    helm_chart::json::compact(other),
                    origins.of(outer)
                )));
            }
        }
    }
    Ok(())
}

/// The path of the tag for all components.
pub(super) const TAG: &str = "osm.image.tag";

/// Returns whether the tag is kept. Digests of the user replace a compiled-in tag, but not a tag of the user.
pub(super) fn keeps_tag(
    overrides: &Overrides,
    pins: Option<&Pins>,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<bool, PlanError> {
    let tag = lookup(values, TAG).map(text).unwrap_or_default();
    let is_set = |path: &str| {
        origins.is_overridden(path) && lookup(values, path).is_some_and(|v| !text(v).is_empty())
    };
    let has_digest = COMPONENTS
        .iter()
        .any(|c| is_set(&format!("osm.image.digest.{}", c.key)));
    if tag.is_empty() || !has_digest {
        return Ok(true);
    }
    if matches!(pins, Some(Pins::Floating { .. })) && !origins.is_overridden(TAG) {
        return Ok(false);
    }
    if overrides.digests.is_empty() {
        return Ok(true);
    }
    Err(PlanError::Flag(format!(
        "--image-digest would have no effect: the tag {tag} ({}) overrides the digests of all components",
        origins.of(TAG)
    )))
}

/// The root of the values of a mesh chart: `OpenServiceMesh` up to v0.11, `osm` since.
pub(super) fn values_root(chart: &Chart) -> &'static str {
    match chart.values.contains_key("OpenServiceMesh") {
        true => "OpenServiceMesh",
        false => "osm",
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => helm_chart::json::compact(other),
    }
}
