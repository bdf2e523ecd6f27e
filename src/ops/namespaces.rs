//! The namespaces of applications: which mesh they belong to.

use serde_json::json;

use super::meshes::{MONITORED_BY, control_planes};
use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{NAMESPACE, text};

/// The label that keeps a namespace out of every mesh.
const IGNORED: &str = "openservicemesh.io/ignore";
/// The annotation that has sidecars injected.
const INJECTION: &str = "openservicemesh.io/sidecar-injection";
/// The annotation that has metrics of sidecars collected.
const METRICS: &str = "openservicemesh.io/metrics";

/// What a namespace shall be to a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership<'m> {
    /// It joins the mesh of this name; with or without sidecars in its new Pods.
    Added {
        /// The mesh's name.
        mesh: &'m str,
        /// Whether new Pods get sidecars.
        injects: bool,
    },
    /// It leaves the mesh of this name.
    Removed {
        /// The mesh's name.
        mesh: &'m str,
    },
    /// No mesh looks at it.
    Ignored,
}

/// A namespace that joined a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshNamespace {
    /// Its name.
    pub name: String,
    /// The mesh.
    pub mesh: String,
    /// What its annotation says of sidecars; empty if it has none.
    pub injection: String,
}

/// The namespaces that joined a mesh, or any mesh.
///
/// # Errors
/// What the server refuses.
pub async fn namespaces(
    cluster: &Cluster,
    mesh: Option<&str>,
) -> Result<Vec<MeshNamespace>, ClusterError> {
    let labels = match mesh {
        Some(mesh) => format!("{MONITORED_BY}={mesh}"),
        None => MONITORED_BY.to_owned(),
    };
    let (found, _) = cluster.list(&NAMESPACE, "", &labels).await?;
    let joined = found.iter().map(|namespace| MeshNamespace {
        name: text(namespace, &["metadata", "name"]).to_owned(),
        mesh: text(namespace, &["metadata", "labels", MONITORED_BY]).to_owned(),
        injection: text(namespace, &["metadata", "annotations", INJECTION]).to_owned(),
    });
    Ok(joined.collect())
}

/// Makes a namespace a part of a mesh, or ends that.
///
/// # Errors
/// There is no such namespace, or it belongs to another mesh.
pub async fn set_membership(
    cluster: &Cluster,
    name: &str,
    membership: Membership<'_>,
) -> Result<(), ClusterError> {
    let reference = NAMESPACE.at("", name);
    let Some(found) = cluster.get(&reference).await? else {
        return Err(ClusterError::State(format!("there is no namespace {name}")));
    };
    let own = match membership {
        Membership::Added { .. } => control_planes(cluster, "").await?,
        _ => Vec::new(),
    };
    if let Some(own) = own.iter().find(|own| own.namespace == name) {
        return Err(ClusterError::State(format!(
            "the namespace {name} has the control plane of the mesh {}: it joins no mesh",
            own.name
        )));
    }
    let mesh = text(&found, &["metadata", "labels", MONITORED_BY]);
    let patch = match membership {
        Membership::Added { mesh: wanted, .. } if !mesh.is_empty() && mesh != wanted => {
            return Err(ClusterError::State(format!(
                "the namespace {name} belongs to the mesh {mesh}: \
                 osm namespace remove {name} --mesh-name {mesh} takes it out"
            )));
        }
        Membership::Added { mesh, injects } => json!({"metadata": {
            "labels": {MONITORED_BY: mesh, IGNORED: null},
            "annotations": {INJECTION: if injects { "enabled" } else { "disabled" }},
        }}),
        Membership::Removed { mesh: wanted } if mesh != wanted => {
            return Err(ClusterError::State(match mesh.is_empty() {
                true => format!("the namespace {name} belongs to no mesh"),
                false => {
                    format!("the namespace {name} belongs to the mesh {mesh}, not to {wanted}")
                }
            }));
        }
        Membership::Removed { .. } => json!({"metadata": {
            "labels": {MONITORED_BY: null, IGNORED: null},
            "annotations": {INJECTION: null, METRICS: null},
        }}),
        Membership::Ignored => json!({"metadata": {
            "labels": {MONITORED_BY: null, IGNORED: "true"},
            "annotations": {INJECTION: null, METRICS: null},
        }}),
    };
    cluster.merge(&reference, &patch).await.map(drop)
}
