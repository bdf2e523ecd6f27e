//! The objects under `crds/` of a chart: created before everything else, and then left alone.
//!
//! As in Helm: one that exists stays unchanged, and neither an upgrade nor a removal touches them.

use helm_chart::Object;
use serde_json::Value;

use super::apply::Target;
use super::event::{Event, Progress};
use crate::client::resource::CUSTOM_RESOURCE_DEFINITION;
use crate::client::{ApiResource, Client, ClientError};
use crate::error::Error;
use crate::fields::{list_at, text};
use crate::wait::{Deadline, served};

/// Lists the kinds that a `CustomResourceDefinition` adds, in each version that it serves.
fn defined_kinds(definition: &Value) -> Vec<ApiResource> {
    let spec = |keys: &[&str]| text(definition, &[&["spec"], keys].concat()).to_owned();
    list_at(definition, "/spec/versions")
        .iter()
        .filter(|version| version.get("served") == Some(&Value::Bool(true)))
        .map(|version| ApiResource {
            api_version: format!("{}/{}", spec(&["group"]), text(version, &["name"])).into(),
            kind: spec(&["names", "kind"]).into(),
            plural: spec(&["names", "plural"]).into(),
            namespaced: spec(&["scope"]) == "Namespaced",
        })
        .collect()
}

/// Makes the kinds known that the cluster serves once the CRDs of a chart are created. Returns the API versions that
/// they add, as charts query them. A CRD that exists counts as it is in the cluster.
///
/// # Errors
/// The server refuses a request.
pub async fn expect_crds(client: &Client, crds: &[Object]) -> Result<Vec<String>, ClientError> {
    let mut versions = Vec::new();
    for object in crds {
        let reference = CUSTOM_RESOURCE_DEFINITION.at("", object.name());
        if object.kind() != reference.resource.kind {
            continue;
        }
        let existing = client.get(&reference).await?;
        let kinds = defined_kinds(existing.as_ref().unwrap_or(&object.value));
        for ApiResource {
            api_version, kind, ..
        } in &kinds
        {
            versions.extend([api_version.to_string(), format!("{api_version}/{kind}")]);
        }
        client.expect(kinds);
    }
    Ok(versions)
}

/// Creates what does not exist, and waits until the API server serves the new kinds.
///
/// # Errors
/// The server refuses a request, or a CRD is not served in time.
pub(super) async fn create(
    client: &Client,
    targets: &[Target],
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), Error> {
    for Target { reference, object } in targets {
        progress(match client.create(reference, object).await? {
            Some(_) => Event::CrdCreated(reference),
            None => Event::CrdExists(reference),
        });
    }
    let definitions = targets
        .iter()
        .filter(|target| target.reference.resource == CUSTOM_RESOURCE_DEFINITION);
    for Target { reference, .. } in definitions {
        served(client, reference, deadline).await?;
    }
    Ok(())
}
