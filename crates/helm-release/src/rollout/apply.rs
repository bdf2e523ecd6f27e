//! Brings objects into the cluster: marked as the release's, in helm's order, at once within a kind.

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::client::error::ClusterError;
use crate::client::resource::{ObjectRef, text};
use crate::client::{Cluster, Deleted};
use crate::wait::{self, Deadline};
use helm_chart::install_rank;

/// So many requests are on their way at the same time at most.
const AT_ONCE: usize = 16;

/// The label and annotations by which helm knows whose an object is.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The release that objects belong to.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'o> {
    /// The release's name.
    pub name: &'o str,
    /// The release's namespace.
    pub namespace: &'o str,
}

impl Owner<'_> {
    /// The object with the marks of the release on it.
    pub fn mark(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            let mut set = |map: &str, key: &str, value: &str| {
                let entry = metadata
                    .entry(map)
                    .or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = json!({});
                }
                if let Some(entries) = entry.as_object_mut() {
                    entries.insert(key.to_owned(), Value::from(value));
                }
            };
            set("labels", MANAGED_BY, "Helm");
            set("annotations", RELEASE_NAME, self.name);
            set("annotations", RELEASE_NAMESPACE, self.namespace);
        }
        object
    }

    /// A command for this mesh, with the flags that it takes: `osm uninstall mesh`.
    pub fn command(&self, command: &str) -> String {
        let mut command = command.to_owned();
        if self.name != "osm" {
            command = format!("{command} --mesh-name {}", self.name);
        }
        if self.namespace != "osm-system" {
            command = format!("{command} --osm-namespace {}", self.namespace);
        }
        command
    }

    /// Whether an object in the cluster bears the marks of another release.
    pub fn is_foreign(&self, object: &Value) -> bool {
        let has_marks = !text(object, &["metadata", "annotations", RELEASE_NAME]).is_empty();
        has_marks && !self.owns(object)
    }

    /// Whether an object in the cluster bears these marks.
    pub fn owns(&self, object: &Value) -> bool {
        text(object, &["metadata", "labels", MANAGED_BY]) == "Helm"
            && text(object, &["metadata", "annotations", RELEASE_NAME]) == self.name
            && text(object, &["metadata", "annotations", RELEASE_NAMESPACE]) == self.namespace
    }
}

/// Whose an object in the cluster is, for messages.
pub fn owner_of(object: &Value) -> String {
    let name = text(object, &["metadata", "annotations", RELEASE_NAME]);
    let namespace = text(object, &["metadata", "annotations", RELEASE_NAMESPACE]);
    let manager = text(object, &["metadata", "labels", MANAGED_BY]);
    match (name.is_empty(), manager) {
        (true, _) => "it belongs to no release".to_owned(),
        (false, "Helm") => format!("it belongs to the release {name} in namespace {namespace}"),
        (false, _) => format!(
            "it names the release {name} in namespace {namespace}, but has not the label {MANAGED_BY}: Helm"
        ),
    }
}

/// Whether an object is to stay when its release goes (helm's annotation).
pub fn is_kept(object: &Value) -> bool {
    text(
        object,
        &["metadata", "annotations", "helm.sh/resource-policy"],
    ) == "keep"
}

/// An object and where it goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it goes.
    pub reference: ObjectRef,
    /// What is sent.
    pub object: Value,
}

/// Applies objects in the order of their kinds; those of one kind at the same time.
///
/// # Errors
/// The first refusal.
pub async fn apply(cluster: &Cluster, targets: &[Target]) -> Result<(), ClusterError> {
    for group in by_kind(targets) {
        let sent = group
            .iter()
            .map(|target| cluster.apply(&target.reference, &target.object));
        at_once(sent).await?;
    }
    Ok(())
}

/// Sends requests, some at the same time.
///
/// # Errors
/// The first error, once every request that was sent has its answer: none is on its way any more.
pub async fn at_once<T>(
    requests: impl Iterator<Item = impl Future<Output = Result<T, ClusterError>>>,
) -> Result<Vec<T>, ClusterError> {
    let mut requests = requests.peekable();
    let mut answers = Vec::new();
    while requests.peek().is_some() {
        for answer in join_all(requests.by_ref().take(AT_ONCE)).await {
            answers.push(answer?);
        }
    }
    Ok(answers)
}

/// Neighbours of the same kind together; the objects are in helm's order already.
fn by_kind(targets: &[Target]) -> impl Iterator<Item = &[Target]> {
    targets.chunk_by(|a, b| {
        install_rank(&a.reference.resource.kind) == install_rank(&b.reference.resource.kind)
    })
}

/// Deletes objects against the order of their kinds, and gives those that are not gone at once.
///
/// # Errors
/// The first refusal.
pub async fn delete(
    cluster: &Cluster,
    references: &[ObjectRef],
) -> Result<Vec<ObjectRef>, ClusterError> {
    let mut references = references.to_vec();
    references.sort_by(|a, b| install_rank(&b.resource.kind).cmp(&install_rank(&a.resource.kind)));
    let mut going = Vec::new();
    for group in references.chunk_by(|a, b| a.resource.kind == b.resource.kind) {
        let sent = group
            .iter()
            .map(async |reference| Ok((reference.clone(), cluster.delete(reference).await?)));
        let answers = at_once(sent).await?;
        let still = answers.into_iter().filter(|(_, to)| *to == Deleted::Going);
        going.extend(still.map(|(reference, _)| reference));
    }
    Ok(going)
}

/// Deletes objects against the order of their kinds, and waits until they are gone.
///
/// # Errors
/// The first refusal, or what is still there when the time is over.
pub async fn remove(
    cluster: &Cluster,
    references: &[ObjectRef],
    deadline: Deadline,
) -> Result<(), ClusterError> {
    let going = delete(cluster, references).await?;
    wait::gone(cluster, going, deadline).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_object_is_owned_and_others_are_not() {
        let owner = Owner {
            name: "osm",
            namespace: "ns",
        };
        let other = Owner {
            name: "osm",
            namespace: "other",
        };
        let plain = json!({"kind": "Service", "metadata": {"name": "a", "annotations": null}});
        let marked = owner.mark(&plain);
        assert!(owner.owns(&marked) && !other.owns(&marked) && !owner.owns(&plain));
        assert_eq!(owner_of(&plain), "it belongs to no release");
        assert_eq!(
            owner.command("osm install"),
            "osm install --osm-namespace ns"
        );
        let mut unlabelled = marked;
        unlabelled["metadata"]["labels"] = json!({});
        assert!(!owner.owns(&unlabelled) && owner_of(&unlabelled).contains("has not the label"));
    }
}
