//! Removes a release: hooks, objects, what the control plane made for itself, records.

use std::time::Duration;

use super::meshes::control_planes;
use helm_release::Progress;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{
    CUSTOM_RESOURCE_DEFINITION, MUTATING_WEBHOOKS, NAMESPACE, ObjectRef, SECRET,
    VALIDATING_WEBHOOKS, text,
};
use helm_release::client::{Cluster, Deleted};
use helm_release::release::record::{self, Record, Status};
use helm_release::rollout::apply::{Owner, is_kept, owner_of, remove};
use helm_release::rollout::hooks::{self, Hook};
use helm_release::wait::{self, Deadline, Waiting};

/// What to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// How long it may take.
    pub timeout: Duration,
    /// Whether the chart's hooks run.
    pub hooks: bool,
    /// The Secret with the mesh's root certificate, if it goes too.
    pub ca_bundle_secret: Option<String>,
    /// Whether the webhooks that the control plane made go too.
    pub webhooks: bool,
    /// Whether the CRDs go too, with all their objects.
    pub crds: bool,
    /// Whether the namespace goes too.
    pub namespace: bool,
    /// Whether the records go too that an earlier removal kept.
    pub history: bool,
}

/// What came of a removal.
#[derive(Debug)]
pub struct Removed {
    /// Whether there was anything to remove.
    pub was_there: bool,
    /// Whether the post-delete hook did its work.
    pub cleaned: Result<(), ClusterError>,
    /// Whether the namespace was to go and stays, for it is not known to be a mesh's.
    pub keeps_namespace: bool,
}

/// The state of a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    There,
    /// It is being deleted.
    Going,
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
    let records = record::mesh_history(cluster, mesh).await?;
    let known = records.last();
    let name = known.map_or(mesh.name, Record::mesh_name);
    let mut removal = removal.clone();
    if known.is_some_and(|last| last.is(Status::Uninstalled)) {
        progress("only its history was kept: the chart's hooks do not run again");
        removal.hooks = false;
    }
    if let Some(other) = neighbour(cluster, known, name, mesh.namespace, &removal).await? {
        if removal.hooks && known.is_some() {
            progress(&format!(
                "the mesh {other} runs in namespace {} too: the chart's hooks do not run, and its root certificate \
                 and configuration stay",
                mesh.namespace
            ));
        }
        // What hooks remove has the same names for each mesh, but for the webhooks.
        removal.webhooks |= removal.hooks;
        removal.hooks = false;
        removal.ca_bundle_secret = None;
    }
    let removal = &removal;
    let state = state_of(cluster, mesh.namespace).await?;
    let cleaned = match known {
        Some(last) => remove_release(cluster, &records, last, state, removal, progress).await?,
        None => Ok(()),
    };
    let rest = async {
        let mut was_there = known.is_some();
        if known.is_some() || removal.crds {
            was_there |= remove_own(cluster, name, mesh.namespace, removal, progress).await?;
        }
        // Only the namespace of a mesh, or what an earlier removal left of one.
        if removal.namespace && (known.is_some() || state == State::Going) {
            // The records go with it: as long as something is left, it can be found by them.
            let reference = NAMESPACE.at("", mesh.namespace);
            progress(&format!("removing {reference}"));
            remove(cluster, &[reference], Deadline::after(removal.timeout)).await?;
            return Ok(true);
        }
        let of_now = record::since_removed(&records).count();
        let count = if removal.history {
            records.len()
        } else {
            of_now
        };
        for record in records.iter().rev().take(count) {
            cluster.delete(&record.reference()).await?;
        }
        Ok(was_there)
    };
    match (rest.await, cleaned) {
        (Ok(was_there), cleaned) => Ok(Removed {
            was_there,
            cleaned,
            keeps_namespace: removal.namespace && known.is_none() && state == State::There,
        }),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(also)) => Err(ClusterError::State(format!("{also}\n{error}"))),
    }
}

/// Removes the objects of a release, with its hooks; gives whether the last of these did its work.
async fn remove_release(
    cluster: &Cluster,
    records: &[Record],
    last: &Record,
    state: State,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<Result<(), ClusterError>, ClusterError> {
    let is_going = state == State::Going;
    let mut waiting = Waiting {
        deadline: Deadline::after(removal.timeout),
        progress,
        images: &|_| None,
    };
    let mut hooks = Vec::new();
    for object in &last.hooks()? {
        let reference = cluster.resolve_if_served(&object.value, last.namespace());
        let Some(reference) = reference.await? else {
            continue;
        };
        match cluster.get(&reference).await? {
            Some(found) if hooks::is_foreign(&found, last.owner()) => {
                progress(&format!("{reference} stays: {}", owner_of(&found)));
            }
            _ => hooks.push(Hook::new(reference, object)),
        }
    }
    let due: &[Hook] = match removal.hooks && !is_going {
        true => &hooks,
        false => &[],
    };
    // In a namespace that is going away the record may be gone by now, and cannot be made again. What never worked
    // can be installed on as well as removed on.
    if !last.is(Status::Uninstalling) && !is_going && !record::never_deployed(records) {
        let mut record = last.clone();
        record.set_status(Status::Uninstalling, "Deletion in progress");
        record.store(cluster).await?;
    }
    hooks::run(cluster, due, "pre-delete", waiting).await?;
    let references = owned_objects(cluster, records, progress).await?;
    if !references.is_empty() {
        progress(&format!("removing {} objects", references.len()));
    }
    remove(cluster, &references, waiting.deadline).await?;
    // The mesh is gone whether or not this works.
    let mut cleaned = hooks::run(cluster, due, "post-delete", waiting).await;
    let is_after = |hook: &Hook| hook.events.iter().any(|event| event == "post-delete");
    if is_going && removal.hooks && !last.is(Status::Uninstalling) && hooks.iter().any(is_after) {
        cleaned = Err(ClusterError::State(format!(
            "the namespace {} is being deleted, so that the post-delete hook cannot run in it",
            last.namespace()
        )));
    }
    if cleaned.is_err() {
        // It may have taken all the time there was.
        waiting.deadline = Deadline::after(removal.timeout);
    }
    remove(cluster, &hooks::removable(&hooks), waiting.deadline).await?;
    Ok(cleaned)
}

async fn state_of(cluster: &Cluster, namespace: &str) -> Result<State, ClusterError> {
    match cluster.get(&NAMESPACE.at("", namespace)).await {
        Ok(None) => Ok(State::Absent),
        Ok(Some(found)) if text(&found, &["metadata", "deletionTimestamp"]).is_empty() => {
            Ok(State::There)
        }
        Ok(Some(_)) => Ok(State::Going),
        // Who may not look at it may still remove what is in it.
        Err(error) if error.code() == Some(403) => Ok(State::There),
        Err(error) => Err(error),
    }
}

/// Refuses to remove what other meshes need; gives another mesh of the same namespace.
async fn neighbour(
    cluster: &Cluster,
    known: Option<&Record>,
    mesh: &str,
    own_namespace: &str,
    removal: &Removal,
) -> Result<Option<String>, ClusterError> {
    let looked_at = if removal.crds { "" } else { own_namespace };
    let mut neighbour = None;
    for other in control_planes(cluster, looked_at).await? {
        let (name, namespace) = (&other.name, &other.namespace);
        let is_its = known.map_or(name == mesh, |known| known.name() == other.release);
        if is_its && namespace == own_namespace {
            if known.is_none() && removal.crds {
                return Err(ClusterError::State(format!(
                    "the mesh {name} runs in namespace {namespace}, but there is no record of what belongs to it: \
                     delete what was applied, then its CRDs can go"
                )));
            }
            continue;
        }
        if removal.crds {
            return Err(ClusterError::State(format!(
                "the mesh {name} in namespace {namespace} needs the CRDs and their objects: \
                 leave --delete-cluster-wide-resources out, or remove that mesh first"
            )));
        }
        if removal.namespace {
            return Err(ClusterError::State(format!(
                "the mesh {name} is in namespace {namespace} too: \
                 the namespace is not deleted (give its name with --mesh-name, or leave --delete-namespace out)"
            )));
        }
        neighbour = Some(other.name);
    }
    Ok(neighbour)
}

/// The places of a release's objects that are still its own.
async fn owned_objects(
    cluster: &Cluster,
    records: &[Record],
    progress: Progress<'_>,
) -> Result<Vec<ObjectRef>, ClusterError> {
    let owner = records.last().map(Record::owner);
    let (mut references, mut seen) = (Vec::new(), Vec::new());
    for (reference, object) in record::deployed_objects(cluster, records)
        .await?
        .into_iter()
        .rev()
    {
        if seen.contains(&reference) {
            continue;
        }
        seen.push(reference.clone());
        if is_kept(&object.value) {
            progress(&format!(
                "{reference} stays: helm.sh/resource-policy is keep"
            ));
            continue;
        }
        match cluster.get(&reference).await? {
            None => {}
            Some(found) if owner.is_some_and(|owner| owner.owns(&found)) => {
                references.push(reference)
            }
            Some(found) => progress(&format!("{reference} stays: {}", owner_of(&found))),
        }
    }
    Ok(references)
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
    let mut references = Vec::new();
    if let Some(secret) = &removal.ca_bundle_secret {
        references.push(SECRET.at(namespace, secret));
    }
    if removal.webhooks {
        let labels =
            format!("app.kubernetes.io/name=openservicemesh.io,app.kubernetes.io/instance={mesh}");
        for kind in [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS] {
            let (found, _) = cluster.list(&kind, "", &labels).await?;
            let names = found
                .iter()
                .map(|object| text(object, &["metadata", "name"]));
            references.extend(names.map(|name| kind.at("", name)));
        }
    }
    if removal.crds {
        references.extend(
            CRDS.iter()
                .map(|name| CUSTOM_RESOURCE_DEFINITION.at("", name)),
        );
    }
    let (mut was_there, mut going) = (false, Vec::new());
    for reference in references {
        let deleted = cluster.delete(&reference).await?;
        if deleted == Deleted::Absent {
            continue;
        }
        was_there = true;
        progress(&format!("removing {reference}"));
        if deleted == Deleted::Going {
            going.push(reference);
        }
    }
    wait::gone(cluster, going, Deadline::after(removal.timeout)).await?;
    Ok(was_there)
}
