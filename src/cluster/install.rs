//! Installs a release: check, record, hooks, objects, wait, record.

use std::time::Duration;

use serde_json::{Value, json};

use super::Progress;
use super::apply::{Target, apply, is_kept, remove};
use super::client::Cluster;
use super::error::ClusterError;
use super::hooks::{self, Hook};
use super::kinds::{NAMESPACE, Place};
use super::preflight::{self, Work};
use super::record::{self, Record, Release, Status};
use super::upgrade::remove_objects;
use super::wait::{self, Deadline};

/// How to install.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long hooks and waiting may take together; zero is without end.
    pub timeout: Duration,
    /// Whether to wait until everything runs.
    pub wait: bool,
    /// Whether the chart's hooks are run.
    pub hooks: bool,
    /// Whether what was made is taken back when it fails.
    pub atomic: bool,
    /// Whether the mesh wants to be the only one.
    pub enforces_single: bool,
}

/// Installs a release.
///
/// The record is written before the first object, so that what is there can always be found, and the
/// same command after an interruption goes on.
///
/// # Errors
/// What keeps it from being installed, with the reasons.
pub async fn install(
    cluster: &Cluster,
    release: &Release<'_>,
    options: Options,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let deadline = Deadline::after(options.timeout);
    let owner = release.owner();
    preflight::version(cluster)?;
    let (targets, hooks) = targets(cluster, release).await?;
    let has_namespace = preflight::namespace(cluster, release.namespace).await?;
    let work = Work {
        namespace: release.namespace,
        targets: &targets,
        hooks: if options.hooks { &hooks } else { &[] },
        creates_namespace: !has_namespace,
        deletes: options.atomic,
    };
    // In a namespace that is not there is nothing of anybody's.
    let may_be_there = targets
        .iter()
        .filter(|target| has_namespace || target.place.namespace != release.namespace);
    let (permitted, alone, earlier, ours) = tokio::join!(
        preflight::permissions(cluster, work),
        preflight::other_meshes(cluster, owner, options.enforces_single),
        async {
            match has_namespace {
                true => unfinished(cluster, release, progress).await,
                false => Ok(Vec::new()),
            }
        },
        preflight::owners(cluster, owner, may_be_there),
    );
    permitted?;
    alone?;
    let earlier = earlier?;
    ours?;
    let old = record::placed(cluster, &earlier).await?;
    let revision = earlier.last().map_or(1, |last| last.revision() + 1);
    if !has_namespace {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": release.namespace, "labels": {"name": release.namespace}},
        });
        // Somebody else may have created it in the meantime, which is as well.
        let place = NAMESPACE.at("", release.namespace);
        cluster.create(&place, &namespace).await?;
    }
    let mut record = Record::new(release, revision, Status::PendingInstall);
    record.store_new(cluster).await?;
    let made = async {
        if options.hooks {
            hooks::run(cluster, &hooks, "pre-install", deadline, progress).await?;
        }
        progress(&format!("applying {} objects", targets.len()));
        apply(cluster, &targets).await?;
        // What an installation with other values made.
        remove_objects(cluster, owner, &old, &targets, deadline, progress).await?;
        if options.wait {
            await_all(cluster, &targets, deadline, progress).await?;
        }
        if options.hooks {
            hooks::run(cluster, &hooks, "post-install", deadline, progress).await?;
        }
        Ok(())
    };
    let made: Result<(), ClusterError> = made.await;
    let Err(error) = made else {
        record.set_status(Status::Deployed, "Install complete");
        return record.store(cluster).await;
    };
    if options.atomic {
        progress(&format!("{error}"));
        progress("taking back what was made (--atomic)");
        let undone = take_back(cluster, &targets, work.hooks, &record, !has_namespace).await;
        return Err(match undone {
            Ok(()) => ClusterError::State(format!(
                "{}\nwhat was made is taken back (--atomic)",
                first_line(&error)
            )),
            Err(also) => ClusterError::State(format!(
                "{}\nand taking it back failed too: {also}\n\
                 osm uninstall mesh removes what is left",
                first_line(&error)
            )),
        });
    }
    record.set_status(Status::Failed, &first_line(&error));
    // The reason to tell is the first one.
    let _ = record.store(cluster).await;
    Err(ClusterError::State(format!(
        "{error}\nwhat was made so far is there; the same command goes on, osm uninstall mesh removes it"
    )))
}

/// Sends everything with a dry run of the server: it judges every object and stores none.
///
/// # Errors
/// What keeps it from being installed.
pub async fn dry_run(
    cluster: &Cluster,
    release: &Release<'_>,
    with_hooks: bool,
    progress: Progress<'_>,
) -> Result<Vec<Value>, ClusterError> {
    preflight::version(cluster)?;
    let (mut targets, hooks) = targets(cluster, release).await?;
    if with_hooks {
        targets.extend(hooks.into_iter().map(|hook| hook.target));
    }
    let has_namespace = preflight::namespace(cluster, release.namespace).await?;
    if !has_namespace {
        progress(&format!(
            "the namespace {} is not there yet: what goes into it is printed, not judged",
            release.namespace
        ));
    }
    let mut answers = Vec::new();
    for target in &targets {
        // In a namespace that is not there yet the server judges nothing.
        let judged = has_namespace || target.place.namespace.is_empty();
        answers.push(match judged {
            true => cluster.apply_dry(&target.place, &target.object).await?,
            false => target.object.clone(),
        });
    }
    Ok(answers)
}

/// The objects of the release with its marks, and its hooks.
pub(super) async fn targets(
    cluster: &Cluster,
    release: &Release<'_>,
) -> Result<(Vec<Target>, Vec<Hook>), ClusterError> {
    let mut targets = Vec::new();
    for object in release.objects.iter().filter(|object| !object.is_hook()) {
        let place = cluster.place_of(&object.value, release.namespace).await?;
        let object = release.owner().mark(&object.value);
        targets.push(Target { place, object });
    }
    let hooks = hooks::placed(cluster, release.objects, release.namespace).await?;
    Ok((targets, hooks))
}

/// The records of earlier installations, if none of them was finished.
async fn unfinished(
    cluster: &Cluster,
    release: &Release<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Record>, ClusterError> {
    let (name, namespace) = (release.name, release.namespace);
    let records = record::of_mesh(cluster, release.owner()).await?;
    let Some(last) = records.last() else {
        return Ok(records);
    };
    // A later revision that failed is an upgrade of something that was installed.
    let never_worked = |r: &Record| r.is(Status::PendingInstall) || r.is(Status::Failed);
    if records.iter().all(never_worked) {
        let status = last.status();
        progress(&format!(
            "an earlier installation of {name} was not finished ({status}): going on with it"
        ));
        return Ok(records);
    }
    let hint = match last.status() {
        "uninstalling" => "finish that with osm uninstall mesh",
        "failed" | "pending-upgrade" => {
            "an upgrade of it was not finished: osm mesh upgrade goes on"
        }
        "pending-rollback" => "it is being rolled back, or that was interrupted: see helm history",
        _ => {
            "osm uninstall mesh removes it; give another name with --mesh-name to install a second one"
        }
    };
    Err(ClusterError::State(format!(
        "the mesh {name} is installed in namespace {namespace} already (version {}, status {}): {hint}",
        last.app_version(),
        last.status()
    )))
}

/// Waits until everything that was applied runs.
pub(super) async fn await_all(
    cluster: &Cluster,
    targets: &[Target],
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let places: Vec<Place> = targets.iter().map(|target| target.place.clone()).collect();
    progress("waiting until everything runs");
    wait::ready(cluster, &places, deadline, progress).await
}

/// How long what is taken back may need to go away.
const TAKE_BACK: Duration = Duration::from_mins(1);

async fn take_back(
    cluster: &Cluster,
    targets: &[Target],
    hooks: &[Hook],
    record: &Record,
    remove_namespace: bool,
) -> Result<(), ClusterError> {
    let ran = hooks
        .iter()
        .filter(|hook| hook.events.iter().any(|event| event.ends_with("-install")));
    let all = targets.iter().chain(ran.map(|hook| &hook.target));
    let made = all.filter(|target| !is_kept(&target.object));
    let places: Vec<Place> = made.map(|target| target.place.clone()).collect();
    remove(cluster, &places, Deadline::after(TAKE_BACK)).await?;
    cluster.delete(&record.place()).await?;
    if remove_namespace {
        let place = NAMESPACE.at("", record.namespace());
        cluster.delete(&place).await?;
    }
    Ok(())
}

pub(super) fn first_line(error: &ClusterError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
