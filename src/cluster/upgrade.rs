//! Upgrades a release: a new revision, without what is no longer rendered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Progress;
use super::apply::{Owner, Target, apply, delete};
use super::client::Cluster;
use super::error::ClusterError;
use super::hooks;
use super::install::{Options, await_all, first_line, targets};
use super::kinds::Place;
use super::meshes::meshes;
use super::preflight;
use super::record::{self, Record, Release, Status};
use super::wait::{self, Deadline};
use crate::chart::{Object, read_manifest};

/// How many revisions are kept, as helm does by default.
const HISTORY: usize = 10;

/// The newest record of a mesh: that of the release of its name, or of the release whose values name
/// it.
///
/// # Errors
/// There is no such mesh; those that are there are named.
pub async fn installed(cluster: &Cluster, owner: Owner<'_>) -> Result<Record, ClusterError> {
    let (records, damaged) = record::list(cluster, owner.namespace, None).await?;
    let named = records.iter().rev().find(|r| r.name() == owner.name);
    let meant = || records.iter().rev().find(|r| r.mesh_name() == owner.name);
    if let Some(record) = named.or_else(meant) {
        return Ok(record.clone());
    }
    if let Some(damaged) = damaged.first() {
        return Err(ClusterError::State(format!(
            "the record of a release is damaged: {damaged}"
        )));
    }
    let mut message = format!(
        "there is no mesh {} in namespace {}",
        owner.name, owner.namespace
    );
    for mesh in meshes(cluster).await? {
        let more = format!("\nthere is {} in namespace {}", mesh.name, mesh.namespace);
        message.push_str(&more);
    }
    Err(ClusterError::State(message))
}

/// Upgrades a release from its newest record.
///
/// # Errors
/// What keeps it from being upgraded, with the reasons; the same command again goes on.
pub async fn upgrade(
    cluster: &Cluster,
    last: &Record,
    release: &Release<'_>,
    options: Options,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let deadline = Deadline::after(options.timeout);
    let owner = Owner {
        name: release.name,
        namespace: release.namespace,
    };
    match last.status() {
        "pending-install" => {
            return Err(ClusterError::State(format!(
                "the installation of {} was not finished: osm install goes on with it",
                release.name
            )));
        }
        "uninstalling" => {
            return Err(ClusterError::State(format!(
                "{} is being removed: osm uninstall mesh finishes that",
                release.name
            )));
        }
        _ => {}
    }
    preflight::version(cluster)?;
    let (targets, hooks) = targets(cluster, release).await?;
    preflight::permissions(cluster, &targets, false).await?;
    preflight::owners(cluster, owner, &targets).await?;
    let old = old_objects(cluster, last).await?;
    // An upgrade that was interrupted is written anew; every other state is history.
    let revision = match last.is(Status::PendingUpgrade) {
        true => last.revision(),
        false => last.revision() + 1,
    };
    let mut record = Record::new(release, revision, Status::PendingUpgrade);
    record.keep_first_deployed(last);
    record.store(cluster).await?;
    let made = async {
        if options.hooks {
            hooks::run(cluster, &hooks, "pre-upgrade", deadline, progress).await?;
        }
        progress(&format!("applying {} objects", targets.len()));
        remove_fields(cluster, &old, &targets).await?;
        apply(cluster, &targets).await?;
        remove_objects(cluster, owner, &old, &targets, deadline, progress).await?;
        if options.wait {
            await_all(cluster, &targets, deadline, progress).await?;
        }
        if options.hooks {
            hooks::run(cluster, &hooks, "post-upgrade", deadline, progress).await?;
        }
        Ok(())
    };
    let made: Result<(), ClusterError> = made.await;
    if let Err(error) = made {
        record.set_status(Status::Failed, &first_line(&error));
        // The reason to tell is the first one.
        let _ = record.store(cluster).await;
        return Err(ClusterError::State(format!(
            "{error}\nthe same command goes on; helm rollback goes back to revision {}",
            last.revision()
        )));
    }
    record.set_status(Status::Deployed, "Upgrade complete");
    record.store(cluster).await?;
    settle_history(cluster, release, revision).await
}

/// Marks earlier revisions as superseded, and removes the oldest.
async fn settle_history(
    cluster: &Cluster,
    release: &Release<'_>,
    revision: i64,
) -> Result<(), ClusterError> {
    let (records, _) = record::list(cluster, release.namespace, Some(release.name)).await?;
    let excess = records.len().saturating_sub(HISTORY);
    for (i, mut record) in records.into_iter().enumerate() {
        if i < excess {
            cluster.delete(&record.place()).await?;
        } else if record.revision() < revision && record.is(Status::Deployed) {
            let description = record.description().to_owned();
            record.set_status(Status::Superseded, &description);
            record.store(cluster).await?;
        }
    }
    Ok(())
}

/// The objects of a record, by where they are.
async fn old_objects(
    cluster: &Cluster,
    record: &Record,
) -> Result<BTreeMap<String, (Place, Object)>, ClusterError> {
    let place = record.place().to_string();
    let objects = read_manifest(&place, record.manifest())
        .map_err(|e| ClusterError::State(format!("the record {place} is damaged: {e}")))?;
    let mut old = BTreeMap::new();
    for object in objects {
        // A kind that the cluster no longer has went away with its objects.
        if let Ok(place) = cluster.place_of(&object.value, record.namespace()).await {
            old.insert(place.path(), (place, object));
        }
    }
    Ok(old)
}

/// Removes what the old objects had and the new ones have not.
///
/// Applying removes only what the same field manager applied before; another tool may have made the
/// last revision.
async fn remove_fields(
    cluster: &Cluster,
    old: &BTreeMap<String, (Place, Object)>,
    targets: &[Target],
) -> Result<(), ClusterError> {
    for target in targets {
        let Some((_, before)) = old.get(&target.place.path()) else {
            continue;
        };
        let Some(patch) = removal(&before.value, &target.object) else {
            continue;
        };
        match cluster.merge(&target.place, &patch).await {
            // Somebody removed it; applying brings it back.
            Err(error) if error.code() == Some(404) => {}
            done => drop(done?),
        }
    }
    Ok(())
}

/// A merge patch that removes what is only in `old`; a list that lost something is replaced.
fn removal(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        let (Value::Array(before), Value::Array(after)) = (old, new) else {
            return None;
        };
        let lost = before.len() > after.len()
            || before
                .iter()
                .zip(after)
                .any(|(a, b)| removal(a, b).is_some());
        return lost.then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, before) in old {
        match new.get(key) {
            None => _ = patch.insert(key.clone(), Value::Null),
            Some(after) => {
                if let Some(inner) = removal(before, after) {
                    patch.insert(key.clone(), inner);
                }
            }
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Deletes the release's objects that are no longer rendered.
async fn remove_objects(
    cluster: &Cluster,
    owner: Owner<'_>,
    old: &BTreeMap<String, (Place, Object)>,
    targets: &[Target],
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let mut gone = Vec::new();
    for (path, (place, object)) in old {
        if targets.iter().any(|target| target.place.path() == *path) {
            continue;
        }
        let policy = object
            .value
            .pointer("/metadata/annotations/helm.sh~1resource-policy");
        let is_kept = policy.and_then(Value::as_str) == Some("keep");
        let found = cluster.get(place).await?;
        if !is_kept && found.is_some_and(|found| owner.owns(&found)) {
            progress(&format!(
                "removing {place}, which is no longer part of the mesh"
            ));
            gone.push(place.clone());
        }
    }
    delete(cluster, &gone).await?;
    wait::gone(cluster, &gone, deadline).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_gone_is_removed() {
        let table = [
            (json!({"a": 1}), json!({"a": 2}), None),
            (
                json!({"a": {"b": 1, "c": 1}}),
                json!({"a": {"b": 1}}),
                Some(json!({"a": {"c": null}})),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"a": [1]}),
                Some(json!({"a": [1]})),
            ),
            (json!({"a": [1]}), json!({"a": [1, 2]}), None),
            (
                json!({"a": [{"n": "x", "v": 1}]}),
                json!({"a": [{"n": "x"}]}),
                Some(json!({"a": [{"n": "x"}]})),
            ),
        ];
        for (old, new, want) in table {
            assert_eq!(removal(&old, &new), want, "{old} {new}");
        }
    }
}
