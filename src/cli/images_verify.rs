//! `osm images verify`: checks the images of an installation at their registries.

use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
use super::image_messages::not_pinned;
use super::output::{FormatArg, Printer, table};
use super::registry_args::{KeyArg, RegistryArgs};
use super::registry_hints::{self, explain};
use super::value_args::{ImageArgs, ValueArgs, image_list};
use crate::ops::{self, ImageCheck, ImageList, ImageToCheck, TagState};

/// Check the images of an installation at their registries
///
/// Checks whether each image that an installation with these flags would use is at its registry with all its parts,
/// whether the tag of the release still points at it, and with --key, whether it is signed. The exit code is 1 if a check
/// fails. Registries that count pulls count about three for each image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images verify
  osm images verify --image-registry registry.example.com/mesh -o json
  osm images verify --key cosign.pub")]
pub(super) struct Verify {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    output: FormatArg,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    key: KeyArg,
}

impl Verify {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let list = image_list(&global.osm_namespace, &self.images, &self.values)?;
        let key = self.key.read()?;
        let client = self.registry.client(global)?;
        let images: Vec<ImageToCheck> = list.images.iter().map(ImageToCheck::from).collect();
        let mut report = |check: &ImageCheck| {
            Printer::progress(&format!("{}: {}", check.reference, status(check)));
        };
        let checks = ops::block_on(ops::check_images(
            &client,
            &images,
            key.as_ref(),
            &mut report,
        ))?;
        let text = self.output.format.text(&as_data(&list, &checks), || {
            as_table(&list, &checks, key.is_some())
        });
        printer.data(&text)?;
        for check in &checks {
            if matches!(check.tag, TagState::Floating(_)) {
                printer.warning(&not_pinned(&check.reference));
            }
        }
        registry_hints::all_hold(&checks)
    }
}

fn status(check: &ImageCheck) -> &'static str {
    if check.problems.is_empty() {
        "ok"
    } else {
        "FAILED"
    }
}

fn tag_text(tag: &TagState) -> String {
    match tag {
        TagState::None => "-".to_owned(),
        TagState::Floating(tag) => format!("{tag}: not pinned"),
        TagState::Holds(tag) => format!("{tag}: same"),
        TagState::Absent(tag) => format!("{tag}: absent"),
        TagState::Moved(tag, _) => format!("{tag}: MOVED"),
        TagState::Unknown(tag) => format!("{tag}: unknown"),
    }
}

fn as_table(list: &ImageList, checks: &[ImageCheck], has_key: bool) -> String {
    let mut header = vec!["COMPONENT", "IMAGE", "PLATFORMS", "TAG", "STATUS"];
    if has_key {
        header.insert(4, "SIGNATURES");
    }
    let rows: Vec<Vec<String>> = list
        .images
        .iter()
        .zip(checks)
        .map(|(image, check)| {
            let platforms: Vec<String> = check.platforms.iter().map(ToString::to_string).collect();
            let or_dash = |text: String| {
                if text.is_empty() {
                    "-".to_owned()
                } else {
                    text
                }
            };
            let mut row = vec![
                image.component.clone(),
                check.reference.to_string(),
                or_dash(platforms.join(",")),
                tag_text(&check.tag),
                status(check).to_owned(),
            ];
            if has_key {
                let count = check
                    .signatures
                    .as_ref()
                    .map_or(0, |found| found.signatures().len());
                row.insert(4, count.to_string());
            }
            row
        })
        .collect();
    table(&header, &rows)
}

fn as_data(list: &ImageList, checks: &[ImageCheck]) -> Value {
    let images = list.images.iter().zip(checks).map(|(image, check)| {
        let (tag, state, now) = match &check.tag {
            TagState::None => (None, "none", None),
            TagState::Floating(tag) => (Some(tag), "not pinned", check.digest),
            TagState::Holds(tag) => (Some(tag), "same", check.digest),
            TagState::Absent(tag) => (Some(tag), "absent", None),
            TagState::Moved(tag, now) => (Some(tag), "moved", Some(*now)),
            TagState::Unknown(tag) => (Some(tag), "unknown", None),
        };
        let platforms: Vec<String> = check.platforms.iter().map(ToString::to_string).collect();
        let problems: Vec<String> = check.problems.iter().map(explain).collect();
        json!({
            "component": image.component,
            "reference": check.reference.to_string(),
            "digest": check.digest.map(|digest| digest.to_string()),
            "platforms": platforms,
            "tag": {
                "name": tag.map(ToString::to_string),
                "state": state,
                "digest": now.map(|digest| digest.to_string()),
            },
            "signatures": check.signatures.as_ref().map(|found| found.signatures().len()),
            "holds": check.problems.is_empty(),
            "problems": problems,
        })
    });
    json!({"release": list.release(), "images": images.collect::<Vec<_>>()})
}
