//! Upgrades a mesh: checks, and the rollout of a new revision of its release.

use helm_chart::Object;
use helm_release::client::Client;
use helm_release::release::{Record, RenderedRelease, Status, never_deployed};
use helm_release::rollout::{Rollout, RolloutOptions};

use super::error::{Error, MeshId, Operation, Unfinished};
use super::event::{Event, Progress};
use super::history::{mesh_name, mesh_namespace};
use super::meshes::no_such_mesh;
use super::preflight::{PlannedChanges, check_owners, check_permissions, check_version};
use super::render::render_for_cluster;
use crate::mesh::images::{FoundImage, scan};
use crate::mesh::mesh_config::IMAGE_FIELDS;
use crate::mesh::values::{MESH_NAME, OSM_NAMESPACE};
use crate::mesh::{Plan, Rendered};

/// Upgrades a mesh; `records` are those of its release, the newest last.
///
/// # Errors
/// A check failed, the server refuses a request, or something is not ready in time. The next upgrade resumes it.
pub async fn upgrade(
    client: &Client,
    records: &[Record],
    release: RenderedRelease<'_>,
    options: RolloutOptions,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let owner = release.owner();
    let Some(last) = records.last() else {
        return Err(no_such_mesh(client, owner).await?);
    };
    if let Some(unfinished) = unfinished(records, last) {
        let mesh = owner.into();
        return Err(Error::NotUpgradable { mesh, unfinished });
    }
    check_version(client)?;
    let on_rollout = |event: helm_release::rollout::Event<'_>| progress(Event::Rollout(event));
    let rollout = Rollout::prepare(client, release, options, &on_rollout).await?;
    let changes = PlannedChanges {
        creates_namespace: false,
        deletes: true,
        rolls_back: false,
    };
    check_permissions(client, &rollout, changes).await?;
    check_owners(&rollout, true, Operation::Upgrade).await?;
    let started = rollout.start_upgrade(records).await?;
    match started.run().await {
        Ok(()) => Ok(started.finish().await?),
        Err(cause) => {
            started.fail(&cause).await;
            let previous = records.iter().rev().find(|r| r.is(Status::Deployed));
            Err(Error::UpgradeFailed {
                cause: Box::new(cause),
                release: MeshId::from(owner),
                previous: previous.map(Record::revision),
            })
        }
    }
}

/// Renders the plan of an upgrade for the cluster, as the revision after `last`.
///
/// # Errors
/// The plan renames the mesh or moves its control plane, other wrong input, or a request fails.
pub async fn render_upgrade(
    plan: &mut Plan,
    client: &Client,
    last: &Record,
) -> Result<Rendered, Error> {
    let values = plan.mesh_values();
    let new_name = values.mesh_name().filter(|name| !name.is_empty());
    if let Some(new_name) = new_name.filter(|name| name != mesh_name(last)) {
        return Err(Error::RenamesMesh {
            name: mesh_name(last).to_owned(),
            new_name,
            path: MESH_NAME.under(values.root()),
        });
    }
    let namespace = match values.osm_namespace() {
        namespace if namespace.is_empty() => plan.target.namespace.clone(),
        namespace => namespace,
    };
    if namespace != mesh_namespace(last) {
        return Err(Error::MovesControlPlane {
            from: mesh_namespace(last).to_owned(),
            to: namespace,
            path: OSM_NAMESPACE.under(values.root()),
        });
    }
    last.name().clone_into(&mut plan.target.release);
    plan.target.is_upgrade = true;
    plan.target.revision = last.revision() + 1;
    render_for_cluster(plan, client, None, &[]).await
}

/// The image of a container before and after an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The container: `Deployment/osm-controller, container init`.
    pub place: String,
    /// The old reference, if the container had an image.
    pub before: Option<String>,
    /// The new reference, if the container has an image.
    pub after: Option<String>,
}

impl ImageChange {
    /// Returns whether the injector adds this image to Pods of the mesh.
    pub fn is_of_sidecar(&self) -> bool {
        IMAGE_FIELDS
            .iter()
            .any(|(_, variable)| self.place.ends_with(variable))
    }
}

/// Returns the images that an upgrade changes, by their places.
///
/// # Errors
/// The record is damaged.
pub fn image_changes(last: &Record, rendered: &Rendered) -> Result<Vec<ImageChange>, Error> {
    // Another chart may use other values as images; these are not checked.
    let (objects, hooks): (Vec<Object>, Vec<Object>) = (last.objects()?, last.hooks()?);
    let old = scan(objects.iter().chain(&hooks), false).unwrap_or_default();
    let new = &rendered.images;
    let mut places: Vec<&String> = new.iter().chain(&old).flat_map(|i| &i.places).collect();
    places.sort_unstable();
    places.dedup();
    let reference = |images: &[FoundImage], place: &String| {
        let image = images.iter().find(|image| image.places.contains(place));
        image.map(|image| image.reference.to_string())
    };
    let changes = places.into_iter().map(|place| ImageChange {
        place: place.clone(),
        before: reference(&old, place),
        after: reference(new, place),
    });
    Ok(changes.filter(|c| c.before != c.after).collect())
}

/// Returns the operation that has to be finished before an upgrade.
fn unfinished(records: &[Record], last: &Record) -> Option<Unfinished> {
    match last.status() {
        Some(Status::Uninstalling) => Some(Unfinished::Uninstalling),
        Some(Status::Uninstalled) => Some(Unfinished::Uninstalled),
        Some(Status::PendingRollback) => Some(Unfinished::PendingRollback),
        _ if !never_deployed(records) => None,
        _ if last.name() == mesh_name(last) => Some(Unfinished::Install),
        Some(Status::PendingInstall) => Some(Unfinished::PendingInstall),
        // The release has another name than its mesh: another tool installed it.
        _ => None,
    }
}
