//! `osm images mirror`: copies the images of an installation to another registry.

use std::path::PathBuf;

use image_pins::{Digest, RepositoryPrefix};

use super::Global;
use super::copy_args::CopyArgs;
use super::copy_steps::{copy, open, planned};
use super::exit::{Done, Failure};
use super::image_messages::other_image;
use super::install_command::InstallCommand;
use super::output::Printer;
use crate::ops::{self, Origin, PlannedCopy, Targets};

/// Copy the images of an installation to another registry
///
/// Copies the images that an installation with these flags would use, by their digests, with all platforms, signatures and
/// other referrers. Each gets the tag of the release, last. What is there already is not sent again: after an interruption,
/// the same command goes on. In the end, the images at the mirror are checked, and the command that installs from there is
/// printed.
///
/// The images of the mesh are PREFIX/COMPONENT at the mirror, as --image-registry PREFIX expects; third-party images
/// (--include-external) have the last part of their name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images mirror --to registry.example.com/mesh --dry-run
  osm images mirror --to registry.example.com/mesh --include-external
  osm images mirror --to registry.example.com/mesh --release v1.2.3 --release v1.2.4
  osm images mirror --to registry.example.com/mesh --from images.tar     # of osm images save")]
pub(super) struct Mirror {
    /// Registry and path to copy to, such as registry.example.com/mesh
    #[arg(long, value_name = "PREFIX")]
    to: RepositoryPrefix,
    /// Archive to copy from, instead of registries: all of its images, or those that the flags choose
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Move tags at the mirror that point at other images
    #[arg(long)]
    move_tags: bool,
    #[command(flatten)]
    copy: CopyArgs,
}

impl Mirror {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let client = self.copy.client(global)?;
        let is_dry = self.copy.dry_run;
        let report = ops::block_on(async {
            let plan = async {
                let origin = match &self.from {
                    None => Origin::Registries,
                    Some(path) => Origin::Archive(open(path).await?),
                };
                let selection = self.copy.select(global, &client, &origin).await?;
                let choice = self.copy.choice(self.move_tags);
                Ok(PlannedCopy::to_mirror(&client, selection, &origin, &self.to, &choice).await?)
            };
            let planned = planned(plan).await?;
            for image in &planned.targets.selection.images {
                if image.tag.is_none() {
                    printer.warning(&format!(
                        "{} gets no tag, because no release has this digest: a registry that deletes images without \
                         tags may remove it",
                        image.reference
                    ));
                }
            }
            if self.from.is_some() {
                for other in planned.targets.selection.other_images()? {
                    printer.warning(&other_image(&other));
                }
            }
            let (targets, mut report) = copy(&client, planned, is_dry, printer).await?;
            if let Some(digests) = report.digests() {
                report.commands = self.commands(&targets, &digests, printer)?;
            }
            Ok::<_, Failure>(report)
        })??;
        report.print(self.copy.output.format, is_dry, printer)?;
        report.all_done()
    }

    /// Returns the commands that use the mirror.
    fn commands(
        &self,
        targets: &Targets,
        digests: &[Digest],
        printer: &mut Printer,
    ) -> Result<Vec<InstallCommand>, Failure> {
        let mut commands = Vec::new();
        let mut has_digests = false;
        for request in targets.installations(&self.to, digests)? {
            let Some(request) = request else {
                printer.warning(
                    "no flags make an installation with these values use the mirror: set the images in the values",
                );
                continue;
            };
            has_digests |= !request.overrides.digests.is_empty();
            commands.push(InstallCommand::new(&request)?);
        }
        if has_digests {
            printer.note(
                "some digests are not those that are compiled in, so an installation needs the flags that are printed",
            );
        }
        if targets.selection.installations.is_empty() {
            printer.note(
                "the archive does not have all images of a release, so no command installs them",
            );
        }
        if targets.selection.leaves_others_out {
            printer.note(
                "third-party images are still pulled from their own registries; --include-external copies them, too",
            );
        }
        Ok(commands)
    }
}
