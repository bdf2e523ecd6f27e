//! Upgrades a release: a new revision, without what is no longer rendered.

use super::meshes::no_such_mesh;
use super::preflight::{self, PlannedChanges};
use helm_release::Progress;
use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::release::record::{self, Record, Release, Status};
use helm_release::rollout::{Options, Rollout};

/// Upgrades a release; `records` are those it has, the newest last.
///
/// # Errors
/// What keeps it from being upgraded, with the reasons; the same command again goes on.
pub async fn upgrade(
    cluster: &Cluster,
    records: &[Record],
    release: &Release<'_>,
    options: Options,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let owner = release.owner();
    let Some(last) = records.last() else {
        return Err(ClusterError::State(no_such_mesh(cluster, owner).await?));
    };
    let (install, removal) = (
        owner.command("osm install"),
        owner.command("osm uninstall mesh"),
    );
    let goes_on = match last.status() {
        "uninstalling" => &format!("is being removed: {removal} finishes that"),
        "uninstalled" => {
            &format!("was removed, and its history was kept: {install} installs it again")
        }
        "pending-rollback" => "is being rolled back, or that was interrupted: see helm history",
        _ if !record::never_deployed(records) => "",
        _ if last.name() == last.mesh_name() => {
            &format!("was not installed to the end: {install} goes on with it")
        }
        "pending-install" => &format!("was not installed to the end: {removal} removes it"),
        // Of another name than its mesh, it was not made by osm install.
        _ => "",
    };
    if !goes_on.is_empty() {
        return Err(ClusterError::State(format!(
            "the mesh {} {goes_on}",
            release.name
        )));
    }
    preflight::version(cluster)?;
    let rollout = Rollout::prepare(cluster, release, options, progress).await?;
    let changes = PlannedChanges {
        namespace: release.namespace,
        crds: &rollout.crds,
        targets: &rollout.targets,
        hooks: &rollout.hooks,
        creates_namespace: false,
        deletes: true,
        rolls_back: false,
    };
    preflight::permissions(cluster, changes).await?;
    let advice = "leave out of the mesh what has their names (--set)";
    preflight::owners(
        cluster,
        owner,
        rollout.targets.iter(),
        rollout.hooks.iter(),
        advice,
    )
    .await?;
    let old = record::deployed_objects(cluster, records).await?;
    let revision = last.revision() + 1;
    let mut record = Record::new(release, revision, Status::PendingUpgrade);
    record.keep_first_deployed(last);
    record.store_new(cluster).await?;
    if let Err(error) = rollout.run("upgrade", &old).await {
        record.set_status(Status::Failed, &error.headline());
        // The reason to tell is the first one.
        let _ = record.store(cluster).await;
        let worked = records.iter().rev().find(|r| r.is(Status::Deployed));
        let back = worked.map(|record| {
            let revision = record.revision();
            format!("; helm rollback goes back to revision {revision}")
        });
        return Err(ClusterError::State(format!(
            "{error}\nthe same command goes on{}",
            back.unwrap_or_default()
        )));
    }
    record.set_status(Status::Deployed, "Upgrade complete");
    record.store(cluster).await?;
    supersede(cluster, records).await?;
    record::prune(cluster, records, progress).await;
    Ok(())
}

/// Marks what worked before as superseded.
async fn supersede(cluster: &Cluster, records: &[Record]) -> Result<(), ClusterError> {
    for record in records.iter().filter(|record| record.is(Status::Deployed)) {
        let mut record = record.clone();
        let description = record.description().to_owned();
        record.set_status(Status::Superseded, &description);
        record.store(cluster).await?;
    }
    Ok(())
}
