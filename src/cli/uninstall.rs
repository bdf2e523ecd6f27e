//! `osm uninstall mesh`: removes a mesh, or what is left of one.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Subcommand;

use super::duration;
use super::events::describe;
use super::exit::{Done, Failure};
use super::hints::explain_cleanup;
use super::live::unless_interrupted;
use super::output::Printer;
use super::port_arg::PortArg;
use super::settings::Settings;
use super::{Global, mesh_name, object_name};
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::ops::{self, Removal};
use helm_release::release::Owner;
use helm_release::rollout::Cleanup;

/// Remove a mesh
#[derive(Debug, clap::Args)]
#[command(visible_aliases = ["delete", "del"])]
pub(super) struct Uninstall {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Mesh(OfMesh),
}

/// Remove the control plane of a mesh
///
/// Pods of applications keep their sidecars until they are restarted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm uninstall mesh
  osm uninstall mesh --mesh-name blue --osm-namespace blue-system --force
  osm uninstall mesh --delete-cluster-wide-resources --delete-namespace   # leave nothing behind")]
struct OfMesh {
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    /// Do not ask for confirmation, and succeed if the mesh does not exist
    #[arg(short, long)]
    force: bool,
    /// Secret with the root certificate of the mesh
    #[arg(long, value_name = "NAME", default_value = "osm-ca-bundle", value_parser = object_name)]
    ca_bundle_secret_name: String,
    /// Also delete the CRDs, with all their objects, and the webhooks
    #[arg(short = 'a', long)]
    delete_cluster_wide_resources: bool,
    /// Also delete the namespace of the control plane, with everything in it
    #[arg(long)]
    delete_namespace: bool,
    /// Do not run the hooks of the chart, which remove the configuration of the mesh
    #[arg(long)]
    no_hooks: bool,
    /// Timeout of each step (0: no timeout)
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    _port: PortArg,
}

impl Uninstall {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let What::Mesh(mesh) = &self.what;
        mesh.run(global, printer)
    }
}

impl OfMesh {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let settings = Settings::current();
        // What a provider has left can be removed, but not its mesh.
        let refuse_managed = |command| settings.refuse_managed(command).map_err(Failure::Input);
        if self.delete_namespace {
            refuse_managed("osm uninstall mesh --delete-namespace")?;
        }
        if !self.delete_cluster_wide_resources {
            refuse_managed("osm uninstall mesh")?;
        }
        let (name, namespace) = (&self.mesh_name, &global.osm_namespace);
        if !self.force {
            confirm(&format!(
                "Uninstall OSM [mesh name: {name}] in namespace [{namespace}]?"
            ))?;
        }
        let owner = Owner { name, namespace };
        let removal = Removal {
            timeout: self.timeout,
            hooks: !self.no_hooks,
            ca_bundle_secret: Some(self.ca_bundle_secret_name.clone()),
            webhooks: self.delete_cluster_wide_resources,
            crds: self.delete_cluster_wide_resources,
            namespace: self.delete_namespace,
            history: true,
        };
        let (missing, keeps_namespace) = ops::block_on(async {
            let client = global.cluster().connect().await?;
            if settings.managed().is_some() && !ops::mesh_history(&client, owner).await?.is_empty()
            {
                refuse_managed("osm uninstall mesh")?;
            }
            let say = |event: ops::Event<'_>| Printer::progress(&describe(&event, &|_| None));
            let removing = ops::uninstall(&client, owner, &removal, &say);
            let Some(removed) = unless_interrupted(Box::pin(removing)).await else {
                return Err(Failure::Operation(format!(
                    "interrupted: a part of the mesh {name} may still be in namespace {namespace}. \
                     Rerun the same command to resume."
                )));
            };
            let removed = removed?;
            if !matches!(removed.cleanup, Cleanup::Done) {
                let error = explain_cleanup(&removed.cleanup);
                return Err(Failure::Operation(format!(
                    "{error}\nthe mesh is removed, but its post-delete hook failed: webhooks, CRDs and Secrets may be left. \
                     Rerun with --delete-cluster-wide-resources to remove them."
                )));
            }
            let missing = match removed.existed {
                true => None,
                false => Some(ops::no_such_mesh(&client, owner).await?.to_string()),
            };
            Ok((missing, removed.keeps_namespace))
        })??;
        let stays = format!(
            "the namespace {namespace} was not deleted, because no mesh is installed in it"
        );
        if let Some(mut message) = missing {
            if keeps_namespace {
                message = format!("{message}\n{stays}");
            }
            if !self.force {
                return Err(Failure::Operation(message));
            }
            printer.note(&message);
            return Ok(());
        }
        printer.data(&format!(
            "OSM [mesh name: {name}] in namespace [{namespace}] uninstalled\n"
        ))?;
        if keeps_namespace {
            printer.note(&stays);
        }
        Ok(())
    }
}

/// Asks for confirmation on the terminal, and fails without one.
fn confirm(question: &str) -> Done {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Input(
            "cannot ask for confirmation: standard input is not a terminal. Use --force to skip the question."
                .to_owned(),
        ));
    }
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question} [y/n]: ");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Operation(
            "canceled: nothing was changed".to_owned(),
        )),
    }
}
