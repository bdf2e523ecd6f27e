//! `osm mesh`: the meshes of the cluster (`list`; `upgrade` has a file of its own).

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
use super::output::{Printer, table};
use super::upgrade::Upgrade;
use crate::cluster::{self, Cluster};
use crate::{json, yaml};

/// List and upgrade meshes
#[derive(Debug, clap::Args)]
pub(super) struct Mesh {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Upgrade(Box<Upgrade>),
}

/// List the meshes of the cluster
#[derive(Debug, clap::Args)]
struct List {
    /// How they are printed.
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns for people
    Table,
    /// A JSON list
    Json,
    /// The same as YAML
    Yaml,
}

impl Mesh {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        match &self.command {
            Command::List(list) => list.run(global, printer),
            Command::Upgrade(upgrade) => upgrade.run(global, printer),
        }
    }
}

impl List {
    fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        let meshes = cluster::block_on(async {
            let cluster = Cluster::connect(&global.connection()).await?;
            cluster::meshes(&cluster).await
        })??;
        let data: Value = meshes.iter().map(as_json).collect();
        let text = match self.output {
            Output::Json => json::pretty(&data) + "\n",
            Output::Yaml => yaml::to_yaml(&data),
            Output::Table if meshes.is_empty() => {
                printer.note("there is no mesh in this cluster");
                String::new()
            }
            Output::Table => {
                let rows: Vec<Vec<String>> = meshes
                    .iter()
                    .map(|mesh| {
                        let (name, namespace) = (mesh.name.clone(), mesh.namespace.clone());
                        let joined = mesh.namespaces.join(",");
                        vec![name, namespace, mesh.version.clone(), joined]
                    })
                    .collect();
                table(
                    &["MESH NAME", "MESH NAMESPACE", "VERSION", "ADDED NAMESPACES"],
                    &rows,
                )
            }
        };
        printer.data(&text)?;
        Ok(())
    }
}

/// A mesh as `-o json` prints it.
pub(super) fn as_json(mesh: &cluster::Mesh) -> Value {
    json!({
        "name": mesh.name,
        "namespace": mesh.namespace,
        "version": mesh.version,
        "enforceSingleMesh": mesh.enforces_single,
        "addedNamespaces": mesh.namespaces,
    })
}
