//! `osm images save`: writes the images of an installation into an archive.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

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
        check_writable(&self.file)
            .map_err(|reason| Failure::Input(format!("{}: {reason}", self.file.display())))?;
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

/// Checks that an archive can be written, before hours are spent on it.
fn check_writable(path: &Path) -> Result<(), String> {
    let Some(name) = path.file_name() else {
        return Err("the path has no file name: add one, such as images.tar".to_owned());
    };
    if path.exists() && !path.is_file() {
        return Err("it is not a regular file: choose another path".to_owned());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(format!("the folder {} does not exist", folder.display()));
    }
    // Where the archive is written until it is complete.
    let mut name = name.to_owned();
    name.push(".part");
    let part = folder.join(name);
    let was_there = part.exists();
    let opened = File::options().append(true).create(true).open(&part);
    let written = opened.map(drop);
    if !was_there {
        // If it is not there, it could not be created.
        let _ = fs::remove_file(&part);
    }
    written.map_err(|error| format!("cannot write {}: {error}", part.display()))
}
