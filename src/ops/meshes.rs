//! Lists the meshes of a cluster: their controllers, and the namespaces that joined them.

use helm_release::client::Client;
use helm_release::client::resource::{DEPLOYMENT, NAMESPACE};
use helm_release::fields::text;
use helm_release::release::{Owner, release_name};
use serde_json::Value;

use super::error::{Error, MeshId};

/// The label of a namespace that names the mesh it belongs to.
pub(super) const MONITORED_BY: &str = "openservicemesh.io/monitored-by";

/// A mesh of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// Its name.
    pub name: String,
    /// The namespace of its control plane.
    pub namespace: String,
    /// The release that its controller belongs to; empty if it belongs to none.
    pub release: String,
    /// The version in the labels of its controller: `v1.2.4`.
    pub version: String,
    /// Whether it must be the only mesh in the cluster.
    pub enforces_single: bool,
    /// The namespaces that joined it.
    pub namespaces: Vec<String>,
}

/// Lists all meshes, by name.
///
/// # Errors
/// The server refuses a request.
pub async fn meshes(client: &Client) -> Result<Vec<Mesh>, Error> {
    // Both are awaited, so that the error does not depend on which answer comes first.
    let resource = NAMESPACE;
    let (meshes, namespaces) = tokio::join!(
        control_planes(client, ""),
        client.list(&resource, "", MONITORED_BY),
    );
    let mut meshes = meshes?;
    let namespaces = namespaces?;
    for mesh in &mut meshes {
        let joined = namespaces
            .iter()
            .filter(|namespace| text(namespace, &["metadata", "labels", MONITORED_BY]) == mesh.name)
            .map(|namespace| text(namespace, &["metadata", "name"]).to_owned());
        mesh.namespaces = joined.collect();
    }
    Ok(meshes)
}

/// Lists the meshes in a namespace, or in all if it is empty, by name, without the namespaces that joined them.
///
/// # Errors
/// The server refuses a request.
pub async fn control_planes(client: &Client, namespace: &str) -> Result<Vec<Mesh>, Error> {
    let labels = "app=osm-controller";
    let deployments = client.list(&DEPLOYMENT, namespace, labels).await?;
    let mut meshes: Vec<Mesh> = deployments.iter().map(mesh).collect();
    meshes.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
    Ok(meshes)
}

/// Returns the error for a mesh that does not exist, with the meshes that do.
///
/// # Errors
/// The server refuses a request.
pub async fn no_such_mesh(client: &Client, mesh: Owner<'_>) -> Result<Error, Error> {
    let others = control_planes(client, "").await?.into_iter();
    Ok(Error::MeshNotFound {
        mesh: mesh.into(),
        others: others.map(|other| other.id()).collect(),
    })
}

impl From<Owner<'_>> for MeshId {
    fn from(owner: Owner<'_>) -> MeshId {
        MeshId {
            name: owner.name.to_owned(),
            namespace: owner.namespace.to_owned(),
        }
    }
}

impl Mesh {
    /// Returns its name and namespace.
    pub(super) fn id(&self) -> MeshId {
        MeshId {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

fn mesh(deployment: &Value) -> Mesh {
    let label = |key: &str| text(deployment, &["metadata", "labels", key]);
    let name = match label("meshName") {
        "" => label("app.kubernetes.io/instance"),
        name => name,
    };
    Mesh {
        name: name.to_owned(),
        namespace: text(deployment, &["metadata", "namespace"]).to_owned(),
        release: release_name(deployment).unwrap_or_default().to_owned(),
        version: label("app.kubernetes.io/version").to_owned(),
        enforces_single: label("enforceSingleMesh") == "true",
        namespaces: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mesh_is_read_from_its_controller() {
        let deployment = json!({"metadata": {"namespace": "ns", "labels": {
            "app.kubernetes.io/instance": "a", "app.kubernetes.io/version": "v1.2.4",
            "enforceSingleMesh": "true"}}});
        assert_eq!(
            mesh(&deployment),
            Mesh {
                name: "a".to_owned(),
                namespace: "ns".to_owned(),
                release: String::new(),
                version: "v1.2.4".to_owned(),
                enforces_single: true,
                namespaces: Vec::new(),
            }
        );
    }
}
