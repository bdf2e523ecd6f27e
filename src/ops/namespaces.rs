//! Lists and changes the namespaces of a mesh.

use helm_release::client::resource::NAMESPACE;
use helm_release::client::{Client, ObjectRef};
use helm_release::fields::text;
use serde_json::{Value, json};

use super::error::Error;
use super::meshes::{MONITORED_BY, Mesh, control_planes};

/// The label that keeps a namespace out of every mesh.
const IGNORED: &str = "openservicemesh.io/ignore";
/// The annotation that enables the injection of sidecars.
const INJECTION: &str = "openservicemesh.io/sidecar-injection";
/// The annotation that enables the metrics of sidecars.
const METRICS: &str = "openservicemesh.io/metrics";

/// What a namespace is to a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership<'m> {
    /// It belongs to this mesh, with or without sidecars in its new Pods.
    Added {
        /// The mesh's name.
        mesh: &'m str,
        /// Whether new Pods get sidecars.
        injects: bool,
    },
    /// It no longer belongs to this mesh.
    Removed {
        /// The mesh's name.
        mesh: &'m str,
    },
    /// Every mesh ignores it.
    Ignored,
}

/// A namespace that joined a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshNamespace {
    /// Its name.
    pub name: String,
    /// The mesh.
    pub mesh: String,
    /// The annotation for sidecars: `enabled` or `disabled`; empty if it has none.
    pub injection: String,
}

/// Lists the namespaces that joined a mesh, or any mesh.
///
/// # Errors
/// The server refuses the request.
pub async fn namespaces(client: &Client, mesh: Option<&str>) -> Result<Vec<MeshNamespace>, Error> {
    let labels = match mesh {
        Some(mesh) => format!("{MONITORED_BY}={mesh}"),
        None => MONITORED_BY.to_owned(),
    };
    let found = client.list(&NAMESPACE, "", &labels).await?;
    let joined = found.iter().map(|namespace| MeshNamespace {
        name: text(namespace, &["metadata", "name"]).to_owned(),
        mesh: text(namespace, &["metadata", "labels", MONITORED_BY]).to_owned(),
        injection: text(namespace, &["metadata", "annotations", INJECTION]).to_owned(),
    });
    Ok(joined.collect())
}

/// A namespace, and the patch that changes its membership.
#[derive(Debug)]
pub struct MembershipChange {
    reference: ObjectRef,
    patch: Value,
}

impl MembershipChange {
    /// Returns the name of the namespace.
    pub fn name(&self) -> &str {
        &self.reference.name
    }

    /// Changes the namespace.
    ///
    /// # Errors
    /// The server refuses the request.
    pub async fn apply(&self, client: &Client) -> Result<(), Error> {
        client.merge(&self.reference, &self.patch).await?;
        Ok(())
    }
}

/// Plans changes of the namespaces of a mesh. Nothing changes before all namespaces are checked.
///
/// # Errors
/// A namespace does not exist, belongs to another mesh or has a control plane, the mesh to join does not exist, or the
/// server refuses a request.
pub async fn plan_membership(
    client: &Client,
    names: &[String],
    membership: Membership<'_>,
) -> Result<Vec<MembershipChange>, Error> {
    let meshes = match membership {
        Membership::Added { .. } => control_planes(client, "").await?,
        _ => Vec::new(),
    };
    let mut changes = Vec::new();
    for name in names {
        let reference = NAMESPACE.at("", name);
        let Some(found) = client.get(&reference).await? else {
            return Err(Error::NamespaceNotFound {
                namespace: name.to_owned(),
            });
        };
        if let Some(own) = meshes.iter().find(|mesh| mesh.namespace == *name) {
            return Err(Error::ControlPlaneNamespace {
                namespace: name.to_owned(),
                mesh: own.name.clone(),
            });
        }
        let patch = membership_patch(&found, name, membership)?;
        changes.push(MembershipChange { reference, patch });
    }
    if let Membership::Added { mesh, .. } = membership
        && !meshes.iter().any(|found| found.name == mesh)
    {
        return Err(Error::UnknownMesh {
            mesh: mesh.to_owned(),
            others: meshes.iter().map(Mesh::id).collect(),
        });
    }
    Ok(changes)
}

/// Returns the patch for a namespace.
///
/// # Errors
/// It belongs to another mesh.
fn membership_patch(found: &Value, name: &str, membership: Membership<'_>) -> Result<Value, Error> {
    let mesh = text(found, &["metadata", "labels", MONITORED_BY]);
    Ok(match membership {
        Membership::Added { mesh: wanted, .. } if !mesh.is_empty() && mesh != wanted => {
            return Err(Error::InOtherMesh {
                namespace: name.to_owned(),
                mesh: mesh.to_owned(),
            });
        }
        Membership::Added { mesh, injects } => json!({"metadata": {
            "labels": {MONITORED_BY: mesh, IGNORED: null},
            "annotations": {INJECTION: if injects { "enabled" } else { "disabled" }},
        }}),
        Membership::Removed { mesh: wanted } if mesh != wanted => {
            return Err(Error::NotInMesh {
                namespace: name.to_owned(),
                mesh: Some(mesh.to_owned()).filter(|mesh| !mesh.is_empty()),
                wanted: wanted.to_owned(),
            });
        }
        Membership::Removed { .. } => json!({"metadata": {
            "labels": {MONITORED_BY: null, IGNORED: null},
            "annotations": {INJECTION: null, METRICS: null},
        }}),
        Membership::Ignored => json!({"metadata": {
            "labels": {MONITORED_BY: null, IGNORED: "true"},
            "annotations": {INJECTION: null, METRICS: null},
        }}),
    })
}
