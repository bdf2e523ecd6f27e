//! Installs a release: check, record, hooks, objects, wait, record.

use std::time::Duration;

use serde_json::Value;

use super::preflight::{self, PlannedChanges};
use super::uninstall::{Removal, uninstall};
use crate::plan::namespace_object;
use helm_release::Progress;
use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{NAMESPACE, SECRET};
use helm_release::release::record::{self, Record, Release, Status};
use helm_release::rollout::apply::{Owner, Target, remove};
use helm_release::rollout::{Options, Rollout};
use helm_release::wait::Deadline;

/// How to install.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// How the objects come into the cluster.
    pub rollout: Options,
    /// Whether what was made is taken back when it fails.
    pub atomic: bool,
    /// Whether the mesh wants to be the only one.
    pub enforces_single: bool,
    /// The Secret with the mesh's root certificate, which the control plane makes for itself; empty if there is none.
    pub ca_bundle_secret: String,
}

/// How long what is taken back may need to go away.
const ROLLBACK_TIMEOUT: Duration = Duration::from_mins(1);

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
    options: &InstallOptions,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let owner = release.owner();
    let rollout = Rollout::prepare(cluster, release, options.rollout, progress).await?;
    let Found {
        has_namespace,
        earlier,
        has_secret,
    } = check(cluster, release, options, &rollout, progress).await?;
    let old = record::deployed_objects(cluster, &earlier).await?;
    let revision = earlier.last().map_or(1, |last| last.revision() + 1);
    let mut made_namespace = false;
    if !has_namespace {
        let namespace = namespace_object(release.namespace);
        // Somebody else may have created it in the meantime, which is as well.
        let reference = NAMESPACE.at("", release.namespace);
        made_namespace = cluster.create(&reference, &namespace).await?.is_some();
    }
    let mut record = Record::new(release, revision, Status::PendingInstall);
    if let Err(error) = record.store_new(cluster).await {
        let is_judged = error.code().is_some_and(|code| code < 500 && code != 429);
        if made_namespace && is_judged {
            // There is nothing in it, and what is to be told is why. After a passing fault it stays: the same command
            // finds it again.
            let references = [NAMESPACE.at("", release.namespace)];
            let _ = remove(cluster, &references, Deadline::after(ROLLBACK_TIMEOUT)).await;
        }
        return Err(error);
    }
    let Err(error) = rollout.run("install", &old).await else {
        record.set_status(Status::Deployed, "Install complete");
        record.store(cluster).await?;
        record::prune(cluster, &earlier, progress).await;
        return Ok(());
    };
    if options.atomic {
        progress(&format!("{error}"));
        progress("taking back what was made (--atomic)");
        let rollback = Rollback {
            revision,
            namespace: made_namespace,
            runs_hooks: options.rollout.hooks && !has_secret,
            ca_bundle_secret: Some(options.ca_bundle_secret.clone())
                .filter(|name| !has_secret && !name.is_empty()),
        };
        let undone = roll_back(cluster, &rollout, owner, rollback, progress).await;
        return Err(ClusterError::State(match undone {
            Ok(true) => format!(
                "{}\nwhat was made is taken back (--atomic)",
                error.headline()
            ),
            Ok(false) => format!(
                "{}\nnothing is taken back: somebody else went on with the installation",
                error.headline()
            ),
            Err(also) => format!(
                "{}\nand taking it back failed too: {also}\n{} removes what is left",
                error.headline(),
                owner.command("osm uninstall mesh")
            ),
        }));
    }
    record.set_status(Status::Failed, &error.headline());
    // The reason to tell is the first one.
    let _ = record.store(cluster).await;
    Err(ClusterError::State(format!(
        "{error}\nwhat was made so far is there; the same command goes on, {} removes it",
        owner.command("osm uninstall mesh")
    )))
}

/// What an installation finds before it changes anything.
struct Found {
    /// Whether the namespace is there.
    has_namespace: bool,
    /// The records of earlier installations, none of which was finished.
    earlier: Vec<Record>,
    /// Whether the Secret with the root certificate is there; only looked at if it may be taken back.
    has_secret: bool,
}

/// Looks for all that would keep a release from being installed.
async fn check(
    cluster: &Cluster,
    release: &Release<'_>,
    options: &InstallOptions,
    rollout: &Rollout<'_>,
    progress: Progress<'_>,
) -> Result<Found, ClusterError> {
    let owner = release.owner();
    preflight::version(cluster)?;
    let has_namespace = preflight::namespace(cluster, release.namespace).await?;
    let changes = PlannedChanges {
        namespace: release.namespace,
        crds: &rollout.crds,
        targets: &rollout.targets,
        hooks: &rollout.hooks,
        creates_namespace: !has_namespace,
        deletes: options.atomic,
        rolls_back: options.atomic,
    };
    // In a namespace that is not there is nothing of anybody's.
    let may_be_there =
        |target: &Target| has_namespace || target.reference.namespace != release.namespace;
    let secret = SECRET.at(release.namespace, &options.ca_bundle_secret);
    let (permitted, alone, earlier, ours, has_secret) = tokio::join!(
        preflight::permissions(cluster, changes),
        preflight::other_meshes(cluster, owner, options.enforces_single),
        async {
            match has_namespace {
                true => unfinished(cluster, release, progress).await,
                false => Ok(Vec::new()),
            }
        },
        preflight::owners(
            cluster,
            owner,
            rollout.targets.iter().filter(|target| may_be_there(target)),
            rollout
                .hooks
                .iter()
                .filter(|hook| may_be_there(&hook.target)),
            "install under another name with --mesh-name"
        ),
        async {
            match options.atomic && has_namespace && !options.ca_bundle_secret.is_empty() {
                true => Ok(cluster.get(&secret).await?.is_some()),
                false => Ok::<_, ClusterError>(false),
            }
        },
    );
    permitted?;
    alone?;
    let earlier = earlier?;
    ours?;
    Ok(Found {
        has_namespace,
        earlier,
        has_secret: has_secret?,
    })
}

/// What goes besides the release when it is taken back.
struct Rollback {
    /// The revision that is taken back.
    revision: i64,
    /// Whether the namespace was made for it.
    namespace: bool,
    /// The Secret with the root certificate, if there is one that was not there before.
    ca_bundle_secret: Option<String>,
    /// Whether hooks may run: the one after a removal would take a root certificate along that was there before.
    runs_hooks: bool,
}

/// Removes what an installation made, as a removal of the mesh does; gives whether it did: not if another one went on
/// with it.
async fn roll_back(
    cluster: &Cluster,
    rollout: &Rollout<'_>,
    owner: Owner<'_>,
    rollback: Rollback,
    progress: Progress<'_>,
) -> Result<bool, ClusterError> {
    let records = record::mesh_history(cluster, owner).await?;
    let newest = records.last().map(Record::revision);
    if newest.is_some_and(|newest| newest != rollback.revision) || !record::never_deployed(&records)
    {
        return Ok(false);
    }
    // A control plane that never ran made nothing for itself, and the image of the hook that removes it may be as
    // hard to get as the others.
    let has_run = rollout.has_run().await?;
    let hooks = rollback.runs_hooks && has_run;
    let removal = Removal {
        timeout: ROLLBACK_TIMEOUT,
        hooks,
        ca_bundle_secret: rollback.ca_bundle_secret,
        webhooks: true,
        crds: false,
        namespace: rollback.namespace,
        history: false,
    };
    let removed = uninstall(cluster, owner, &removal, progress).await?;
    let why = match removed.cleaned {
        Err(error) => format!("{error}\n"),
        Ok(()) if has_run && !hooks => String::new(),
        Ok(()) => return Ok(true),
    };
    progress(&format!(
        "{why}the post-delete hook did not run: the MeshConfig that the control plane made may be left"
    ));
    Ok(true)
}

/// Sends everything with a dry run of the server: it judges every object and stores none.
///
/// # Errors
/// What keeps it from being installed.
pub async fn dry_run(
    cluster: &Cluster,
    release: &Release<'_>,
    options: &InstallOptions,
    progress: Progress<'_>,
) -> Result<Vec<Value>, ClusterError> {
    let rollout = Rollout::prepare(cluster, release, options.rollout, progress).await?;
    let found = check(cluster, release, options, &rollout, progress).await?;
    let has_namespace = found.has_namespace;
    let hooks = rollout.hooks.into_iter().map(|hook| hook.target);
    let targets: Vec<Target> = rollout.targets.into_iter().chain(hooks).collect();
    if !has_namespace {
        progress(&format!(
            "the namespace {} is not there yet: what goes into it is printed, not judged",
            release.namespace
        ));
    }
    let mut answers = Vec::new();
    for target in &targets {
        // In a namespace that is not there yet the server judges nothing.
        let judged = has_namespace || target.reference.namespace.is_empty();
        answers.push(match judged {
            true => cluster.apply_dry(&target.reference, &target.object).await?,
            false => target.object.clone(),
        });
    }
    Ok(answers)
}

/// The records of earlier installations, if none of them was finished.
async fn unfinished(
    cluster: &Cluster,
    release: &Release<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Record>, ClusterError> {
    let (name, namespace) = (release.name, release.namespace);
    let records = record::mesh_history(cluster, release.owner()).await?;
    let Some(last) = records.last() else {
        return Ok(records);
    };
    if last.is(Status::Uninstalled) {
        progress(&format!("the history of an earlier {name} goes on"));
        return Ok(records);
    }
    // A later revision that failed is an upgrade of something that was installed.
    let never_deployed = record::never_deployed(&records);
    if never_deployed && last.name() == name {
        let status = last.status();
        progress(&format!(
            "an earlier installation of {name} was not finished ({status}): going on with it"
        ));
        return Ok(records);
    }
    let command = |command: &str| release.owner().command(command);
    let (upgrade, removal) = (command("osm mesh upgrade"), command("osm uninstall mesh"));
    let hint = match last.status() {
        "uninstalling" => &format!("finish that with {removal}"),
        "failed" if never_deployed => &format!(
            "its release {} was not installed to the end: {upgrade} goes on",
            last.name()
        ),
        "failed" | "pending-upgrade" => {
            &format!("an upgrade of it was not finished: {upgrade} goes on")
        }
        "pending-rollback" => "it is being rolled back, or that was interrupted: see helm history",
        _ => &format!(
            "{removal} removes it; give another name with --mesh-name to install a second one"
        ),
    };
    Err(ClusterError::State(format!(
        "the mesh {name} is installed in namespace {namespace} already (version {}, status {}): {hint}",
        last.app_version(),
        last.status()
    )))
}
