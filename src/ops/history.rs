//! The revisions of a mesh: finds its release, and reads its name and namespace from the values.

use helm_release::client::Client;
use helm_release::release::{Owner, Record, records};

use super::error::Error;
use crate::mesh::chart::CHART_NAME;
use crate::mesh::values::{MESH_NAME, OSM_NAMESPACE, Root, ValuePath};

/// The label of records that are created here.
pub(super) const MADE_BY: &str = "openservicemesh.io/made-by";

/// Reads the records of the release that is a mesh, the newest last: of the release of this name, or of the one whose
/// values name the mesh. The list is empty for an unknown mesh.
///
/// # Errors
/// A record is damaged, the release is not a mesh, or the server refuses a request.
pub async fn mesh_history(client: &Client, mesh: Owner<'_>) -> Result<Vec<Record>, Error> {
    let found = records(client, mesh.namespace).await?;
    let (mut records, damaged) = (found.records, found.damaged);
    let is_release = records.iter().any(|r| r.name() == mesh.name);
    let named = records.iter().rev().find(|r| mesh_name(r) == mesh.name);
    let release = match named {
        Some(named) if !is_release => named.name().to_owned(),
        _ => mesh.name.to_owned(),
    };
    if let Some(damaged) = damaged.into_iter().find(|d| d.release == release) {
        return Err(Error::DamagedRecord {
            mesh: mesh.name.to_owned(),
            record: Box::new(damaged.reference),
            reason: damaged.reason,
        });
    }
    records.retain(|record| record.name() == release);
    match records.last() {
        Some(last) if !is_mesh(last) => Err(Error::NotAMesh {
            release,
            namespace: mesh.namespace.to_owned(),
            chart: last.chart_name().to_owned(),
        }),
        _ => Ok(records),
    }
}

/// Returns the name of the mesh: what the values name it, else the name of the release.
pub fn mesh_name(record: &Record) -> &str {
    mesh_value(record, &MESH_NAME).unwrap_or_else(|| record.name())
}

/// Returns the namespace of the control plane: what the values name, else the namespace of the release.
pub fn mesh_namespace(record: &Record) -> &str {
    mesh_value(record, &OSM_NAMESPACE).unwrap_or_else(|| record.namespace())
}

fn mesh_value<'r>(record: &'r Record, path: &ValuePath) -> Option<&'r str> {
    let [current, older] = Root::ALL.map(|root| path.keys(root));
    record.value(&[&current, &older])
}

/// Returns whether the release is a mesh: installed here, or of a chart with the values of a mesh.
fn is_mesh(record: &Record) -> bool {
    let has_name = |root: Root| record.has_default(&MESH_NAME.keys(root));
    record.has_label(MADE_BY)
        || record.chart_name() == CHART_NAME
        || Root::ALL.into_iter().any(has_name)
}
