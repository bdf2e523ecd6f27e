//! `osm verify`: checks whether a control plane is healthy and runs the images that were installed.

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Done, Failure};
use super::output::{FormatArg, Printer, table};
use super::{Global, mesh_name};
use helm_release::release::Owner;

use super::wait_hints::remedy;
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::ops;

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
/// The exit code is 1 if a check fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm verify control-plane-health
  osm verify control-plane-health --mesh-name blue --osm-namespace blue-system -o json")]
struct ControlPlaneHealth {
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    #[command(flatten)]
    output: FormatArg,
}

/// Formats the result of a check, with the remedy for the problem of a Pod.
fn found(check: &ops::Check) -> String {
    match &check.problem {
        Some(problem) => format!("{}; {}", check.found, remedy(problem)),
        None => check.found.clone(),
    }
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
        let checks = ops::block_on(async {
            let client = global.access.client().connect().await?;
            match ops::mesh_history(&client, owner).await?.last() {
                Some(record) => Ok(ops::verify(&client, record).await?),
                None => Err(Failure::from(ops::no_such_mesh(&client, owner).await?)),
            }
        })??;
        let data: Value = checks
            .iter()
            .map(|c| json!({"what": c.what, "holds": c.holds, "found": found(c)}))
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
