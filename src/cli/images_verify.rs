//! `osm images verify`: checks the images of an installation at their registries.

use std::path::PathBuf;

use oci_registry::signature::PublicKey;
use serde_json::{Value, json};

use super::Global;
use super::exit::{Done, Failure};
use super::output::{FormatArg, Printer, table};
use super::registry_args::RegistryArgs;
use super::registry_hints;
use super::value_args::{ImageArgs, ValueArgs};
use crate::mesh::Request;
use crate::ops::{self, ImageCheck, ImageList, ImageProblem, TagState};

/// Check the images of an installation at their registries
///
/// Checks whether each image that an installation with these flags would use is at its registry with all its parts,
/// whether the tag of the release still points at it, and with --key, whether it is signed. The exit code is 1 if a check
/// fails.
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
    /// Public key with which each image must be signed, as cosign writes it
    #[arg(long, value_name = "PATH", help_heading = "Registry")]
    key: Option<PathBuf>,
}

impl Verify {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let list = ImageList::new(&Request {
            namespace: global.osm_namespace.clone(),
            release: self.images.release.clone(),
            values: self.values.0.clone(),
            overrides: self.images.overrides().map_err(Failure::Input)?,
            ..Request::default()
        })?;
        let key = self.key()?;
        let client = self.registry.client()?;
        let mut report = |check: &ImageCheck| {
            let verdict = if check.problems.is_empty() {
                "ok"
            } else {
                "FAILED"
            };
            Printer::progress(&format!("{}: {verdict}", check.image.reference));
        };
        let checks = ops::block_on(ops::check_images(&client, &list, key.as_ref(), &mut report))?;
        let text = self.output.format.text(&as_data(&list, &checks), || {
            as_table(&checks, key.is_some())
        });
        printer.data(&text)?;
        for check in &checks {
            if let TagState::Floating(tag) = &check.tag {
                printer.warning(&format!(
                    "{} is referenced by the tag {tag}: anyone who can push this tag controls what runs",
                    check.image.component
                ));
            }
        }
        let problems: Vec<String> = checks
            .iter()
            .flat_map(|c| &c.problems)
            .map(explain)
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => {
                let failed = checks
                    .iter()
                    .filter(|check| !check.problems.is_empty())
                    .count();
                let total = checks.len();
                Err(Failure::Operation(format!(
                    "{failed} of {total} images do not hold:\n{}",
                    problems.join("\n")
                )))
            }
        }
    }

    fn key(&self) -> Result<Option<PublicKey>, Failure> {
        let Some(path) = &self.key else {
            return Ok(None);
        };
        let wrong = |error: String| Failure::Input(format!("--key {}: {error}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot read it: {error}")))?;
        let key = PublicKey::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        Ok(Some(key))
    }
}

fn explain(problem: &ImageProblem) -> String {
    match problem {
        ImageProblem::Registry(error) => registry_hints::explain(error),
        ImageProblem::NoTag(reference) => format!("{reference}: not found: there is no such tag"),
        ImageProblem::TagMoved {
            image,
            tag,
            pinned,
            found,
        } => format!(
            "{}:{tag} was moved: it pointed at {pinned} when it was released, and points at {found} now\n  \
             hint: an installation still uses the pinned image; find out who moved the tag",
            image.name()
        ),
        ImageProblem::Unsigned(image, unverified) => format!("{image}: {unverified}"),
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

fn as_table(checks: &[ImageCheck], has_key: bool) -> String {
    let mut header = vec!["COMPONENT", "IMAGE", "PLATFORMS", "TAG", "STATUS"];
    if has_key {
        header.insert(4, "SIGNATURES");
    }
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| {
            let platforms: Vec<String> = check.platforms.iter().map(ToString::to_string).collect();
            let or_dash = |text: String| {
                if text.is_empty() {
                    "-".to_owned()
                } else {
                    text
                }
            };
            let status = if check.problems.is_empty() {
                "ok"
            } else {
                "FAILED"
            };
            let mut row = vec![
                check.image.component.clone(),
                check.image.reference.to_string(),
                or_dash(platforms.join(",")),
                tag_text(&check.tag),
                status.to_owned(),
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
    let images = checks.iter().map(|check| {
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
            "component": check.image.component,
            "reference": check.image.reference.to_string(),
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
