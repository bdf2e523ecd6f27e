//! `osm mesh`: lists the meshes of a cluster, and upgrades one.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Global;
use super::exit::Done;
use super::output::{Format, FormatArg, Printer, table};
use super::port_arg::PortArg;
use super::upgrade::Upgrade;
use crate::ops;

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
#[command(after_help = "Examples:
  osm mesh list
  osm mesh list -o json")]
struct List {
    #[command(flatten)]
    output: FormatArg,
    #[command(flatten)]
    _port: PortArg,
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
        let meshes = ops::block_on(async {
            let client = global.cluster().connect().await?;
            ops::meshes(&client).await
        })??;
        let data: Value = meshes.iter().map(as_json).collect();
        if meshes.is_empty() && self.output.format == Format::Table {
            printer.note("the cluster has no mesh");
            return Ok(());
        }
        let rows = meshes.iter().map(|mesh| {
            let (name, namespace) = (mesh.name.clone(), mesh.namespace.clone());
            vec![
                name,
                namespace,
                mesh.version.clone(),
                mesh.namespaces.join(","),
            ]
        });
        let header = ["MESH NAME", "MESH NAMESPACE", "VERSION", "ADDED NAMESPACES"];
        let text = self
            .output
            .format
            .text(&data, || table(&header, &rows.collect::<Vec<_>>()));
        printer.data(&text)?;
        Ok(())
    }
}

/// Converts a mesh to the data of `-o json`.
pub(super) fn as_json(mesh: &ops::Mesh) -> Value {
    json!({
        "name": mesh.name,
        "namespace": mesh.namespace,
        "version": mesh.version,
        "enforceSingleMesh": mesh.enforces_single,
        "addedNamespaces": mesh.namespaces,
    })
}
