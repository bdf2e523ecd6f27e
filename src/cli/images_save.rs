//! `osm images save`: writes the images of an installation into an archive.

use std::path::PathBuf;

use oci_registry::layout::check_writable;

use super::Global;
use super::copy_args::CopyArgs;
use super::copy_steps::{copy, planned};
use super::exit::{Done, Failure};
use super::output::Printer;
use crate::ops::{self, Origin, PlannedCopy};

/// Save the images of an installation to an archive
///
/// Writes the images that an installation with these flags would use to an OCI image layout in a tar archive, with all
/// platforms, signatures and other referrers. osm images mirror --from copies them to a registry that this machine need not
/// reach; skopeo, podman and ctr read the archive, too.
///
/// FILE is replaced when the archive is complete. Until then it is FILE.part: after an interruption, the same command goes
/// on.
// This text is the help, which has no markup.
#[allow(clippy::doc_markdown)]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm images save images.tar
  osm images save images.tar --include-external --platform linux/amd64
  osm images verify --from images.tar")]
pub(super) struct Save {
    /// Path of the archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    copy: CopyArgs,
}

impl Save {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        // Before hours are spent on it.
        check_writable(&self.file).map_err(|error| Failure::Input(error.to_string()))?;
        let client = self.copy.client(global)?;
        let is_dry = self.copy.dry_run;
        let report = ops::block_on(async {
            let plan = async {
                let selection = self
                    .copy
                    .select(global, &client, &Origin::Registries)
                    .await?;
                let choice = self.copy.choice(false);
                let file = self.file.clone();
                Ok(PlannedCopy::to_archive(&client, selection, file, &choice).await?)
            };
            let planned = planned(plan).await?;
            let (_, report) = copy(&client, planned, is_dry, printer).await?;
            Ok::<_, Failure>(report)
        })??;
        report.print(self.copy.output.format, is_dry, printer)?;
        report.all_done()
    }
}
