//! Installs a mesh: checks, the rollout of its release, and the rollback if that fails.

use std::time::Duration;

use helm_release::client::Client;
use helm_release::client::resource::SECRET;
use helm_release::release::{Owner, Record, RenderedRelease, Status, never_deployed};
use helm_release::rollout::{Cleanup, Rollout, RolloutOptions};
use serde_json::Value;

use super::error::{Error, Operation, Unfinished};
use super::event::{Event, Progress};
use super::history::mesh_history;
use super::preflight::{
    PlannedChanges, check_namespace, check_other_meshes, check_owners, check_permissions,
    check_version,
};
use super::uninstall::{Removal, uninstall};
use crate::mesh::Plan;
use crate::mesh::names::namespace_object;

/// How a mesh is installed.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// How the release is rolled out.
    pub rollout: RolloutOptions,
    /// Whether a failed installation is rolled back.
    pub atomic: bool,
    /// Whether the mesh must be the only one in the cluster.
    pub enforces_single: bool,
    /// The Secret with the root certificate of the mesh, which the control plane creates; empty if there is none.
    pub ca_bundle_secret: String,
}

impl InstallOptions {
    /// Takes from the plan what the checks and a rollback need to know.
    pub fn new(plan: &Plan, rollout: RolloutOptions, atomic: bool) -> InstallOptions {
        let values = plan.mesh_values();
        InstallOptions {
            rollout,
            atomic,
            enforces_single: values.enforces_single_mesh(),
            ca_bundle_secret: values.ca_bundle_secret(),
        }
    }
}

/// How long a step of a rollback may take.
const ROLLBACK_TIMEOUT: Duration = Duration::from_mins(1);

/// Installs a mesh.
///
/// The record is stored before the first object. What is in the cluster can always be found, and an installation that
/// was interrupted is resumed by the next one.
///
/// # Errors
/// A check failed, the server refuses a request, or something is not ready in time.
pub async fn install(
    client: &Client,
    release: RenderedRelease<'_>,
    options: &InstallOptions,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let on_rollout = |event: helm_release::rollout::Event<'_>| progress(Event::Rollout(event));
    let rollout = Rollout::prepare(client, release, options.rollout, &on_rollout).await?;
    let found = check(client, release, options, &rollout, progress).await?;
    let namespace = namespace_object(release.namespace);
    let namespace = (!found.has_namespace).then_some(&namespace);
    let started = rollout.start_install(&found.earlier, namespace).await?;
    let Err(cause) = started.run().await else {
        return Ok(started.finish().await?);
    };
    let cause = Box::new(cause);
    let mesh = release.owner().into();
    if !options.atomic {
        started.fail(&cause).await;
        return Err(Error::InstallFailed { cause, mesh });
    }
    progress(Event::RollsBack(&cause));
    let rollback = Rollback {
        revision: started.revision(),
        namespace: started.created_namespace(),
        hooks: options.rollout.hooks && !found.has_secret,
        ca_bundle_secret: Some(options.ca_bundle_secret.clone())
            .filter(|name| !found.has_secret && !name.is_empty()),
    };
    let undone = roll_back(client, &rollout, release.owner(), rollback, progress).await;
    Err(match undone {
        Ok(true) => Error::RolledBack { cause },
        Ok(false) => Error::RollbackSkipped { cause },
        Err(error) => Error::RollbackFailed {
            cause,
            rollback: Box::new(error),
            mesh,
        },
    })
}

/// What an installation finds before it changes anything.
struct Found {
    /// Whether the namespace exists.
    has_namespace: bool,
    /// The records of earlier installations, none of which was finished.
    earlier: Vec<Record>,
    /// Whether the Secret with the root certificate exists; only read if the installation may be rolled back.
    has_secret: bool,
}

/// Checks everything that would keep a mesh from being installed.
async fn check(
    client: &Client,
    release: RenderedRelease<'_>,
    options: &InstallOptions,
    rollout: &Rollout<'_>,
    progress: Progress<'_>,
) -> Result<Found, Error> {
    check_version(client)?;
    let has_namespace = check_namespace(client, release.namespace).await?;
    let changes = PlannedChanges {
        creates_namespace: !has_namespace,
        deletes: options.atomic,
        rolls_back: options.atomic,
    };
    let secret = SECRET.at(release.namespace, &options.ca_bundle_secret);
    let (permitted, alone, earlier, owned, has_secret) = tokio::join!(
        check_permissions(client, rollout, changes),
        check_other_meshes(client, release.owner(), options.enforces_single),
        async {
            match has_namespace {
                true => unfinished(client, release.owner(), progress).await,
                false => Ok(Vec::new()),
            }
        },
        check_owners(rollout, has_namespace, Operation::Install),
        async {
            match options.atomic && has_namespace && !options.ca_bundle_secret.is_empty() {
                true => Ok(client.get(&secret).await?.is_some()),
                false => Ok::<_, Error>(false),
            }
        },
    );
    permitted?;
    alone?;
    let earlier = earlier?;
    owned?;
    Ok(Found {
        has_namespace,
        earlier,
        has_secret: has_secret?,
    })
}

/// What a rollback removes besides the release.
struct Rollback {
    /// The revision that is rolled back.
    revision: i64,
    /// Whether the namespace was created for it.
    namespace: bool,
    /// The Secret with the root certificate, if there is one that did not exist before.
    ca_bundle_secret: Option<String>,
    /// Whether hooks may run: the post-delete hook would delete a root certificate that existed before.
    hooks: bool,
}

/// Removes what an installation created, as an uninstallation does. Returns whether it did: not if another process has
/// resumed the installation.
async fn roll_back(
    client: &Client,
    rollout: &Rollout<'_>,
    owner: Owner<'_>,
    rollback: Rollback,
    progress: Progress<'_>,
) -> Result<bool, Error> {
    let records = mesh_history(client, owner).await?;
    let newest = records.last().map(Record::revision);
    if newest.is_some_and(|newest| newest != rollback.revision) || !never_deployed(&records) {
        return Ok(false);
    }
    // A control plane that never started created nothing, and the image of the hook that would clean up may be as
    // hard to pull as the others.
    let has_started = rollout.has_started().await?;
    let hooks = rollback.hooks && has_started;
    let removal = Removal {
        timeout: ROLLBACK_TIMEOUT,
        hooks,
        ca_bundle_secret: rollback.ca_bundle_secret,
        webhooks: true,
        crds: false,
        namespace: rollback.namespace,
        history: false,
    };
    let removed = uninstall(client, owner, &removal, progress).await?;
    match removed.cleanup {
        Cleanup::Done if has_started && !hooks => progress(Event::MeshConfigMayRemain(None)),
        Cleanup::Done => {}
        failed => progress(Event::MeshConfigMayRemain(Some(&failed))),
    }
    Ok(true)
}

/// Sends everything as a dry run: the server judges every object and stores none. Returns its answers.
///
/// # Errors
/// As [`install`].
pub async fn dry_run(
    client: &Client,
    release: RenderedRelease<'_>,
    options: &InstallOptions,
    progress: Progress<'_>,
) -> Result<Vec<Value>, Error> {
    let on_rollout = |event: helm_release::rollout::Event<'_>| progress(Event::Rollout(event));
    let rollout = Rollout::prepare(client, release, options.rollout, &on_rollout).await?;
    let found = check(client, release, options, &rollout, progress).await?;
    if !found.has_namespace {
        let namespace = release.namespace;
        progress(Event::NamespaceNotValidated { namespace });
    }
    Ok(rollout.dry_run(found.has_namespace).await?)
}

/// Returns the records of earlier installations.
///
/// # Errors
/// One of them was finished, or another operation has to be finished first.
async fn unfinished(
    client: &Client,
    owner: Owner<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Record>, Error> {
    let release = owner.name;
    let records = mesh_history(client, owner).await?;
    let Some(last) = records.last() else {
        return Ok(records);
    };
    if last.is(Status::Uninstalled) {
        progress(Event::ContinuesHistory { release });
        return Ok(records);
    }
    // A later revision that failed is an upgrade of a mesh that was installed.
    let never_deployed = never_deployed(&records);
    let status = last.status_text();
    if never_deployed && last.name() == release {
        progress(Event::Resumes { release, status });
        return Ok(records);
    }
    Err(Error::AlreadyInstalled {
        mesh: owner.into(),
        version: last.app_version().to_owned(),
        status: status.to_owned(),
        unfinished: match last.status() {
            Some(Status::Uninstalling) => Some(Unfinished::Uninstalling),
            Some(Status::Failed) if never_deployed => {
                Some(Unfinished::InstallOfRelease(last.name().to_owned()))
            }
            Some(Status::Failed | Status::PendingUpgrade) => Some(Unfinished::Upgrade),
            Some(Status::PendingRollback) => Some(Unfinished::PendingRollback),
            _ => None,
        },
    })
}
