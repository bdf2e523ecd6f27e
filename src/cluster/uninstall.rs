//! Removes a release: hooks, objects, what the control plane made for itself, records.

use std::time::Duration;

use super::Progress;
use super::apply::{Owner, Target, delete, owner_of};
use super::client::Cluster;
use super::error::ClusterError;
use super::hooks::{self, Hook};
use super::kinds::{Kind, Place};
use super::record::{self, Record, Status};
use super::wait::{self, Deadline};
use crate::yaml::{self, Numbers};

/// What to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// How long it may take.
    pub timeout: Duration,
    /// The Secret with the mesh's root certificate.
    pub ca_bundle_secret: String,
    /// Whether what belongs to the whole cluster goes too: CRDs, webhooks.
    pub cluster_wide: bool,
    /// Whether the namespace goes too.
    pub namespace: bool,
}

/// The CRDs that a control plane creates: of the mesh, and of the Service Mesh Interface.
const CRDS: [&str; 10] = [
    "egresses.policy.openservicemesh.io",
    "httproutegroups.specs.smi-spec.io",
    "ingressbackends.policy.openservicemesh.io",
    "meshconfigs.config.openservicemesh.io",
    "meshrootcertificates.config.openservicemesh.io",
    "retries.policy.openservicemesh.io",
    "tcproutes.specs.smi-spec.io",
    "trafficsplits.split.smi-spec.io",
    "traffictargets.access.smi-spec.io",
    "upstreamtrafficsettings.policy.openservicemesh.io",
];

/// Removes the release of that name, or what is left of it; `false` if there is nothing.
///
/// # Errors
/// What cannot be removed; the same command again goes on.
pub async fn uninstall(
    cluster: &Cluster,
    owner: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<bool, ClusterError> {
    let deadline = Deadline::after(removal.timeout);
    let (records, damaged) = record::list(cluster, owner.namespace, Some(owner.name)).await?;
    if let Some(damaged) = damaged.first() {
        return Err(ClusterError::State(format!(
            "the record of the mesh {} is damaged, so what belongs to it is not known: {damaged}",
            owner.name
        )));
    }
    let known = records.last().cloned();
    if let Some(mut record) = known.clone() {
        let hooks = hooks_of(cluster, &record).await?;
        if !record.is(Status::Uninstalling) {
            record.set_status(Status::Uninstalling, "Deletion in progress");
            record.store(cluster).await?;
        }
        hooks::run(cluster, &hooks, "pre-delete", deadline, progress).await?;
        let places = objects_of(cluster, &record, owner, progress).await?;
        progress(&format!("removing {} objects", places.len()));
        delete(cluster, &places).await?;
        wait::gone(cluster, &places, deadline).await?;
        hooks::run(cluster, &hooks, "post-delete", deadline, progress).await?;
        let left: Vec<Place> = hooks.into_iter().map(|hook| hook.target.place).collect();
        delete(cluster, &left).await?;
        wait::gone(cluster, &left, deadline).await?;
    }
    if known.is_some() || removal.cluster_wide {
        remove_own(cluster, owner, removal, progress).await?;
    }
    // The records go last: as long as something is left, it can be found by them.
    for record in &records {
        cluster.delete(&record.place()).await?;
    }
    if removal.namespace {
        let place = place("v1", "Namespace", "", owner.namespace)?;
        progress(&format!("removing {place}"));
        if cluster.delete(&place).await? {
            wait::gone(cluster, &[place], deadline).await?;
        }
    }
    Ok(known.is_some())
}

/// The hooks in a record.
async fn hooks_of(cluster: &Cluster, record: &Record) -> Result<Vec<Hook>, ClusterError> {
    let mut hooks = Vec::new();
    for hook in record.hooks() {
        let manifest = hook
            .get("manifest")
            .and_then(|m| m.as_str())
            .unwrap_or_default();
        let object =
            yaml::parse(manifest, Numbers::Exact).map_err(|e| damaged(record, &e.to_string()))?;
        let place = cluster.place_of(&object, record.namespace()).await?;
        let events = hook.get("events").and_then(|e| e.as_array());
        let events = events.into_iter().flatten().filter_map(|e| e.as_str());
        hooks.push(Hook {
            target: Target { place, object },
            events: events.map(str::to_owned).collect(),
            weight: hook
                .get("weight")
                .and_then(serde_json::Value::as_i64)
                .unwrap_or_default(),
        });
    }
    Ok(hooks)
}

/// The places of a record's objects that are still the release's.
async fn objects_of(
    cluster: &Cluster,
    record: &Record,
    owner: Owner<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Place>, ClusterError> {
    let documents = yaml::parse_documents(record.manifest(), Numbers::Exact)
        .map_err(|e| damaged(record, &e.to_string()))?;
    let mut places = Vec::new();
    for document in documents {
        if document.value.is_null() {
            continue;
        }
        let place = cluster
            .place_of(&document.value, record.namespace())
            .await?;
        let Some(found) = cluster.get(&place).await? else {
            continue;
        };
        if owner.owns(&found) {
            places.push(place);
        } else {
            progress(&format!("{place} stays: {}", owner_of(&found)));
        }
    }
    Ok(places)
}

fn damaged(record: &Record, why: &str) -> ClusterError {
    let place = record.place();
    ClusterError::State(format!("the record {place} is damaged: {why}"))
}

/// Removes what the control plane made for itself, in the namespace and, if wanted, in the cluster.
async fn remove_own(
    cluster: &Cluster,
    owner: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let secret = place("v1", "Secret", owner.namespace, &removal.ca_bundle_secret)?;
    cluster.delete(&secret).await?;
    if !removal.cluster_wide {
        return Ok(());
    }
    let labels = format!(
        "app.kubernetes.io/name=openservicemesh.io,app.kubernetes.io/instance={}",
        owner.name
    );
    for kind in [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ] {
        let kind = place("admissionregistration.k8s.io/v1", kind, "", "")?.kind;
        let (found, _) = cluster.list(&kind, "", &labels).await?;
        for object in found {
            let place = cluster_place(&kind, super::kinds::text(&object, &["metadata", "name"]));
            progress(&format!("removing {place}"));
            cluster.delete(&place).await?;
        }
    }
    let kind = Kind {
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
        namespaced: false,
    };
    for name in CRDS {
        let place = cluster_place(&kind, name);
        if cluster.delete(&place).await? {
            progress(&format!("removing {place}"));
        }
    }
    Ok(())
}

fn cluster_place(kind: &Kind, name: &str) -> Place {
    Place {
        kind: kind.clone(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}

fn place(
    api_version: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Place, ClusterError> {
    let kind = Kind::built_in(api_version, kind)
        .ok_or_else(|| ClusterError::State(format!("{kind} of {api_version} is not known")))?;
    Ok(Place {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}
