//! Flags that say how registries are reached, and `--verify-images`, which needs them.

use std::path::PathBuf;
use std::sync::Arc;

use oci_registry::signature::PublicKey;
use oci_registry::{AccessError, Client, Host, RegistryAccess};

use super::Global;
use super::exit::Failure;
use super::output::Printer;
use super::registry_hints;
use crate::mesh::Plan;
use crate::mesh::images::FoundImage;
use crate::ops::{self, ImageCheck};

/// Flags that say how registries are reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Registry")]
pub(super) struct RegistryArgs {
    #[arg(
        long,
        value_name = "PATH",
        help = "File with credentials [default: $REGISTRY_AUTH_FILE, or what docker and podman use]"
    )]
    registry_auth_file: Option<PathBuf>,
    /// PEM file with certificate authorities to trust, in addition to those of this machine
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// Registry to reach by plain HTTP (repeatable)
    #[arg(long, value_name = "HOST[:PORT]")]
    insecure_registry: Vec<Host>,
    /// Token server that may get the credentials of a registry with another domain (repeatable)
    #[arg(long, value_name = "HOST[:PORT]")]
    token_server: Vec<Host>,
}

/// The flag `--key`.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArg {
    /// Public key with which each image must be signed, as cosign writes it
    #[arg(long, value_name = "PATH", help_heading = "Registry")]
    key: Option<PathBuf>,
}

/// The flag `--verify-images`, and those that it needs.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// Check all images at their registries before anything is applied, as osm images verify does
    #[arg(long, help_heading = "Images")]
    verify_images: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    key: KeyArg,
}

impl VerifyArgs {
    /// Returns whether images are to be checked.
    ///
    /// # Errors
    /// They are not, but a flag is given that has an effect only then.
    pub fn is_asked(&self) -> Result<bool, Failure> {
        const FLAG: &str = "--verify-images";
        if self.verify_images {
            return Ok(true);
        }
        self.registry.refuse_without(FLAG)?;
        match self.key.is_given() {
            true => Err(without_effect("--key", FLAG)),
            false => Ok(false),
        }
    }

    /// Checks the images that a plan has rendered, if that is asked for.
    ///
    /// # Errors
    /// An image does not hold.
    pub async fn check(
        &self,
        plan: &Plan,
        found: &[FoundImage],
        global: &Global,
    ) -> Result<(), Failure> {
        if !self.is_asked()? {
            return Ok(());
        }
        let key = self.key.read()?;
        let client = self.registry.client(global)?;
        let images = ops::images_to_check(plan, found);
        let mut report = |check: &ImageCheck| {
            if check.problems.is_empty() {
                Printer::progress(&format!("{}: verified", check.reference));
            }
        };
        let checks = ops::check_images(&client, &images, key.as_ref(), &mut report).await;
        registry_hints::all_hold(&checks)
    }
}

impl RegistryArgs {
    /// Fails if one of these flags is given, although `flag` is not.
    pub fn refuse_without(&self, flag: &str) -> Result<(), Failure> {
        let given = [
            ("--registry-auth-file", self.registry_auth_file.is_some()),
            ("--ca-file", self.ca_file.is_some()),
            ("--insecure-registry", !self.insecure_registry.is_empty()),
            ("--token-server", !self.token_server.is_empty()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(without_effect(name, flag)),
            None => Ok(()),
        }
    }

    /// Creates a client.
    ///
    /// # Errors
    /// A file cannot be read, or contains something else.
    pub fn client(&self, global: &Global) -> Result<Client, Failure> {
        self.client_with(global, None)
    }

    /// Creates a client that reads or sends so many blobs at the same time.
    ///
    /// # Errors
    /// As [`RegistryArgs::client`].
    pub fn client_with(
        &self,
        global: &Global,
        concurrency: Option<usize>,
    ) -> Result<Client, Failure> {
        let access = RegistryAccess {
            auth_file: self.registry_auth_file.clone(),
            ca_file: self.ca_file.clone(),
            insecure: self.insecure_registry.clone(),
            token_servers: self.token_server.clone(),
        };
        let user_agent = concat!("osm/", env!("CARGO_PKG_VERSION"));
        let client = access.client(|settings| {
            let mut settings = settings.user_agent(user_agent);
            if let Some(blobs) = concurrency {
                settings = settings.concurrency(blobs);
            }
            match global.trace() {
                Some(trace) => settings.log(Arc::new(trace)),
                None => settings,
            }
        });
        client.map_err(|error| {
            Failure::Input(match &error {
                AccessError::AuthFile { .. } => format!("--registry-auth-file {error}"),
                AccessError::CaFile { .. } | AccessError::Authorities { .. } => {
                    format!("--ca-file {error}")
                }
                _ => error.to_string(),
            })
        })
    }
}

impl KeyArg {
    /// Returns whether the flag is given.
    pub fn is_given(&self) -> bool {
        self.key.is_some()
    }

    /// Reads the public key.
    ///
    /// # Errors
    /// The file cannot be read, or contains something else.
    pub fn read(&self) -> Result<Option<PublicKey>, Failure> {
        let Some(path) = &self.key else {
            return Ok(None);
        };
        let wrong = |error: String| Failure::Input(format!("--key {}: {error}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot read it: {error}")))?;
        let key = PublicKey::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        Ok(Some(key))
    }
}

/// Returns the failure of a command with a flag that has an effect only with another one.
fn without_effect(flag: &str, other: &str) -> Failure {
    Failure::Input(format!("{flag} has no effect without {other}"))
}
