//! Upgrades a mesh: checks, and the rollout of a new revision of its release.

use helm_release::client::Client;
use helm_release::release::{Record, RenderedRelease, Status, never_deployed};
use helm_release::rollout::{Rollout, RolloutOptions};

use super::error::{Error, Operation, Unfinished};
use super::event::{Event, Progress};
use super::history::mesh_name;
use super::meshes::no_such_mesh;
use super::preflight::{PlannedChanges, check_owners, check_permissions, check_version};

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
                previous: previous.map(Record::revision),
            })
        }
    }
}

/// Returns the operation that has to be finished before an upgrade.
fn unfinished(records: &[Record], last: &Record) -> Option<Unfinished> {
    match last.status() {
        "uninstalling" => Some(Unfinished::Uninstalling),
        "uninstalled" => Some(Unfinished::Uninstalled),
        "pending-rollback" => Some(Unfinished::PendingRollback),
        _ if !never_deployed(records) => None,
        _ if last.name() == mesh_name(last) => Some(Unfinished::Install),
        "pending-install" => Some(Unfinished::PendingInstall),
        // The release has another name than its mesh: another tool installed it.
        _ => None,
    }
}
