//! The CRDs that a chart brings under `crds/`: there before everything else, and nobody's afterwards.
//!
//! As helm has it: one that exists is left as it is, and neither an upgrade nor a removal looks at them.

use std::time::Duration;

use serde_json::Value;

use crate::Progress;
use crate::client::Cluster;
use crate::client::error::ClusterError;
use crate::client::resource::{ApiResource, CUSTOM_RESOURCE_DEFINITION, text};
use crate::rollout::apply::Target;
use crate::time::shown;
use crate::wait::Deadline;
use crate::wait::pod_problem::condition;
use helm_chart::Object;

/// The pause before a CRD is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// The kinds that a CRD brings, by the versions that it serves.
fn kinds_of(definition: &Value) -> Vec<ApiResource> {
    let spec = |keys: &[&str]| text(definition, &[&["spec"], keys].concat()).to_owned();
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served") == Some(&Value::Bool(true)))
        .map(|version| ApiResource {
            api_version: format!("{}/{}", spec(&["group"]), text(version, &["name"])).into(),
            kind: spec(&["names", "kind"]).into(),
            plural: spec(&["names", "plural"]).into(),
            namespaced: spec(&["scope"]) == "Namespaced",
        })
        .collect()
}

/// Makes the kinds known that the cluster has once a chart's CRDs are there; gives the API versions that come with them.
/// A CRD that is there already stays, and counts as it is.
///
/// # Errors
/// What the server refuses.
pub async fn expect_crds(cluster: &Cluster, crds: &[Object]) -> Result<Vec<String>, ClusterError> {
    let mut versions = Vec::new();
    for object in crds {
        let reference = CUSTOM_RESOURCE_DEFINITION.at("", object.name());
        if object.kind() != reference.resource.kind {
            continue;
        }
        let there = cluster.get(&reference).await?;
        let kinds = kinds_of(there.as_ref().unwrap_or(&object.value));
        for ApiResource {
            api_version, kind, ..
        } in &kinds
        {
            versions.extend([api_version.to_string(), format!("{api_version}/{kind}")]);
        }
        cluster.expect(kinds);
    }
    Ok(versions)
}

/// Creates what is not there yet, and waits until the API server serves the new kinds.
///
/// # Errors
/// What the server refuses, or that a CRD is not served in time.
pub async fn create(
    cluster: &Cluster,
    targets: &[Target],
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    for Target { reference, object } in targets {
        match cluster.create(reference, object).await? {
            Some(_) => progress(&format!("created {reference}, of the chart's crds/")),
            None => progress(&format!(
                "{reference} is there already and is left as it is"
            )),
        }
    }
    let definitions = targets
        .iter()
        .filter(|target| target.reference.resource == CUSTOM_RESOURCE_DEFINITION);
    for Target { reference, .. } in definitions {
        loop {
            let found = cluster.get(reference).await?.unwrap_or_default();
            let established = condition(&found, "Established");
            if established.is_some_and(|c| text(c, &["status"]) == "True") {
                break;
            }
            if deadline.is_over() {
                let names = condition(&found, "NamesAccepted");
                let why = names.map(|c| text(c, &["message"])).unwrap_or_default();
                return Err(ClusterError::State(format!(
                    "{reference} is not served after {}: {why}",
                    shown(deadline.timeout())
                )));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
