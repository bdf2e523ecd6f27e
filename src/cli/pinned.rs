//! Warns of each image that is not pinned, or fails.

use serde_json::Value;

use super::exit::{Done, Failure};
use super::output::Printer;
use crate::mesh::Plan;
use crate::mesh::images::{COMPONENTS, FoundImage};
use helm_chart::values::lookup;

/// Warns of each image that is referenced by a tag; with `require_pinned`, fails if there is one.
pub(super) fn check_pins(
    require_pinned: bool,
    plan: &Plan,
    images: &[FoundImage],
    printer: &mut Printer,
) -> Done {
    let floating: Vec<&FoundImage> = images
        .iter()
        .filter(|image| !image.reference.is_pinned())
        .collect();
    if require_pinned && !floating.is_empty() {
        let list: String = floating
            .iter()
            .map(|image| format!("\n  {} in {}", image.reference, image.places.join("; ")))
            .collect();
        return Err(Failure::Operation(format!(
            "--require-pinned: {} not pinned by a digest:{list}",
            if floating.len() == 1 {
                "one image is"
            } else {
                "these images are"
            },
        )));
    }
    let tag = lookup(&plan.values, "osm.image.tag").and_then(Value::as_str);
    for image in floating {
        let is_component = COMPONENTS
            .iter()
            .any(|c| c.name == image.reference.file_name());
        let origin = match image.reference.tag() {
            Some(own) if is_component && tag == Some(own) => {
                format!(" (tag: {})", plan.origins.of("osm.image.tag"))
            }
            _ => String::new(),
        };
        printer.warning(&format!(
            "{} is not pinned: anyone who can push this tag controls what runs{origin}",
            image.reference
        ));
    }
    Ok(())
}
