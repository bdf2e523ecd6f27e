//! Removes a release: hooks, objects, what the control plane made for itself, records.

use std::time::Duration;

use super::Progress;
use super::apply::{Owner, is_kept, owner_of, remove};
use super::client::{Cluster, Deleted};
use super::error::ClusterError;
use super::hooks::{self, Hook};
use super::kinds::{
    CUSTOM_RESOURCE_DEFINITION, MUTATING_WEBHOOKS, NAMESPACE, Place, SECRET, VALIDATING_WEBHOOKS,
    text,
};
use super::meshes::control_planes;
use super::record::{self, Record, Status};
use super::wait::Deadline;

/// What to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// How long it may take.
    pub timeout: Duration,
    /// Whether the chart's hooks run.
    pub hooks: bool,
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

/// Removes a mesh, or what is left of it; `false` if there is nothing.
///
/// # Errors
/// What cannot be removed; the same command again goes on.
pub async fn uninstall(
    cluster: &Cluster,
    mesh: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<bool, ClusterError> {
    let mut deadline = Deadline::after(removal.timeout);
    let records = record::of_mesh(cluster, mesh).await?;
    let known = records.last();
    let mut cleaned = Ok(());
    refuse_what_is_not_its_own(cluster, mesh, known.is_some(), removal).await?;
    if let Some(record) = known {
        let mut hooks = Vec::new();
        for object in &record.hooks()? {
            let place = cluster.known_place_of(&object.value, record.namespace());
            if let Some(place) = place.await? {
                hooks.push(Hook::new(place, object));
            }
        }
        if !record.is(Status::Uninstalling) {
            let mut record = record.clone();
            record.set_status(Status::Uninstalling, "Deletion in progress");
            record.store(cluster).await?;
        }
        if removal.hooks {
            hooks::run(cluster, &hooks, "pre-delete", deadline, progress).await?;
        }
        let places = places_of(cluster, &records, progress).await?;
        if !places.is_empty() {
            progress(&format!("removing {} objects", places.len()));
        }
        remove(cluster, &places, deadline).await?;
        if removal.hooks {
            // The mesh is gone whether or not this works.
            cleaned = hooks::run(cluster, &hooks, "post-delete", deadline, progress).await;
        }
        if cleaned.is_err() {
            // It may have taken all the time there was.
            deadline = Deadline::after(removal.timeout);
        }
        let left: Vec<Place> = hooks.into_iter().map(|hook| hook.target.place).collect();
        remove(cluster, &left, deadline).await?;
    }
    if known.is_some() || removal.cluster_wide {
        remove_own(cluster, mesh, removal, progress).await?;
    }
    // The records go last: as long as something is left, it can be found by them.
    for record in &records {
        cluster.delete(&record.place()).await?;
    }
    if removal.namespace {
        let place = NAMESPACE.at("", mesh.namespace);
        progress(&format!("removing {place}"));
        remove(cluster, &[place], deadline).await?;
    }
    match cleaned {
        Ok(()) => Ok(known.is_some()),
        Err(error) => Err(ClusterError::State(format!(
            "{error}\nthe mesh is removed, but what its post-delete hook removes may be left: \
             webhooks, CRDs, secrets; --delete-cluster-wide-resources removes them"
        ))),
    }
}

/// Refuses to remove what other meshes need.
async fn refuse_what_is_not_its_own(
    cluster: &Cluster,
    mesh: Owner<'_>,
    is_known: bool,
    removal: &Removal,
) -> Result<(), ClusterError> {
    if !removal.cluster_wide && !removal.namespace {
        return Ok(());
    }
    for other in control_planes(cluster).await? {
        let (name, namespace) = (&other.name, &other.namespace);
        if name == mesh.name && namespace == mesh.namespace {
            continue;
        }
        if removal.cluster_wide {
            return Err(ClusterError::State(format!(
                "the mesh {name} in namespace {namespace} needs the CRDs and their objects: \
                 leave --delete-cluster-wide-resources out, or remove that mesh first"
            )));
        }
        if namespace == mesh.namespace && !is_known {
            return Err(ClusterError::State(format!(
                "there is no mesh {}, but the mesh {name} in namespace {namespace}: \
                 the namespace is not deleted (give its name with --mesh-name)",
                mesh.name
            )));
        }
    }
    Ok(())
}

/// The places of a release's objects that are still its own.
async fn places_of(
    cluster: &Cluster,
    records: &[Record],
    progress: Progress<'_>,
) -> Result<Vec<Place>, ClusterError> {
    let owner = records.last().map(Record::owner);
    let mut places = Vec::new();
    for (place, object) in record::placed(cluster, records).await? {
        if places.contains(&place) {
            continue;
        }
        if is_kept(&object.value) {
            progress(&format!("{place} stays: helm.sh/resource-policy is keep"));
            continue;
        }
        match cluster.get(&place).await? {
            None => {}
            Some(found) if owner.is_some_and(|owner| owner.owns(&found)) => places.push(place),
            Some(found) => progress(&format!("{place} stays: {}", owner_of(&found))),
        }
    }
    Ok(places)
}

/// Removes what the control plane made for itself, in the namespace and, if wanted, in the cluster.
async fn remove_own(
    cluster: &Cluster,
    mesh: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let secret = SECRET.at(mesh.namespace, &removal.ca_bundle_secret);
    cluster.delete(&secret).await?;
    if !removal.cluster_wide {
        return Ok(());
    }
    let labels = format!(
        "app.kubernetes.io/name=openservicemesh.io,app.kubernetes.io/instance={}",
        mesh.name
    );
    let mut places = Vec::new();
    for kind in [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS] {
        let (found, _) = cluster.list(&kind, "", &labels).await?;
        let names = found
            .iter()
            .map(|object| text(object, &["metadata", "name"]));
        places.extend(names.map(|name| kind.at("", name)));
    }
    places.extend(
        CRDS.iter()
            .map(|name| CUSTOM_RESOURCE_DEFINITION.at("", name)),
    );
    for place in places {
        if cluster.delete(&place).await? != Deleted::Absent {
            progress(&format!("removed {place}"));
        }
    }
    Ok(())
}
