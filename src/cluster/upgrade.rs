//! Upgrades a release: a new revision, without what is no longer rendered.

use serde_json::{Map, Value};

use super::Progress;
use super::apply::{Owner, Target, apply, is_kept, remove};
use super::client::Cluster;
use super::error::ClusterError;
use super::hooks;
use super::install::{Options, await_all, first_line, targets};
use super::kinds::Place;
use super::meshes::no_such_mesh;
use super::preflight::{self, Work};
use super::record::{self, Record, Release, Status};
use super::wait::Deadline;
use crate::chart::Object;

/// How many revisions are kept, as helm does by default.
const HISTORY: usize = 10;

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
    let deadline = Deadline::after(options.timeout);
    let owner = release.owner();
    let Some(last) = records.last() else {
        return Err(ClusterError::State(no_such_mesh(cluster, owner).await?));
    };
    let goes_on = match last.status() {
        "pending-install" => "was not installed to the end: osm install goes on with it",
        "uninstalling" => "is being removed: osm uninstall mesh finishes that",
        _ => "",
    };
    if !goes_on.is_empty() {
        return Err(ClusterError::State(format!(
            "the mesh {} {goes_on}",
            release.name
        )));
    }
    preflight::version(cluster)?;
    let (targets, hooks) = targets(cluster, release).await?;
    let work = Work {
        namespace: release.namespace,
        targets: &targets,
        hooks: if options.hooks { &hooks } else { &[] },
        creates_namespace: false,
        deletes: true,
    };
    preflight::permissions(cluster, work).await?;
    preflight::owners(cluster, owner, targets.iter()).await?;
    let old = record::placed(cluster, records).await?;
    let revision = last.revision() + 1;
    let mut record = Record::new(release, revision, Status::PendingUpgrade);
    record.keep_first_deployed(last);
    record.store_new(cluster).await?;
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
    settle_history(cluster, records, revision).await
}

/// Marks earlier revisions as superseded, and removes the oldest.
async fn settle_history(
    cluster: &Cluster,
    records: &[Record],
    revision: i64,
) -> Result<(), ClusterError> {
    let earlier: Vec<&Record> = records.iter().filter(|r| r.revision() < revision).collect();
    let excess = (earlier.len() + 1).saturating_sub(HISTORY);
    for (i, record) in earlier.into_iter().enumerate() {
        if i < excess {
            cluster.delete(&record.place()).await?;
        } else if record.is(Status::Deployed) {
            let mut record = record.clone();
            let description = record.description().to_owned();
            record.set_status(Status::Superseded, &description);
            record.store(cluster).await?;
        }
    }
    Ok(())
}

/// Removes what the old objects had and the new ones have not.
///
/// Applying removes only what the same field manager applied before; another tool may have made the
/// last revision.
async fn remove_fields(
    cluster: &Cluster,
    old: &[(Place, Object)],
    targets: &[Target],
) -> Result<(), ClusterError> {
    for (place, before) in old {
        let Some(target) = targets.iter().find(|target| target.place == *place) else {
            continue;
        };
        let Some(patch) = removal(&before.value, &target.object) else {
            continue;
        };
        match cluster.merge(place, &patch).await {
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
pub(super) async fn remove_objects(
    cluster: &Cluster,
    owner: Owner<'_>,
    old: &[(Place, Object)],
    targets: &[Target],
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let mut gone = Vec::new();
    for (place, object) in old {
        if targets.iter().any(|target| target.place == *place) || gone.contains(place) {
            continue;
        }
        let found = cluster.get(place).await?;
        if !is_kept(&object.value) && found.is_some_and(|found| owner.owns(&found)) {
            progress(&format!(
                "removing {place}, which is no longer part of the mesh"
            ));
            gone.push(place.clone());
        }
    }
    remove(cluster, &gone, deadline).await
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
