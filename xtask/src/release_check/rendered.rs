//! Checks that the chart of the release, with everything in it enabled, names each image by its digest.
//!
//! The chart is rendered with the pins as values, as `package-chart` packages it. That `osm` renders the same objects is
//! what its tests compare.

use std::collections::BTreeMap;

use helm_chart::values::insert;
use helm_chart::{Chart, Object, Target};
use image_pins::{Components, Digest, PinFile, Reference};
use serde_json::{Map, Value};

use super::problem::Problem;
use super::{Context, Outcome};
use crate::release_files::COMPONENTS;

/// The folder of the chart.
const CHART: &str = "charts/osm";

/// The parts of the chart that are not there by default, but have images.
const OPTIONAL: [&str; 3] = [
    "osm.deployPrometheus",
    "osm.deployJaeger",
    "osm.enableFluentbit",
];

pub(super) fn check(context: &Context<'_>) -> Outcome {
    let (Ok(pins), Ok(components)) = (&context.pins, &context.components) else {
        return Outcome::NotChecked("there are no valid pins");
    };
    let mut problems = third_party(components, pins);
    match render(context, components, pins) {
        Ok(objects) => problems.extend(check_objects(&objects, components, pins)),
        Err(error) => problems.push(Problem::Render(error)),
    }
    Outcome::Found(problems)
}

/// Returns third-party images without a digest, each with the file that names it.
fn third_party(components: &Components, pins: &PinFile) -> Vec<Problem> {
    let of_release = pins.external.iter();
    let others = components
        .external
        .iter()
        .filter(|(key, _)| !pins.external.contains_key(*key));
    let of_release = of_release.map(|image| (format!("digests/{}.toml", pins.release), image));
    let others = others.map(|image| (COMPONENTS.to_owned(), image));
    let unpinned = of_release
        .chain(others)
        .filter(|(_, (_, image))| !image.is_pinned());
    unpinned
        .map(|(file, (key, image))| Problem::Unpinned {
            file,
            key: key.clone(),
            image: image.clone(),
        })
        .collect()
}

fn render(
    context: &Context<'_>,
    components: &Components,
    pins: &PinFile,
) -> Result<Vec<Object>, String> {
    let layout = components.values.as_ref();
    let layout = layout.ok_or("digests/components.toml has no [values]")?;
    let mut values = Map::new();
    for (path, value) in pins.chart_values(components, layout) {
        insert(&mut values, &path, value.into());
    }
    for path in OPTIONAL {
        insert(&mut values, path, true.into());
    }
    let folder = format!("{}/", context.workspace.display());
    let chart = Chart::load(context.workspace.join(CHART))
        .map_err(|e| e.to_string().replace(&folder, ""))?;
    chart
        .render(&values, &Target::default())
        .map_err(|e| e.to_string())
}

fn check_objects(objects: &[Object], components: &Components, pins: &PinFile) -> Vec<Problem> {
    let mut images = BTreeMap::new();
    for object in objects {
        let place = format!("{}: {}/{}", object.source, object.kind(), object.name());
        find_images(&object.value, &place, &mut images);
    }
    // Each of these is a problem already.
    let named: Vec<String> = components
        .external
        .values()
        .chain(pins.external.values())
        .map(ToString::to_string)
        .collect();
    let is_pinned = |image: &str| {
        let image = image.parse::<Reference>().ok();
        let digest = image.as_ref().and_then(Reference::digest);
        digest.is_some_and(|digest: &Digest| digest.implausible().is_none())
    };
    let floating = images
        .iter()
        .filter(|(image, _)| !is_pinned(image) && !named.contains(image))
        .map(|(image, place)| Problem::Floating {
            place: place.clone(),
            image: image.clone(),
        });
    let unused = pins.images.iter().filter_map(|(name, digest)| {
        let image = pins.registry.image(name).ok()?.with_digest(*digest);
        let is_used = images.contains_key(&image.to_string());
        (!is_used).then(|| Problem::Unused {
            release: pins.release.clone(),
            image,
        })
    });
    floating.chain(unused).collect()
}

/// Finds the images of containers, of environment variables whose names end in `_IMAGE`, and of configurations in JSON.
/// Adds each with its first place.
fn find_images(value: &Value, place: &str, images: &mut BTreeMap<String, String>) {
    let mut add = |image: &Value| {
        if let Some(image) = image.as_str().filter(|image| !image.is_empty()) {
            images
                .entry(image.to_owned())
                .or_insert_with(|| place.to_owned());
        }
    };
    match value {
        Value::Array(items) => {
            for item in items {
                find_images(item, place, images);
            }
        }
        Value::Object(map) => {
            let name = map.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(image) = map.get("value").filter(|_| name.ends_with("_IMAGE")) {
                add(image);
            }
            for (_, image) in map
                .iter()
                .filter(|(key, _)| *key == "image" || key.ends_with("Image"))
            {
                add(image);
            }
            for value in map.values() {
                find_images(value, place, images);
            }
        }
        Value::String(text) => {
            if let Ok(inner @ Value::Object(_)) = serde_json::from_str(text) {
                find_images(&inner, place, images);
            }
        }
        _ => {}
    }
}
