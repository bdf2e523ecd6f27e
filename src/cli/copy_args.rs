//! Flags that choose the images to copy, for the commands that copy them.

use image_pins::{Digest, Reference};
use oci_registry::Client;
use oci_registry::model::Platform;

use super::Global;
use super::exit::Failure;
use super::output::{FormatArg, Printer};
use super::registry_args::RegistryArgs;
use super::registry_hints::explain_error;
use super::value_args::{OverrideArgs, ValueArgs};
use crate::mesh::images::Pins;
use crate::mesh::{PlanError, Request, ValueSource};
use crate::ops::{CopyChoice, ImageSelection, MirrorNameError, Origin, SelectionError};

/// Flags that choose the images to copy.
#[derive(Debug, clap::Args)]
pub(super) struct CopyArgs {
    /// Report what would be copied, how many bytes, and how many pulls registries count; copy nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    overrides: OverrideArgs,
    /// Release whose images are copied, instead of the compiled-in default (repeatable)
    #[arg(long, value_name = "RELEASE", help_heading = "Images")]
    release: Vec<String>,
    /// Copy the third-party images, too: Envoy, curl, and those of the components that values enable
    #[arg(long, help_heading = "Images")]
    pub include_external: bool,
    /// Copy only this platform, such as linux/amd64; this changes digests (repeatable) [default: all]
    #[arg(long, value_name = "OS/ARCH", help_heading = "Images")]
    platform: Vec<Platform>,
    /// Copy layers that registries usually do not have because of their licenses, such as those of Windows
    #[arg(long, help_heading = "Images")]
    foreign_layers: bool,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    pub output: FormatArg,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Blobs that are read from, and sent to, a registry at the same time
    #[arg(
        long,
        value_name = "N",
        default_value = "6",
        value_parser = clap::value_parser!(u16).range(1..=100),
        help_heading = "Registry"
    )]
    concurrency: u16,
}

impl CopyArgs {
    /// Creates a client.
    ///
    /// # Errors
    /// A file cannot be read, or contains something else.
    pub fn client(&self, global: &Global) -> Result<Client, Failure> {
        let concurrency = Some(self.concurrency.into());
        self.registry.client_with(global, concurrency)
    }

    /// Returns what of each image is copied.
    pub fn choice(&self, move_tags: bool) -> CopyChoice {
        CopyChoice {
            platforms: self.platform.clone(),
            foreign_layers: self.foreign_layers,
            move_tags,
        }
    }

    /// Chooses the images: those of the installations that the flags describe, or without such flags, all of an archive.
    ///
    /// # Errors
    /// Wrong input, or an image cannot be found.
    pub async fn select(
        &self,
        global: &Global,
        client: &Client,
        origin: &Origin,
    ) -> Result<ImageSelection, Failure> {
        let chooses =
            !self.release.is_empty() || !self.values.0.is_empty() || self.overrides.is_given();
        let others = self.include_external;
        Ok(match origin {
            Origin::Registries => {
                let installations = self.installations(global)?;
                let resolved = |reference: &Reference, digest: &Digest| {
                    Printer::progress(&format!("{reference} is {digest}"));
                };
                ImageSelection::from_registries(client, installations, others, &resolved).await?
            }
            Origin::Archive(archive) if chooses => {
                ImageSelection::from_archive(archive, self.installations(global)?, others)?
            }
            Origin::Archive(archive) => ImageSelection::whole_archive(archive)?,
        })
    }

    /// Returns the installations: one for each release.
    fn installations(&self, global: &Global) -> Result<Vec<Request>, Failure> {
        let values = self.values.0.iter().cloned().map(ValueSource::read);
        let request = Request {
            namespace: global.osm_namespace.clone(),
            values: values.collect::<Result<_, _>>()?,
            overrides: self.overrides.overrides().map_err(Failure::Input)?,
            ..Request::default()
        };
        if self.release.is_empty() {
            return Ok(vec![request]);
        }
        let mut releases: Vec<&str> = Vec::new();
        for name in &self.release {
            // 1.2.4 is v1.2.4.
            let release = Pins::of_release(name).map_err(PlanError::from)?.name();
            if !releases.contains(&release) {
                releases.push(release);
            }
        }
        let with_release = |release: &str| Request {
            release: Some(release.to_owned()),
            ..request.clone()
        };
        Ok(releases.into_iter().map(with_release).collect())
    }
}

impl From<SelectionError> for Failure {
    fn from(error: SelectionError) -> Failure {
        match error {
            SelectionError::Plan(error) => error.into(),
            SelectionError::Registry { host, error } => {
                Failure::Operation(explain_error(&host, &error))
            }
            error @ (SelectionError::NoTag(_) | SelectionError::NotInArchive(_)) => {
                Failure::Operation(error.to_string())
            }
            error @ SelectionError::Unnamed(_) => Failure::Input(error.to_string()),
        }
    }
}

impl From<MirrorNameError> for Failure {
    fn from(error: MirrorNameError) -> Failure {
        match error {
            MirrorNameError::Plan(error) => error.into(),
            error @ MirrorNameError::IsSource(_) => Failure::Input(format!(
                "--to: {error}, or another source with --image-registry"
            )),
            error => Failure::Input(error.to_string()),
        }
    }
}
