//! The meshes of a cluster: their controllers, and the namespaces that joined them.

use serde_json::Value;

use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{DEPLOYMENT, NAMESPACE, text};
use helm_release::rollout::apply::{Owner, RELEASE_NAME};

/// The label by which a namespace says which mesh it belongs to.
pub(super) const MONITORED_BY: &str = "openservicemesh.io/monitored-by";

/// A mesh that runs in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// Its name.
    pub name: String,
    /// The namespace of its control plane.
    pub namespace: String,
    /// The release that its controller belongs to; empty if it is of none.
    pub release: String,
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
    // Both are waited for, so that what is told does not depend on which answer comes first.
    let (meshes, namespaces) = futures_util::future::join(
        control_planes(cluster, ""),
        cluster.list(&NAMESPACE, "", MONITORED_BY),
    )
    .await;
    let mut meshes = meshes?;
    let (namespaces, _) = namespaces?;
    for mesh in &mut meshes {
        let joined = namespaces
            .iter()
            .filter(|namespace| text(namespace, &["metadata", "labels", MONITORED_BY]) == mesh.name)
            .map(|namespace| text(namespace, &["metadata", "name"]).to_owned());
        mesh.namespaces = joined.collect();
    }
    Ok(meshes)
}

/// The meshes in a namespace, or in all if it is empty, in the order of their names, without the namespaces that
/// joined them.
///
/// # Errors
/// What the server refuses.
pub async fn control_planes(cluster: &Cluster, namespace: &str) -> Result<Vec<Mesh>, ClusterError> {
    let labels = "app=osm-controller";
    let (deployments, _) = cluster.list(&DEPLOYMENT, namespace, labels).await?;
    let mut meshes: Vec<Mesh> = deployments.iter().map(mesh).collect();
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
    for other in control_planes(cluster, "").await? {
        let more = format!("\nthere is {} in namespace {}", other.name, other.namespace);
        message.push_str(&more);
    }
    Ok(message)
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
        release: text(deployment, &["metadata", "annotations", RELEASE_NAME]).to_owned(),
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
    fn a_mesh_is_read_off_its_controller() {
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
