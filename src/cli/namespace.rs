//! `osm namespace`: the namespaces of a mesh.

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::Done;
use super::output::{Format, FormatArg, Printer, table};
use super::{Global, mesh_name};
use crate::mesh::names::DEFAULT_MESH_NAME;
use crate::ops::{self, Membership, MeshNamespace};

/// Manage the namespaces of a mesh
#[derive(Debug, clap::Args)]
#[command(visible_alias = "ns")]
pub(super) struct Namespace {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Add),
    Remove(Remove),
    Ignore(Ignore),
    List(List),
}

/// Add namespaces to a mesh
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm namespace add shop payments
  osm namespace add shop --mesh-name blue --disable-sidecar-injection")]
struct Add {
    /// Names of the namespaces
    #[arg(required = true, value_name = "NAMESPACE", value_parser = super::namespace)]
    namespaces: Vec<String>,
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
    /// Do not inject sidecars into new Pods
    #[arg(long)]
    disable_sidecar_injection: bool,
}

/// Remove namespaces from a mesh
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm namespace remove shop
  osm namespace remove shop --mesh-name blue")]
struct Remove {
    /// Names of the namespaces
    #[arg(required = true, value_name = "NAMESPACE", value_parser = super::namespace)]
    namespaces: Vec<String>,
    /// Name of the mesh
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MESH_NAME, value_parser = mesh_name)]
    mesh_name: String,
}

/// Exclude namespaces from every mesh
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm namespace ignore kube-system")]
struct Ignore {
    /// Names of the namespaces
    #[arg(required = true, value_name = "NAMESPACE", value_parser = super::namespace)]
    namespaces: Vec<String>,
}

/// List the namespaces of meshes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  osm namespace list
  osm namespace list --mesh-name blue -o json")]
struct List {
    /// List only the namespaces of this mesh
    // This filter has an id of its own: the name of the mesh in the environment must not hide namespaces.
    #[arg(id = "of_mesh", long = "mesh-name", value_name = "NAME", value_parser = mesh_name)]
    mesh_name: Option<String>,
    #[command(flatten)]
    output: FormatArg,
}

impl Namespace {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        match &self.command {
            Command::Add(add) => {
                let mesh = &add.mesh_name;
                let injects = !add.disable_sidecar_injection;
                let said = |name: &str| {
                    format!("Namespace [{name}] successfully added to mesh [{mesh}]\n")
                };
                set(
                    global,
                    &add.namespaces,
                    Membership::Added { mesh, injects },
                    &said,
                    printer,
                )
            }
            Command::Remove(remove) => {
                let mesh = &remove.mesh_name;
                let said = |name: &str| {
                    format!("Namespace [{name}] successfully removed from mesh [{mesh}]\n")
                };
                set(
                    global,
                    &remove.namespaces,
                    Membership::Removed { mesh },
                    &said,
                    printer,
                )
            }
            Command::Ignore(ignore) => {
                let said = |name: &str| format!("Namespace [{name}] is ignored by every mesh\n");
                set(
                    global,
                    &ignore.namespaces,
                    Membership::Ignored,
                    &said,
                    printer,
                )
            }
            Command::List(list) => list.run(global, printer),
        }
    }
}

fn set(
    global: &Global,
    names: &[String],
    membership: Membership<'_>,
    said: &dyn Fn(&str) -> String,
    printer: &mut Printer,
) -> Done {
    ops::block_on(async {
        let client = global.cluster().connect().await?;
        for change in ops::plan_membership(&client, names, membership).await? {
            change.apply(&client).await?;
            printer.data(&said(change.name()))?;
        }
        Ok(())
    })?
}

impl List {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let joined = ops::block_on(async {
            let client = global.cluster().connect().await?;
            ops::namespaces(&client, self.mesh_name.as_deref()).await
        })??;
        let data: Value = joined
            .iter()
            .map(|j| json!({"name": j.name, "mesh": j.mesh, "sidecarInjection": j.injection}))
            .collect();
        if joined.is_empty() && self.output.format == Format::Table {
            printer.note("no namespace belongs to a mesh");
            return Ok(());
        }
        let header = ["NAMESPACE", "MESH", "SIDECAR-INJECTION"];
        let text = self
            .output
            .format
            .text(&data, || table(&header, &rows(&joined)));
        printer.data(&text)?;
        Ok(())
    }
}

fn rows(joined: &[MeshNamespace]) -> Vec<Vec<String>> {
    let row = |j: &MeshNamespace| {
        let injection = match j.injection.as_str() {
            "" => "-",
            said => said,
        };
        vec![j.name.clone(), j.mesh.clone(), injection.to_owned()]
    };
    joined.iter().map(row).collect()
}
