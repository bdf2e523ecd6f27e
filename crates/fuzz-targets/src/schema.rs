//! `values.schema.json`, and values that it judges.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use helm_chart::yaml::{self, Numbers};
use helm_chart::{Chart, ChartError, Target};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::sections::sections;

thread_local! {
    /// The folder of the chart: only [`Chart::load`] makes a schema.
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// Judges values by a schema: those of `values.yaml`, and those of `user.yaml` over them.
///
/// # Panics
/// The same values are judged otherwise when only what the user changed is judged, or a violation names a value whose parent
/// does not exist.
pub fn schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (mut files, mut user) = (Vec::new(), Map::new());
    for (name, content) in sections(text, "values.schema.json") {
        match (name, yaml::parse(content, Numbers::Floats)) {
            ("user.yaml", Ok(Value::Object(values))) => user = values,
            ("user.yaml", _) => return,
            ("values.yaml" | "values.schema.json", _) => files.push((name, content)),
            _ => {}
        }
    }
    if let Some(chart) = FOLDER.with_borrow_mut(|folder| load(folder, &files)) {
        check(&chart, &user);
    }
}

fn load(folder: &mut Option<TempDir>, files: &[(&str, &str)]) -> Option<Chart> {
    let folder = match folder {
        Some(folder) => folder,
        None => folder.insert(tempfile::tempdir().ok()?),
    };
    let folder: &Path = folder.path();
    fs::write(
        folder.join("Chart.yaml"),
        "{apiVersion: v2, name: web, version: 1.2.3}",
    )
    .ok()?;
    for name in ["values.yaml", "values.schema.json"] {
        let content = files.iter().find(|file| file.0 == name);
        match content {
            Some((_, content)) => fs::write(folder.join(name), content).ok()?,
            None => _ = fs::remove_file(folder.join(name)),
        }
    }
    Chart::load(folder).ok()
}

fn check(chart: &Chart, user: &Map<String, Value>) {
    let target = Target::default();
    let judged = chart.effective_values(user, &target);
    if let Err(ChartError::Values(violations)) = &judged {
        assert!(!violations.is_empty());
        for violation in violations {
            assert!(!violation.message.is_empty());
            let _ = (violation.pointer(), violation.dotted_path());
        }
    }
    // The defaults alone are valid: it is enough to judge what the user changed.
    if chart.effective_values(&Map::new(), &target).is_ok() {
        let valid = Target {
            valid_values: Some(Map::new()),
            ..target
        };
        let changes = chart.effective_values(user, &valid);
        assert_eq!(
            judged.as_ref().ok(),
            changes.as_ref().ok(),
            "{judged:?}, only changes: {changes:?}"
        );
    }
}
