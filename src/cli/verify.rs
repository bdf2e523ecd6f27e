//! `osm verify`: checks whether a control plane is healthy and runs the images that were installed.

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Done, Failure};
use super::output::{FormatArg, Printer, table};
use super::{Global, mesh_name};
use helm_release::release::Owner;

use super::registry_args::RegistryArgs;
use super::registry_hints::hint;
use super::wait_hints::remedy;
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::ops::{self, OtherDigest, Verdict};

/// Check the control plane in a cluster
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    ControlPlaneHealth(ControlPlaneHealth),
}

/// Check the health of a control plane and the images that it runs
///
/// Checks workloads, endpoints and webhooks, and compares the running images with the release and the pins of this binary.
/// A runtime may report another digest than the pinned one, for example that of its platform; with --registry, the registry
/// is asked whether it belongs to the pinned image. The exit code is 1 if a check fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm verify control-plane-health
  osm verify control-plane-health --registry
  osm verify control-plane-health --mesh-name blue --osm-namespace blue-system -o json")]
struct ControlPlaneHealth {
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    #[command(flatten)]
    output: FormatArg,
    /// Ask the registry of an image about a running digest that is not the pinned one
    #[arg(long, help_heading = "Registry")]
    registry: bool,
    #[command(flatten)]
    access: RegistryArgs,
}

/// Formats the result of a check, with what to do about it.
fn found(check: &ops::Check) -> String {
    let verdict = check.other_digest.as_ref().map(|other| &other.verdict);
    let hint = match (&check.problem, verdict) {
        (Some(problem), _) => Some(remedy(problem)),
        (None, Some(Verdict::NotAsked)) => Some(
            "use --registry to ask the registry whether it belongs to the pinned image".to_owned(),
        ),
        (None, Some(Verdict::Unknown(host, error))) => hint(host, error),
        (None, _) => None,
    };
    match hint {
        Some(hint) => format!("{}; {hint}", check.found),
        None => check.found.clone(),
    }
}

/// Returns what is known of a digest that a runtime reports instead of the expected one.
fn digest_data(other: &OtherDigest) -> Value {
    let (verdict, platform) = match &other.verdict {
        Verdict::NotAsked => ("not asked", None),
        Verdict::Unknown(..) => ("unknown", None),
        Verdict::SameImage(platform) => ("same image", platform.as_ref()),
        Verdict::OtherPlatform { platform, .. } => ("other platform", Some(platform)),
        Verdict::OtherImage => ("other image", None),
    };
    json!({
        "expected": other.expected.to_string(),
        "running": other.running.to_string(),
        "verdict": verdict,
        "platform": platform.map(ToString::to_string),
    })
}

impl Verify {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let Command::ControlPlaneHealth(health) = &self.command;
        health.run(global, printer)
    }
}

impl ControlPlaneHealth {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let owner = Owner {
            name: &self.mesh_name,
            namespace: &global.osm_namespace,
        };
        let registries = match self.registry {
            true => Some(self.access.client(global)?),
            false => {
                self.access.refuse_without("--registry")?;
                None
            }
        };
        let checks = ops::block_on(async {
            let client = global.cluster().connect().await?;
            match ops::mesh_history(&client, owner).await?.last() {
                Some(record) => Ok(ops::verify(&client, record, registries.as_ref()).await?),
                None => Err(Failure::from(ops::no_such_mesh(&client, owner).await?)),
            }
        })??;
        let data: Value = checks
            .iter()
            .map(|check| {
                json!({
                    "what": check.what,
                    "holds": check.holds,
                    "found": found(check),
                    "digest": check.other_digest.as_ref().map(digest_data),
                })
            })
            .collect();
        let rows = checks.iter().map(|check| {
            let holds = if check.holds { "ok" } else { "FAILED" };
            vec![check.what.clone(), holds.to_owned(), found(check)]
        });
        let header = ["WHAT", "STATUS", "FOUND"];
        let text = self
            .output
            .format
            .text(&data, || table(&header, &rows.collect::<Vec<_>>()));
        printer.data(&text)?;
        match checks.iter().filter(|check| !check.holds).count() {
            0 => Ok(()),
            failed => {
                printer.flush()?;
                let all = checks.len();
                Err(Failure::Operation(format!(
                    "{failed} of {all} checks of the mesh {} failed",
                    self.mesh_name
                )))
            }
        }
    }
}
