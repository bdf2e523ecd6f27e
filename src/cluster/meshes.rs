//! The meshes of a cluster: their controllers, and the namespaces that joined them.

use serde_json::Value;

use super::apply::Owner;
use super::client::Cluster;
use super::error::ClusterError;
use super::kinds::{DEPLOYMENT, NAMESPACE, text};

/// The label by which a namespace says which mesh it belongs to.
pub(super) const MONITORED_BY: &str = "openservicemesh.io/monitored-by";

/// A mesh that runs in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// Its name.
    pub name: String,
    /// The namespace of its control plane.
    pub namespace: String,
    /// The version that its controller bears: `v1.2.4`.
    pub version: String,
    /// Whether it wants no other mesh in the cluster.
    pub enforces_single: bool,
    /// The namespaces that joined it.
    pub namespaces: Vec<String>,
}

/// All meshes, in the order of their names.
///
/// # Errors
/// What the server refuses.
pub async fn meshes(cluster: &Cluster) -> Result<Vec<Mesh>, ClusterError> {
    let ((deployments, _), (namespaces, _)) = futures_util::future::try_join(
        cluster.list(&DEPLOYMENT, "", "app=osm-controller"),
        cluster.list(&NAMESPACE, "", MONITORED_BY),
    )
    .await?;
    let mut meshes: Vec<Mesh> = deployments
        .iter()
        .map(|deployment| mesh(deployment, &namespaces))
        .collect();
    meshes.sort_by(|a, b| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)));
    Ok(meshes)
}

/// A sentence that says that there is no such mesh, and which there are.
///
/// # Errors
/// What the server refuses.
pub async fn no_such_mesh(cluster: &Cluster, mesh: Owner<'_>) -> Result<String, ClusterError> {
    let mut message = format!(
        "there is no mesh {} in namespace {}",
        mesh.name, mesh.namespace
    );
    for other in meshes(cluster).await? {
        let more = format!("\nthere is {} in namespace {}", other.name, other.namespace);
        message.push_str(&more);
    }
    Ok(message)
}

fn mesh(deployment: &Value, namespaces: &[Value]) -> Mesh {
    let label = |key: &str| text(deployment, &["metadata", "labels", key]);
    let name = match label("meshName") {
        "" => label("app.kubernetes.io/instance"),
        name => name,
    };
    let joined = namespaces
        .iter()
        .filter(|namespace| text(namespace, &["metadata", "labels", MONITORED_BY]) == name)
        .map(|namespace| text(namespace, &["metadata", "name"]).to_owned());
    Mesh {
        name: name.to_owned(),
        namespace: text(deployment, &["metadata", "namespace"]).to_owned(),
        version: label("app.kubernetes.io/version").to_owned(),
        enforces_single: label("enforceSingleMesh") == "true",
        namespaces: joined.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mesh_is_read_off_its_controller() {
        let deployment = json!({"metadata": {"namespace": "ns", "labels": {
            "app.kubernetes.io/instance": "a", "app.kubernetes.io/version": "v1.2.4",
            "enforceSingleMesh": "true"}}});
        let namespace = |name: &str, mesh: &str| json!({"metadata": {"name": name, "labels": {MONITORED_BY: mesh}}});
        let namespaces = [namespace("x", "a"), namespace("y", "b")];
        assert_eq!(
            mesh(&deployment, &namespaces),
            Mesh {
                name: "a".to_owned(),
                namespace: "ns".to_owned(),
                version: "v1.2.4".to_owned(),
                enforces_single: true,
                namespaces: vec!["x".to_owned()],
            }
        );
    }
}
