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
use super::wait::{self, Deadline, Waiting};

/// What to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// How long it may take.
    pub timeout: Duration,
    /// Whether the chart's hooks run.
    pub hooks: bool,
    /// The Secret with the mesh's root certificate, if it goes too.
    pub ca_bundle_secret: Option<String>,
    /// Whether what belongs to the whole cluster goes too: CRDs, webhooks.
    pub cluster_wide: bool,
    /// Whether the namespace goes too.
    pub namespace: bool,
}

/// What came of a removal.
#[derive(Debug)]
pub struct Removed {
    /// Whether there was anything to remove.
    pub was_there: bool,
    /// Whether the post-delete hook did its work.
    pub cleaned: Result<(), ClusterError>,
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

/// Removes a mesh, or what is left of it.
///
/// # Errors
/// What cannot be removed; the same command again goes on.
pub async fn uninstall(
    cluster: &Cluster,
    mesh: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<Removed, ClusterError> {
    let records = record::of_mesh(cluster, mesh).await?;
    let known = records.last();
    let name = known.map_or(mesh.name, Record::mesh_name);
    refuse_what_others_need(cluster, name, mesh.namespace, removal).await?;
    let is_going = namespace_is_going(cluster, mesh.namespace).await?;
    let cleaned = match known {
        Some(last) => remove_release(cluster, &records, last, is_going, removal, progress).await?,
        None => Ok(()),
    };
    let mut was_there = known.is_some();
    if known.is_some() || removal.cluster_wide {
        was_there |= remove_own(cluster, name, mesh.namespace, removal, progress).await?;
    }
    // Only the namespace of a mesh, or what an earlier removal left of one.
    if removal.namespace && (known.is_some() || is_going) {
        // The records go with it: as long as something is left, it can be found by them.
        let place = NAMESPACE.at("", mesh.namespace);
        progress(&format!("removing {place}"));
        remove(cluster, &[place], Deadline::after(removal.timeout)).await?;
        was_there = true;
    } else {
        for record in &records {
            cluster.delete(&record.place()).await?;
        }
    }
    Ok(Removed { was_there, cleaned })
}

/// Removes the objects of a release, with its hooks; gives whether the last of these did its work.
async fn remove_release(
    cluster: &Cluster,
    records: &[Record],
    last: &Record,
    is_going: bool,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<Result<(), ClusterError>, ClusterError> {
    let mut waiting = Waiting {
        deadline: Deadline::after(removal.timeout),
        progress,
        images: &|_| None,
    };
    let mut hooks = Vec::new();
    if removal.hooks {
        for object in &last.hooks()? {
            let place = cluster.known_place_of(&object.value, last.namespace());
            let Some(place) = place.await? else { continue };
            match cluster.get(&place).await? {
                Some(found) if last.owner().is_foreign(&found) => {
                    progress(&format!("{place} stays: {}", owner_of(&found)));
                }
                _ => hooks.push(Hook::new(place, object)),
            }
        }
    }
    // In a namespace that is going away it may be gone by now, and cannot be made again.
    if !last.is(Status::Uninstalling) && !is_going {
        let mut record = last.clone();
        record.set_status(Status::Uninstalling, "Deletion in progress");
        record.store(cluster).await?;
    }
    if is_going && !hooks.is_empty() {
        progress(&format!(
            "the namespace {} is being deleted already: hooks cannot run in it any more",
            last.namespace()
        ));
    } else {
        hooks::run(cluster, &hooks, "pre-delete", waiting).await?;
    }
    let places = places_of(cluster, records, progress).await?;
    if !places.is_empty() {
        progress(&format!("removing {} objects", places.len()));
    }
    remove(cluster, &places, waiting.deadline).await?;
    let mut cleaned = Ok(());
    if !is_going {
        // The mesh is gone whether or not this works.
        cleaned = hooks::run(cluster, &hooks, "post-delete", waiting).await;
    }
    if cleaned.is_err() {
        // It may have taken all the time there was.
        waiting.deadline = Deadline::after(removal.timeout);
    }
    remove(cluster, &hooks::left(&hooks), waiting.deadline).await?;
    Ok(cleaned)
}

async fn namespace_is_going(cluster: &Cluster, name: &str) -> Result<bool, ClusterError> {
    match cluster.get(&NAMESPACE.at("", name)).await {
        Ok(found) => {
            Ok(found.is_some_and(|f| !text(&f, &["metadata", "deletionTimestamp"]).is_empty()))
        }
        // Who may not look at it may still remove what is in it.
        Err(error) if error.code() == Some(403) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses to remove what other meshes need.
async fn refuse_what_others_need(
    cluster: &Cluster,
    mesh: &str,
    own_namespace: &str,
    removal: &Removal,
) -> Result<(), ClusterError> {
    if !removal.cluster_wide && !removal.namespace {
        return Ok(());
    }
    for other in control_planes(cluster).await? {
        let (name, namespace) = (&other.name, &other.namespace);
        if name == mesh && namespace == own_namespace {
            continue;
        }
        if removal.cluster_wide {
            return Err(ClusterError::State(format!(
                "the mesh {name} in namespace {namespace} needs the CRDs and their objects: \
                 leave --delete-cluster-wide-resources out, or remove that mesh first"
            )));
        }
        if namespace == own_namespace {
            return Err(ClusterError::State(format!(
                "the mesh {name} is in namespace {namespace} too: \
                 the namespace is not deleted (give its name with --mesh-name, or leave --delete-namespace out)"
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
    let (mut places, mut seen) = (Vec::new(), Vec::new());
    for (place, object) in record::placed(cluster, records).await?.into_iter().rev() {
        if seen.contains(&place) {
            continue;
        }
        seen.push(place.clone());
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

/// Removes what the control plane made for itself, in the namespace and, if wanted, in the cluster; gives whether
/// there was anything.
async fn remove_own(
    cluster: &Cluster,
    mesh: &str,
    namespace: &str,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<bool, ClusterError> {
    let mut places = Vec::new();
    if let Some(secret) = &removal.ca_bundle_secret {
        places.push(SECRET.at(namespace, secret));
    }
    if removal.cluster_wide {
        let labels =
            format!("app.kubernetes.io/name=openservicemesh.io,app.kubernetes.io/instance={mesh}");
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
    }
    let (mut was_there, mut going) = (false, Vec::new());
    for place in places {
        let deleted = cluster.delete(&place).await?;
        if deleted == Deleted::Absent {
            continue;
        }
        was_there = true;
        progress(&format!("removing {place}"));
        if deleted == Deleted::Going {
            going.push(place);
        }
    }
    wait::gone(cluster, going, Deadline::after(removal.timeout)).await?;
    Ok(was_there)
}
