//! Removes a mesh: its release, what the control plane created for itself, and the records.

use std::time::Duration;

use helm_release::client::resource::{
    CUSTOM_RESOURCE_DEFINITION, MUTATING_WEBHOOKS, NAMESPACE, SECRET, VALIDATING_WEBHOOKS,
};
use helm_release::client::{Client, Deleted, NamespaceState};
use helm_release::fields::text;
use helm_release::release::{Owner, Record, Status, since_uninstalled};
use helm_release::rollout::{
    Cleanup, RemovalOptions, await_deletion, delete_objects, remove_release,
};

use super::error::Error;
use super::event::{Event, Progress};
use super::history::{mesh_history, mesh_name};
use super::meshes::control_planes;

/// What is removed.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Timeout of each step (zero: no timeout).
    pub timeout: Duration,
    /// Whether the hooks of the chart run.
    pub hooks: bool,
    /// The Secret with the root certificate of the mesh, if it is removed.
    pub ca_bundle_secret: Option<String>,
    /// Whether the webhooks that the control plane created are removed.
    pub webhooks: bool,
    /// Whether the CRDs are removed, with all their objects.
    pub crds: bool,
    /// Whether the namespace is removed.
    pub namespace: bool,
    /// Whether records are removed that an earlier removal kept.
    pub history: bool,
}

/// The result of a removal.
#[derive(Debug)]
pub struct Removed {
    /// Whether there was anything to remove.
    pub existed: bool,
    /// Whether the post-delete hook did its work.
    pub cleanup: Cleanup,
    /// Whether the namespace was to be removed and stays, because it is not known to be that of a mesh.
    pub keeps_namespace: bool,
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
/// Another mesh needs what is to be removed, or something cannot be removed; the next removal resumes it.
pub async fn uninstall(
    client: &Client,
    mesh: Owner<'_>,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<Removed, Error> {
    let records = mesh_history(client, mesh).await?;
    let last = records.last();
    let name = last.map_or(mesh.name, mesh_name);
    let mut removal = removal.clone();
    if last.is_some_and(|last| last.is(Status::Uninstalled)) {
        progress(Event::HooksRanBefore);
        removal.hooks = false;
    }
    if let Some(other) = neighbour(client, last, name, mesh.namespace, &removal).await? {
        if removal.hooks && last.is_some() {
            progress(Event::SharedNamespace {
                other: &other,
                namespace: mesh.namespace,
            });
        }
        // What the hooks delete has the same name for each mesh, except for the webhooks.
        removal.webhooks |= removal.hooks;
        removal.hooks = false;
        removal.ca_bundle_secret = None;
    }
    let state = client.namespace_state(mesh.namespace).await?;
    let options = RemovalOptions {
        timeout: removal.timeout,
        hooks: removal.hooks,
        is_namespace_terminating: state == NamespaceState::Terminating,
    };
    let on_rollout = |event: helm_release::rollout::Event<'_>| progress(Event::Rollout(event));
    let cleanup = remove_release(client, &records, options, &on_rollout).await?;
    let rest = remove_rest(
        client,
        &records,
        name,
        mesh.namespace,
        state,
        &removal,
        progress,
    );
    match (rest.await, cleanup) {
        (Ok(existed), cleanup) => Ok(Removed {
            existed,
            cleanup,
            keeps_namespace: removal.namespace && last.is_none() && state == NamespaceState::Active,
        }),
        (Err(error), Cleanup::Done) => Err(error),
        (Err(error), cleanup) => Err(Error::CleanupAndRemovalFailed {
            cleanup: Box::new(cleanup),
            error: Box::new(error),
        }),
    }
}

/// Removes what is left when the objects of the release are gone. Returns whether there was anything to remove.
async fn remove_rest(
    client: &Client,
    records: &[Record],
    name: &str,
    namespace: &str,
    state: NamespaceState,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<bool, Error> {
    let is_known = !records.is_empty();
    let mut existed = is_known;
    if is_known || removal.crds {
        existed |= remove_own(client, name, namespace, removal, progress).await?;
    }
    // Only the namespace of a mesh, or what an earlier removal left of one.
    if removal.namespace && (is_known || state == NamespaceState::Terminating) {
        // The records are removed with it: as long as something is left, they help to find it.
        let reference = NAMESPACE.at("", namespace);
        progress(Event::Removing(&reference));
        delete_objects(client, &[reference], removal.timeout).await?;
        return Ok(true);
    }
    let count = match removal.history {
        true => records.len(),
        false => since_uninstalled(records).count(),
    };
    // The newest record goes last: it says that the mesh is being removed, for the command that resumes.
    for record in records.iter().skip(records.len() - count) {
        client.delete(&record.reference()).await?;
    }
    Ok(existed)
}

/// Refuses to remove what other meshes need. Returns another mesh of the same namespace.
async fn neighbour(
    client: &Client,
    last: Option<&Record>,
    mesh: &str,
    own_namespace: &str,
    removal: &Removal,
) -> Result<Option<String>, Error> {
    let searched = if removal.crds { "" } else { own_namespace };
    let mut neighbour = None;
    for other in control_planes(client, searched).await? {
        let is_own = last.map_or(other.name == mesh, |last| last.name() == other.release);
        if is_own && other.namespace == own_namespace {
            if last.is_none() && removal.crds {
                return Err(Error::NoRecord { mesh: other.id() });
            }
            continue;
        }
        if removal.crds {
            return Err(Error::CrdsInUse { other: other.id() });
        }
        if removal.namespace {
            return Err(Error::NamespaceInUse { other: other.id() });
        }
        neighbour = Some(other.name);
    }
    Ok(neighbour)
}

/// Removes what the control plane created for itself, in the namespace and, if wanted, in the cluster. Returns whether
/// there was anything.
async fn remove_own(
    client: &Client,
    mesh: &str,
    namespace: &str,
    removal: &Removal,
    progress: Progress<'_>,
) -> Result<bool, Error> {
    let mut references = Vec::new();
    if let Some(secret) = &removal.ca_bundle_secret {
        references.push(SECRET.at(namespace, secret));
    }
    if removal.webhooks {
        let labels =
            format!("app.kubernetes.io/name=openservicemesh.io,app.kubernetes.io/instance={mesh}");
        for resource in [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS] {
            let found = client.list(&resource, "", &labels).await?;
            let names = found
                .iter()
                .map(|object| text(object, &["metadata", "name"]));
            references.extend(names.map(|name| resource.at("", name)));
        }
    }
    if removal.crds {
        let crds = CRDS.iter();
        references.extend(crds.map(|name| CUSTOM_RESOURCE_DEFINITION.at("", name)));
    }
    let (mut existed, mut terminating) = (false, Vec::new());
    for reference in references {
        let deleted = client.delete(&reference).await?;
        if deleted == Deleted::Absent {
            continue;
        }
        existed = true;
        progress(Event::Removing(&reference));
        if deleted == Deleted::Terminating {
            terminating.push(reference);
        }
    }
    await_deletion(client, terminating, removal.timeout).await?;
    Ok(existed)
}
