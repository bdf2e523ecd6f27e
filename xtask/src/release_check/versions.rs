//! Checks that all files name the release, and that the changelog says what changed.

use std::path::Path;

use helm_chart::yaml::{self, Numbers};
use image_pins::{FileError, release_of_manifest};
use serde_json::Value;

use super::problem::Problem;
use super::{Context, Outcome};
use crate::changelog;
use crate::release_files::{CHART, MANIFEST, chart_versions, read};

pub(super) fn check(context: &Context<'_>) -> Outcome {
    let wrong = |file, key: &str, found: &str, wanted: &str| {
        (found != wanted).then(|| Problem::Version {
            file,
            key: key.to_owned(),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
            release: context.release.clone(),
        })
    };
    let mut problems = Vec::new();
    let release = context.release.to_string();
    match release_of_manifest(&context.workspace.join(MANIFEST), "osm") {
        Ok(found) => problems.extend(wrong(MANIFEST, "release", &found, &release)),
        Err(error) => problems.push(Problem::File(context.in_workspace(&error))),
    }
    match chart(context) {
        Ok(metadata) => {
            for (key, wanted) in chart_versions(context.release) {
                let found = match metadata.get(&key) {
                    Some(Value::String(found)) => found.clone(),
                    Some(other) => other.to_string(),
                    None => "missing".to_owned(),
                };
                problems.extend(wrong(CHART, &key, &found, &wanted));
            }
        }
        Err(error) => problems.push(Problem::File(error)),
    }
    Outcome::Found(problems)
}

fn chart(context: &Context<'_>) -> Result<Value, FileError> {
    let text = read(context.workspace, CHART)?;
    yaml::parse(&text, Numbers::Floats)
        .map_err(|error| FileError::new(Path::new(CHART), error.line, error.column, error.message))
}

pub(super) fn check_changes(context: &Context<'_>) -> Outcome {
    let release = context.release.clone();
    let problem = match read(context.workspace, changelog::FILE) {
        Err(error) => Some(Problem::File(error)),
        Ok(text) => match changelog::section(&text, &release) {
            None => Some(Problem::NoChanges { release }),
            Some("") => Some(Problem::EmptyChanges { release }),
            Some(_) => None,
        },
    };
    Outcome::Found(problem.into_iter().collect())
}
