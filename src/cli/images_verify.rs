//! `osm images verify`: checks the images of an installation at their registries, or in an archive.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Global;
use super::copy_steps::open;
use super::exit::{Done, Failure};
use super::image_messages::{not_pinned, other_image};
use super::output::{FormatArg, Printer, or_dash, table};
use super::registry_args::{KeyArg, RegistryArgs};
use super::registry_hints::{self, explain};
use super::value_args::{ImageArgs, ValueArgs, image_list, request};
use crate::ops::{self, ImageCheck, ImageSelection, ImageToCheck, TagState};

/// Check the images of an installation at their registries
///
/// Checks whether each image that an installation with these flags would use is at its registry with all its parts,
/// whether the tag of the release still points at it, and with --key, whether it is signed. The exit code is 1 if a check
/// fails. Registries that count pulls count about three for each image. With --from, all bytes of the images in an archive
/// are checked, and no registry is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images verify
  osm images verify --image-registry registry.example.com/mesh -o json
  osm images verify --key cosign.pub
  osm images verify --from images.tar")]
pub(super) struct Verify {
    /// Archive to check instead of registries, as osm images save writes it: all images, or those that the flags choose
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
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
        match &self.from {
            Some(path) => self.check_archive(path, global, printer),
            None => self.check_registries(global, printer),
        }
    }

    fn check_registries(&self, global: &Global, printer: &mut Printer) -> Done {
        let list = image_list(&global.osm_namespace, &self.images, &self.values)?;
        let key = self.key.read()?;
        let client = self.registry.client(global)?;
        let images: Vec<ImageToCheck> = list.images.iter().map(ImageToCheck::from).collect();
        let key = key.as_ref();
        let checks = ops::block_on(ops::check_images(&client, &images, key, &mut report))?;
        let components = list.images.iter().map(|image| image.component.as_str());
        let rows: Vec<Row<'_>> = components.zip(&checks).collect();
        self.print(("release", list.release()), &rows, printer)?;
        for check in &checks {
            if matches!(check.tag, TagState::Floating(_)) {
                printer.warning(&not_pinned(&check.reference));
            }
        }
        registry_hints::all_hold(&checks)
    }

    /// Checks all images of an archive, or those that the flags choose.
    fn check_archive(&self, path: &Path, global: &Global, printer: &mut Printer) -> Done {
        let chooses = self.images.is_given() || !self.values.0.is_empty();
        let key = self.key.read()?;
        let client = self.registry.client(global)?;
        let (selection, checks) = ops::block_on(async {
            let archive = open(path).await?;
            let selection = match chooses {
                true => {
                    let request = request(&global.osm_namespace, &self.images, &self.values)?;
                    ImageSelection::from_archive(&archive, vec![request], true)?
                }
                false => ImageSelection::whole_archive(&archive)?,
            };
            let images = selection.names();
            let key = key.as_ref();
            let checks = ops::check_archive(&client, &archive, &images, key, &mut report).await;
            Ok::<_, Failure>((selection, checks))
        })??;
        let components = selection
            .images
            .iter()
            .map(|image| image.component.as_str());
        let rows: Vec<Row<'_>> = components.zip(&checks).collect();
        self.print(("archive", &path.display().to_string()), &rows, printer)?;
        for other in selection.other_images()? {
            printer.warning(&other_image(&other));
        }
        registry_hints::all_hold(&checks)
    }

    fn print(&self, what: (&str, &str), rows: &[Row<'_>], printer: &mut Printer) -> Done {
        let (kind, name) = what;
        let data = json!({kind: name, "images": as_data(rows)});
        let has_key = self.key.is_given();
        let text = self.output.format.text(&data, || as_table(rows, has_key));
        printer.data(&text)?;
        Ok(())
    }
}

/// An image: its component, and what was found about it.
type Row<'r> = (&'r str, &'r ImageCheck);

fn report(check: &ImageCheck) {
    Printer::progress(&format!("{}: {}", check.reference, status(check)));
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

fn as_table(rows: &[Row<'_>], has_key: bool) -> String {
    let mut header = vec!["COMPONENT", "IMAGE", "PLATFORMS", "TAG", "STATUS"];
    if has_key {
        header.insert(4, "SIGNATURES");
    }
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(component, check)| {
            let platforms: Vec<String> = check.platforms.iter().map(ToString::to_string).collect();
            let mut row = vec![
                (*component).to_owned(),
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

fn as_data(rows: &[Row<'_>]) -> Vec<Value> {
    let images = rows.iter().map(|(component, check)| {
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
            "component": component,
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
    images.collect()
}
