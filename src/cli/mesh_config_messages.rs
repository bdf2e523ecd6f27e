//! Messages about a `MeshConfig` that exists: what an upgrade does not change, and how to set it.

use serde_json::Value;

use super::exit::{Done, Failure};
use super::output::Printer;
use crate::mesh::mesh_config::{patch, patch_without_image};
use crate::ops::KeptMeshConfig;
use helm_release::client::ObjectRef;

/// Warns of the values and images that an upgrade does not change. With `require_pinned`, fails if sidecars get an image
/// that is not pinned.
pub(super) fn report_kept(
    require_pinned: bool,
    kept: &KeptMeshConfig,
    printer: &mut Printer,
) -> Done {
    let config = &kept.reference;
    let floating = kept.images.iter().find(|image| !image.is_pinned);
    if let Some(image) = floating.filter(|_| require_pinned) {
        return Err(Failure::Operation(format!(
            "--require-pinned: {} in {config}, spec.sidecar.{}, is not pinned by a digest\n{}",
            image.image,
            image.field,
            instead_of_release(config, image.field),
        )));
    }
    for image in &kept.images {
        let of_release = match &image.of_release {
            Some(of_release) => format!(" instead of {of_release}"),
            None => String::new(),
        };
        let floats = match image.is_pinned {
            true => "",
            false => ", which is not pinned: anyone who can push this tag controls what runs",
        };
        printer.warning(&format!(
            "{config} has spec.sidecar.{}, so new sidecars use {}{of_release}{floats}\n{}",
            image.field,
            image.image,
            instead_of_release(config, image.field),
        ));
    }
    if kept.values.is_empty() {
        return Ok(());
    }
    let lines: String = (kept.values.iter())
        .map(|value| {
            let found = match &value.found {
                Value::Null => "is not set".to_owned(),
                found => format!("is {found}"),
            };
            format!(
                "\n  {}={}: {} {found}",
                value.value, value.wanted, value.field
            )
        })
        .collect();
    printer.warning(&format!(
        "these values have no effect: {config} exists, and an upgrade does not change it{lines}\nto set them, run \
         `{}`",
        patch_command(config, &patch(&kept.values))
    ));
    Ok(())
}

fn instead_of_release(config: &ObjectRef, field: &str) -> String {
    let command = patch_command(config, &patch_without_image(field));
    format!("to use the image of the release, run `{command}`")
}

/// Returns the command that merges a patch into a `MeshConfig`.
pub(super) fn patch_command(config: &ObjectRef, patch: &Value) -> String {
    // A quote ends the quoted string, and starts it again after a quoted quote.
    let patch = patch.to_string().replace('\'', r"'\''");
    format!(
        "kubectl patch meshconfig {} --namespace {} --type merge --patch '{patch}'",
        config.name, config.namespace
    )
}
