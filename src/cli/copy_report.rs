//! The result of a copy: what became of each image, how much there was to copy, and how an installation uses it.

use std::collections::BTreeMap;

use image_pins::{Digest, Reference};
use oci_registry::model::Descriptor;
use oci_registry::{Host, PlannedImage};
use serde_json::{Value, json};

use super::exit::{Done, Failure};
use super::install_command::InstallCommand;
use super::output::{Format, Printer, or_dash, table};
use super::registry_hints::{explain, explain_error};
use super::transfer_progress::size;
use crate::ops::{self, Copied, PlannedCopy, SelectedImage, Targets};

/// The pulls that Docker Hub allows without an account in six hours.
const DOCKER_HUB_PULLS: usize = 100;

/// The result of a copy, or of its plan.
#[derive(Debug)]
pub(super) struct CopyReport {
    pub blobs: usize,
    pub bytes: u64,
    pulls: BTreeMap<Host, usize>,
    images: Vec<ImageReport>,
    pub commands: Vec<InstallCommand>,
}

/// What became of an image.
#[derive(Debug)]
struct ImageReport {
    component: String,
    reference: Reference,
    /// The name at the target with its tag.
    target: String,
    /// The digest at the target.
    digest: Option<Digest>,
    platforms: Vec<String>,
    referrers: usize,
    /// Referrers that are not copied.
    skipped: Vec<Digest>,
    /// Layers that are not copied.
    left_out: Vec<Descriptor>,
    /// Whether platforms are left out, so that the digest is another one.
    is_part: bool,
    problems: Vec<String>,
}

impl CopyReport {
    /// Reports a plan.
    pub fn new(planned: &PlannedCopy) -> CopyReport {
        let Targets { selection, names } = &planned.targets;
        let images = selection.images.iter().zip(names).zip(planned.images());
        let images = images.map(|((image, name), planned)| {
            let mut report = ImageReport::new(image, name);
            match planned {
                Ok(planned) => {
                    report.is_part = planned.digest != image.digest;
                    report.add(&planned);
                }
                Err(error) => {
                    let host = ops::host_of(error, image, name);
                    report.problems.push(explain_error(&host, error));
                }
            }
            report
        });
        CopyReport {
            images: images.collect(),
            blobs: planned.blobs(),
            bytes: planned.bytes(),
            pulls: planned.pulls(),
            commands: Vec::new(),
        }
    }

    /// Replaces what was planned by what happened.
    pub fn set_results(&mut self, copied: &[Copied]) {
        for (report, copied) in self.images.iter_mut().zip(copied) {
            report.digest = copied.as_ref().ok().copied();
            report.problems = match copied {
                Ok(_) => Vec::new(),
                Err(problems) => problems.iter().map(explain).collect(),
            };
        }
    }

    /// Returns the digest of each image at the target; `None` if one has failed.
    pub fn digests(&self) -> Option<Vec<Digest>> {
        self.images.iter().map(|image| image.digest).collect()
    }

    /// Returns what a user should know of the plan: what is not copied, and the pulls that Docker Hub counts.
    pub fn warnings(&self) -> Vec<String> {
        let images = self.images.iter().flat_map(|image| {
            let skipped = image.skipped.iter();
            skipped.map(|digest| {
                format!(
                    "{}: the referrer {digest} is listed, but cannot be copied",
                    image.reference
                )
            })
        });
        let left_out = self.images.iter().flat_map(|image| {
            let layers = image.left_out.iter();
            layers.map(|layer| {
                format!(
                    "{}: the layer {} ({}) is left out, because registries usually do not have it; --foreign-layers \
                     copies it",
                    image.reference,
                    layer.digest,
                    size(layer.size)
                )
            })
        });
        let has_parts = self.images.iter().any(|image| image.is_part);
        let parts = has_parts.then(|| {
            "images with fewer platforms have other digests, for which the signatures of the whole images do not count"
                .to_owned()
        });
        let docker_hub = self.pulls.iter().find(|(host, _)| host.is_docker_hub());
        let pulls = docker_hub.map(|(_, count)| {
            format!(
                "Docker Hub counts {count} pulls for this; without an account it allows {DOCKER_HUB_PULLS} in six hours"
            )
        });
        images.chain(left_out).chain(parts).chain(pulls).collect()
    }

    /// Prints the result.
    pub fn print(&self, format: Format, is_dry: bool, printer: &mut Printer) -> Done {
        let data = self.as_data(is_dry);
        printer.data(&format.text(&data, || self.as_table(is_dry)))?;
        Ok(())
    }

    /// Fails if an image has failed.
    ///
    /// # Errors
    /// All problems of all images.
    pub fn all_done(&self) -> Done {
        let problems = self.images.iter().flat_map(|image| &image.problems);
        let problems: Vec<&str> = problems.map(String::as_str).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let failed = self
            .images
            .iter()
            .filter(|image| !image.problems.is_empty());
        let (failed, total) = (failed.count(), self.images.len());
        Err(Failure::Operation(format!(
            "{failed} of {total} images failed:\n{}",
            problems.join("\n")
        )))
    }

    fn as_table(&self, is_dry: bool) -> String {
        let rows: Vec<Vec<String>> = self
            .images
            .iter()
            .map(|image| {
                vec![
                    image.component.clone(),
                    image.target.clone(),
                    or_dash(image.digest.map(|d| d.to_string()).unwrap_or_default()),
                    or_dash(image.platforms.join(",")),
                    image.referrers.to_string(),
                    image.status().to_owned(),
                ]
            })
            .collect();
        let header = [
            "COMPONENT",
            "TARGET",
            "DIGEST",
            "PLATFORMS",
            "REFERRERS",
            "STATUS",
        ];
        let mut text = table(&header, &rows);
        if is_dry {
            let pulls = self
                .pulls
                .iter()
                .map(|(host, count)| format!("{host} {count}"));
            let pulls: Vec<String> = pulls.collect();
            text.push_str(&format!(
                "\nto copy: {} blobs, {}\npulls: {}\n",
                self.blobs,
                size(self.bytes),
                or_dash(pulls.join(", "))
            ));
        }
        for command in &self.commands {
            let what = match command.installs {
                true => format!("to install {} from there", command.release),
                false => format!(
                    "values for the chart of {}, to install it from there",
                    command.release
                ),
            };
            text.push_str(&format!("\n{what}:\n  {}\n", command.shell()));
        }
        text
    }

    fn as_data(&self, is_dry: bool) -> Value {
        let images = self.images.iter().map(|image| {
            json!({
                "component": image.component,
                "source": image.reference.to_string(),
                "target": image.target,
                "digest": image.digest.map(|digest| digest.to_string()),
                "platforms": image.platforms,
                "referrers": image.referrers,
                "status": image.status(),
                "problems": image.problems,
            })
        });
        let pulls = self
            .pulls
            .iter()
            .map(|(host, count)| (host.to_string(), json!(count)));
        let commands = self.commands.iter().map(|command| {
            json!({
                "release": command.release,
                "command": command.arguments(),
            })
        });
        json!({
            "dryRun": is_dry,
            "images": images.collect::<Vec<_>>(),
            "blobs": self.blobs,
            "bytes": self.bytes,
            "pulls": pulls.collect::<serde_json::Map<_, _>>(),
            "install": commands.collect::<Vec<_>>(),
        })
    }
}

impl ImageReport {
    fn new(image: &SelectedImage, name: &Reference) -> ImageReport {
        let target = match &image.tag {
            Some(tag) => name.with_tag(tag).to_string(),
            None => name.name().to_owned(),
        };
        ImageReport {
            component: image.component.clone(),
            reference: image.reference.clone(),
            target,
            digest: None,
            platforms: Vec::new(),
            referrers: 0,
            skipped: Vec::new(),
            left_out: Vec::new(),
            is_part: false,
            problems: Vec::new(),
        }
    }

    fn add(&mut self, planned: &PlannedImage) {
        self.digest = Some(planned.digest);
        self.platforms = planned.platforms.iter().map(ToString::to_string).collect();
        self.referrers = planned.referrers;
        self.skipped.clone_from(&planned.skipped_referrers);
    }

    fn status(&self) -> &'static str {
        match self.problems.is_empty() {
            true => "ok",
            false => "FAILED",
        }
    }
}
