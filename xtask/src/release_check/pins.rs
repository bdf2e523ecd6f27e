//! Checks the pin file: all components of the release and no others, from its own digest file, with digests of its own.

use std::path::Path;

use image_pins::{Components, PinFile};

use super::problem::Problem;
use super::{Context, Outcome};
use crate::import_digests::folder::Folder;
use crate::import_digests::tags;

pub(super) fn check(context: &Context<'_>) -> Outcome {
    let release = context.release;
    let digests = context.workspace.join("digests");
    let path = digests.join(format!("{release}.toml"));
    let mut problems = Vec::new();
    match &context.pins {
        Ok(_) => {}
        Err(_) if !path.exists() => problems.push(Problem::NoPins {
            release: release.clone(),
        }),
        Err(error) => problems.push(Problem::File(error.clone())),
    }
    if let Err(error) = &context.components {
        problems.push(Problem::File(error.clone()));
    }
    if let (Ok(components), Ok(pins)) = (&context.components, &context.pins) {
        problems.extend(check_components(components, pins));
    }
    match Folder::read(&digests) {
        Err(error) => problems.push(Problem::File(context.in_workspace(&error))),
        Ok(folder) => {
            if let Ok(pins) = &context.pins {
                problems.extend(check_others(context, &folder, pins));
            }
            let others = folder.damaged_files().filter(|error| error.path != path);
            problems.extend(others.map(|error| Problem::File(context.in_workspace(error))));
        }
    }
    if let Ok(pins) = &context.pins {
        let wrong = tags::check_name(Path::new(&pins.source.file), Some(release));
        problems.extend(wrong.err().map(|error| Problem::Source {
            release: release.clone(),
            error,
        }));
    }
    Outcome::Found(problems)
}

fn check_components(components: &Components, pins: &PinFile) -> Vec<Problem> {
    let release = &pins.release;
    let of_release: Vec<&str> = components
        .of_release(release)
        .map(|component| component.name.as_str())
        .collect();
    let missing = of_release
        .iter()
        .filter(|name| !pins.images.contains_key(**name))
        .map(|name| Problem::MissingComponent {
            release: release.clone(),
            component: (*name).to_owned(),
        });
    let foreign = pins
        .images
        .keys()
        .filter(|name| !of_release.contains(&name.as_str()))
        .map(|name| Problem::ForeignComponent {
            release: release.clone(),
            image: name.clone(),
        });
    missing.chain(foreign).collect()
}

/// Checks that no digest is in two pin files, or twice in one: then a digest file was that of another build.
fn check_others(context: &Context<'_>, folder: &Folder, pins: &PinFile) -> Vec<Problem> {
    let release = &pins.release;
    let others = || folder.pins().filter(|other| other.release != *release);
    let is_allowed = |component: &String| context.allowed_unchanged.contains(component);
    let same = others().find(|other| other.images == pins.images);
    if let Some(same) = same.filter(|_| !pins.images.keys().all(is_allowed)) {
        return vec![Problem::PinsOfOther {
            release: release.clone(),
            other: same.release.clone(),
        }];
    }
    let mut problems = Vec::new();
    for (component, digest) in &pins.images {
        let twin = others().chain([pins]).find_map(|other| {
            let (twin, _) = other.images.iter().find(|(twin, theirs)| {
                let is_itself = other.release == *release && *twin >= component;
                let is_unchanged = is_allowed(component) && *twin == component;
                *theirs == digest && !is_itself && !is_unchanged
            })?;
            Some((twin, &other.release))
        });
        problems.extend(twin.map(|(twin, other)| Problem::SameDigest {
            release: release.clone(),
            component: component.clone(),
            twin: twin.clone(),
            other: other.clone(),
        }));
    }
    problems
}
