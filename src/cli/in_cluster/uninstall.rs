//! `osm uninstall mesh`: remove a mesh, or what is left of one.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Subcommand;

use super::{PortArg, duration, unless_interrupted};
use crate::cli::exit::{Done, Failure};
use crate::cli::hints::{describe, explain_cleanup};
use crate::cli::output::Printer;
use crate::cli::{Global, mesh_name, object_name};
use crate::ops::{self, Removal};
use crate::plan::DEFAULT_MESH_NAME;
use helm_release::release::Owner;
use helm_release::rollout::Cleanup;

/// Remove a mesh
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Uninstall {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Mesh(OfMesh),
}

/// Remove a mesh's control plane
///
/// The Pods of applications keep their sidecars until they are restarted.
#[derive(Debug, clap::Args)]
struct OfMesh {
    /// The name of the mesh.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    /// Do not ask, and do not fail if there is no such mesh.
    #[arg(short, long)]
    force: bool,
    /// The Secret with the mesh's root certificate.
    #[arg(long, value_name = "NAME", default_value = "osm-ca-bundle", value_parser = object_name)]
    ca_bundle_secret_name: String,
    /// Also remove the CRDs, with all objects of their kinds, and the webhooks.
    #[arg(short = 'a', long)]
    delete_cluster_wide_resources: bool,
    /// Also remove the control plane's namespace, with everything in it.
    #[arg(long)]
    delete_namespace: bool,
    /// Leave out the chart's hooks: the mesh's configuration, which they remove, stays.
    #[arg(long)]
    no_hooks: bool,
    /// How long each of its steps may take; 0 is without end.
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
            let client = global.access.client().connect().await?;
            let say = |event: ops::Event<'_>| Printer::progress(&describe(&event, &|_| None));
            let removing = ops::uninstall(&client, owner, &removal, &say);
            let Some(removed) = unless_interrupted(Box::pin(removing)).await else {
                return Err(Failure::Operation(format!(
                    "interrupted: a part of the mesh {name} may still be in namespace {namespace}; \
                     the same command goes on"
                )));
            };
            let removed = removed?;
            if !matches!(removed.cleanup, Cleanup::Done) {
                let error = explain_cleanup(&removed.cleanup);
                return Err(Failure::Operation(format!(
                    "{error}\nthe mesh is removed, but what its post-delete hook removes may be left: \
                     webhooks, CRDs, secrets; --delete-cluster-wide-resources removes them"
                )));
            }
            let missing = match removed.existed {
                true => None,
                false => Some(ops::no_such_mesh(&client, owner).await?.to_string()),
            };
            Ok((missing, removed.keeps_namespace))
        })??;
        let stays = format!("the namespace {namespace} stays: only that of a mesh is deleted");
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

/// Asks on the terminal; without one nobody can answer.
fn confirm(question: &str) -> Done {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Input(
            "standard input is no terminal, so nobody can be asked: --force does it without asking"
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
        _ => Err(Failure::Operation("nothing was done".to_owned())),
    }
}
