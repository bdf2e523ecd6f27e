//! Merges the values that a user gives: assignments override files, options of the command line override both, and both
//! override options of the environment.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::error::PlanError;
use super::images::{COMPONENTS, Origins, Overrides, Pins, Setting, Source};
use super::request::{Request, ValueSource, read_values};
use super::values::{ENFORCE_SINGLE_MESH, IMAGE, IMAGE_TAG, MESH_NAME, Root, ValuePath, text};
use helm_chart::set::{self, Mode};
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
            ValueSource::Assignment(..) => continue,
        };
        if path == Path::new("-") && std::mem::replace(&mut stdin_used, true) {
            return Err(PlanError::StdinTwice);
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
        origins.push_file(Source::File(path.to_owned()), file, marks);
    }
    Ok(())
}

/// An assignment, and the values that it sets alone.
pub(super) struct Assignment<'r> {
    mode: Mode,
    text: &'r str,
    values: Map<String, Value>,
}

/// Applies the assignments, and returns the values that each sets alone.
pub(super) fn add_assignments<'r>(
    request: &'r Request,
    values: &mut Map<String, Value>,
    origins: &mut Origins,
) -> Result<Vec<Assignment<'r>>, PlanError> {
    let mut layers = Vec::new();
    for source in &request.values {
        let ValueSource::Assignment(mode, text) = source else {
            continue;
        };
        let mode = *mode;
        set::assign(text, mode, values).map_err(|error| PlanError::Assignment { mode, error })?;
        let mut alone = Map::new();
        // An assignment that extends a list of another layer can fail alone.
        if set::assign(text, mode, &mut alone).is_ok() {
            origins.push(Source::Assignment(mode, text.clone()), alone.clone());
            layers.push(Assignment {
                mode,
                text,
                values: alone,
            });
        }
    }
    Ok(layers)
}

/// Returns the options that set a value, with its path in the chart.
pub(super) fn settings_of(
    request: &Request,
    chart: &Chart,
) -> Result<Vec<(Setting, String, Value)>, PlanError> {
    let overrides = &request.overrides;
    if overrides.tag.is_some() && !overrides.digests.is_empty() {
        return Err(PlanError::TagAndDigest);
    }
    let root = Root::of_chart(chart);
    let has_default = |path: &ValuePath| path.get(root, &chart.values).is_some();
    let no_such_value = |setting: Setting, path: &ValuePath| PlanError::NoSuchValue {
        setting,
        chart: chart.metadata.name.clone(),
        path: path.under(root),
    };
    let of_images = overrides.entries();
    if let Some((setting, ..)) = of_images.first()
        && !has_default(&IMAGE)
    {
        return Err(no_such_value(*setting, &IMAGE));
    }
    let mut settings = Vec::new();
    // A chart without this value does not know meshes; the name is only the name of the release.
    if let Some(name) = &request.mesh_name
        && has_default(&MESH_NAME)
    {
        let value = Value::from(name.value.as_str());
        settings.push((Setting::MeshName(name.by), MESH_NAME, value));
    }
    if let Some(enforce) = request.enforce_single_mesh {
        let (setting, path) = (Setting::EnforceSingleMesh, ENFORCE_SINGLE_MESH);
        if !has_default(&path) {
            return Err(no_such_value(setting, &path));
        }
        settings.push((setting, path, Value::from(enforce)));
    }
    settings.extend(of_images);
    Ok(settings
        .into_iter()
        .map(|(setting, path, value)| (setting, path.under(root), value))
        .collect())
}

/// Applies options over the existing values.
pub(super) fn add_settings(
    settings: Vec<(Setting, String, Value)>,
    assignments: &[Assignment<'_>],
    values: &mut Map<String, Value>,
    origins: &mut Origins,
) -> Result<(), PlanError> {
    for (setting, path, value) in &settings {
        refuse_disagreement(*setting, path, value, assignments)?;
        refuse_non_map(*setting, path, values, origins)?;
    }
    for (setting, path, value) in settings {
        insert(values, &path, value.clone());
        let mut alone = Map::new();
        insert(&mut alone, &path, value);
        origins.push(Source::Setting(setting), alone);
    }
    Ok(())
}

/// Refuses an option that an assignment contradicts.
fn refuse_disagreement(
    setting: Setting,
    path: &str,
    value: &Value,
    assignments: &[Assignment<'_>],
) -> Result<(), PlanError> {
    let disagrees = |assignment: &&Assignment<'_>| {
        lookup(&assignment.values, path).is_some_and(|other| text(other) != text(value))
    };
    match assignments.iter().find(disagrees) {
        None => Ok(()),
        Some(assignment) => Err(PlanError::Disagreement {
            setting,
            value: text(value),
            mode: assignment.mode,
            assignment: assignment.text.to_owned(),
            path: path.to_owned(),
        }),
    }
}

/// Refuses an option whose value would replace something that is not a map.
fn refuse_non_map(
    setting: Setting,
    path: &str,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<(), PlanError> {
    for (at, _) in path.match_indices('.') {
        let outer = &path[..at];
        match lookup(values, outer) {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => {
                return Err(PlanError::NotAMap {
                    setting,
                    path: outer.to_owned(),
                    found: helm_chart::json::compact(other),
                    set_by: origins.source(outer),
                });
            }
        }
    }
    Ok(())
}

/// Returns whether the tag is kept. Digests of the user replace a compiled-in tag, but not a tag of the user.
pub(super) fn keeps_tag(
    overrides: &Overrides,
    pins: Option<&Pins>,
    root: Root,
    values: &Map<String, Value>,
    origins: &Origins,
) -> Result<bool, PlanError> {
    let tag = IMAGE_TAG.text(root, values);
    let is_set = |path: &ValuePath| {
        origins.is_overridden(path.under(root)) && !path.text(root, values).is_empty()
    };
    let has_digest = COMPONENTS
        .iter()
        .any(|c| is_set(&ValuePath::image_digest(c.key)));
    if tag.is_empty() || !has_digest {
        return Ok(true);
    }
    if matches!(pins, Some(Pins::Floating { .. })) && !origins.is_overridden(IMAGE_TAG.under(root))
    {
        return Ok(false);
    }
    if overrides.digests.is_empty() {
        return Ok(true);
    }
    let set_by = origins.source(IMAGE_TAG.under(root));
    Err(PlanError::DigestWithoutEffect { tag, set_by })
}
