//! A rollout that is prepared and then started: runs hooks, applies objects, removes old ones, waits, and writes the record.

use std::sync::OnceLock;
use std::time::Duration;

use helm_chart::Object;
use serde_json::Value;

use super::apply::{Existing, Target, apply, remove};
use super::event::{Event, Progress};
use super::hooks::{self, Hook};
use super::{crds, permissions};
use crate::client::concurrent::at_once;
use crate::client::resource::{NAMESPACE, POD};
use crate::client::{Client, ClientError, ObjectRef, Permissions};
use crate::error::Error;
use crate::fields::{list_at, selector};
use crate::release::{
    Ownership, Record, ReleaseError, RenderedRelease, Status, deployed_objects, is_kept, prune,
    supersede,
};
use crate::wait::{Deadline, PodProblem, Waiting, is_awaited, ready};

/// How a release is rolled out.
#[derive(Debug, Clone, Copy)]
pub struct RolloutOptions {
    /// Timeout for hooks and waiting together (zero: no timeout).
    pub timeout: Duration,
    /// Whether to wait until everything is ready.
    pub wait: bool,
    /// Whether the hooks of the chart run.
    pub hooks: bool,
}

impl Default for RolloutOptions {
    /// Five minutes, with hooks and waiting.
    fn default() -> RolloutOptions {
        RolloutOptions {
            timeout: Duration::from_mins(5),
            wait: true,
            hooks: true,
        }
    }
}

/// How long a new namespace may take to go away again.
const NAMESPACE_REMOVAL: Duration = Duration::from_mins(1);

/// A release whose objects are resolved and that is ready to be rolled out.
pub struct Rollout<'r> {
    client: &'r Client,
    release: RenderedRelease<'r>,
    crds: Vec<Target>,
    targets: Vec<Target>,
    hooks: Vec<Hook>,
    /// The objects of the release that exist, once they were read.
    found: OnceLock<Vec<(ObjectRef, Value)>>,
    wait: bool,
    deadline: Deadline,
    progress: Progress<'r>,
}

/// What a rollout does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Install,
    Upgrade,
}

/// A rollout whose record is stored.
pub struct StartedRollout<'s> {
    rollout: &'s Rollout<'s>,
    operation: Operation,
    record: Record,
    /// The records of earlier revisions.
    earlier: &'s [Record],
    /// What earlier revisions left in the cluster.
    old: Vec<(ObjectRef, Object)>,
    created_namespace: bool,
}

impl<'r> Rollout<'r> {
    /// Resolves all objects of a release; the timeout starts.
    ///
    /// # Errors
    /// The cluster does not serve the kind of an object.
    pub async fn prepare(
        client: &'r Client,
        release: RenderedRelease<'r>,
        options: RolloutOptions,
        progress: Progress<'r>,
    ) -> Result<Rollout<'r>, ClientError> {
        let deadline = Deadline::after(options.timeout);
        let owner = release.owner();
        let (mut targets, mut hooks, mut crds) = (Vec::new(), Vec::new(), Vec::new());
        for object in release.crds {
            let reference = client.resolve(&object.value, release.namespace).await?;
            let object = object.value.clone();
            crds.push(Target { reference, object });
        }
        for object in release.objects {
            if object.is_hook() && !options.hooks {
                continue;
            }
            let reference = client.resolve(&object.value, release.namespace).await?;
            if object.is_hook() {
                hooks.push(Hook::new(reference, object));
            } else {
                let object = owner.mark(&object.value);
                targets.push(Target { reference, object });
            }
        }
        Ok(Rollout {
            client,
            release,
            crds,
            targets,
            hooks,
            found: OnceLock::new(),
            wait: options.wait,
            deadline,
            progress,
        })
    }

    /// Lists the permissions that the rollout needs; `deletes` if objects may have to be deleted.
    pub fn permissions(&self, deletes: bool) -> Permissions {
        let namespace = self.release.namespace;
        permissions::of_rollout(&self.crds, &self.targets, &self.hooks, namespace, deletes)
    }

    /// Finds objects in the cluster that have the same names and belong to another owner, with that owner; sorted.
    ///
    /// Hooks have no marks of a release, but the annotation of a hook. Nothing is looked for in the namespace of the
    /// release if it does not exist.
    ///
    /// # Errors
    /// The server refuses a request.
    pub async fn conflicts(
        &self,
        has_namespace: bool,
    ) -> Result<Vec<(ObjectRef, Ownership)>, ClientError> {
        let owner = self.release.owner();
        let may_exist =
            |target: &Target| has_namespace || target.reference.namespace != self.release.namespace;
        let targets = self.targets.iter().map(|target| (target, false));
        let hooks = self.hooks.iter().map(|hook| (&hook.target, true));
        let requests = targets
            .chain(hooks)
            .filter(|(target, _)| may_exist(target))
            .map(async |(target, is_hook)| {
                let found = self.client.get(&target.reference).await?;
                Ok(found.map(|object| (target.reference.clone(), object, is_hook)))
            });
        let answers: Vec<Option<_>> = at_once(requests).await?;
        let (mut conflicts, mut existing) = (Vec::new(), Vec::new());
        for (reference, object, is_hook) in answers.into_iter().flatten() {
            let is_foreign = match is_hook {
                true => hooks::is_foreign(&object, owner),
                false => !owner.owns(&object),
            };
            if is_foreign {
                conflicts.push((reference.clone(), Ownership::read(&object)));
            }
            existing.push((reference, object));
        }
        conflicts.sort_by_key(|(reference, _)| reference.to_string());
        // A second call finds nothing new: the first one is what the rollout started from.
        let _ = self.found.set(existing);
        Ok(conflicts)
    }

    /// Sends every object as a dry run and returns the answers: the server judges them and stores none. In a namespace
    /// that does not exist nothing can be judged; these objects are returned as they are.
    ///
    /// # Errors
    /// The server refuses an object.
    pub async fn dry_run(&self, has_namespace: bool) -> Result<Vec<Value>, ClientError> {
        let hooks = self.hooks.iter().map(|hook| &hook.target);
        let mut answers = Vec::new();
        for Target { reference, object } in self.targets.iter().chain(hooks) {
            let is_judged = has_namespace || reference.namespace.is_empty();
            answers.push(match is_judged {
                true => self.client.apply_dry_run(reference, object).await?,
                false => object.clone(),
            });
        }
        Ok(answers)
    }

    /// Starts an installation: creates the namespace if one is given, and stores the record of the revision.
    ///
    /// The record is stored before the first object, so that what is in the cluster can always be found. `earlier` are
    /// the records of earlier revisions, the newest last.
    ///
    /// # Errors
    /// An earlier record is damaged, another process installs the release, or the server refuses a request.
    pub async fn start_install<'s>(
        &'s self,
        earlier: &'s [Record],
        namespace: Option<&Value>,
    ) -> Result<StartedRollout<'s>, Error> {
        let old = deployed_objects(self.client, earlier).await?;
        let revision = earlier.last().map_or(1, |last| last.revision() + 1);
        let reference = NAMESPACE.at("", self.release.namespace);
        let created_namespace = match namespace {
            // Another process may create it at the same time.
            Some(object) => self.client.create(&reference, object).await?.is_some(),
            None => false,
        };
        let record = Record::new(&self.release, revision, Status::PendingInstall);
        if let Err(error) = record.store_new(self.client).await {
            let error = Error::from(error);
            let is_final = error.code().is_some_and(|code| code < 500 && code != 429);
            if created_namespace && is_final {
                // It is empty. After a temporary failure it stays: the next attempt finds it.
                let deadline = Deadline::after(NAMESPACE_REMOVAL);
                let _ = remove(self.client, &[reference], deadline).await;
            }
            return Err(error);
        }
        Ok(StartedRollout {
            rollout: self,
            operation: Operation::Install,
            record,
            earlier,
            old,
            created_namespace,
        })
    }

    /// Starts an upgrade: stores the record of the new revision. `earlier` are the records of earlier revisions, the
    /// newest last.
    ///
    /// # Errors
    /// An earlier record is damaged, another process upgrades the release, or the server refuses a request.
    pub async fn start_upgrade<'s>(
        &'s self,
        earlier: &'s [Record],
    ) -> Result<StartedRollout<'s>, Error> {
        let old = deployed_objects(self.client, earlier).await?;
        let revision = earlier.last().map_or(1, |last| last.revision() + 1);
        let mut record = Record::new(&self.release, revision, Status::PendingUpgrade);
        if let Some(last) = earlier.last() {
            record.keep_first_deployed(last);
        }
        record.store_new(self.client).await?;
        Ok(StartedRollout {
            rollout: self,
            operation: Operation::Upgrade,
            record,
            earlier,
            old,
            created_namespace: false,
        })
    }

    /// Returns whether a container of the release has ever started.
    ///
    /// # Errors
    /// The server refuses a request.
    pub async fn has_started(&self) -> Result<bool, ClientError> {
        for Target { reference, object } in &self.targets {
            let labels = selector(object);
            if labels.is_empty() || !is_awaited(&reference.resource) {
                continue;
            }
            let pods = self
                .client
                .list(&POD, &reference.namespace, &labels)
                .await?;
            if pods.iter().any(has_started_container) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Applies everything; `event` is `install` or `upgrade`, and `old` is what earlier revisions may have left.
    async fn run(&self, event: &str, old: &[(ObjectRef, Object)]) -> Result<(), Error> {
        let progress = self.progress;
        let on_problem = |object: &ObjectRef, problem: &PodProblem| {
            progress(Event::PodProblem { object, problem });
        };
        let waiting = Waiting {
            deadline: self.deadline,
            on_problem: &on_problem,
        };
        crds::create(self.client, &self.crds, self.deadline, progress).await?;
        let run_hooks = async |event: String| {
            hooks::run(self.client, &self.hooks, &event, waiting, progress).await
        };
        run_hooks(format!("pre-{event}")).await?;
        let objects = self.targets.len();
        progress(Event::Applying { objects });
        let found = self.found.get().map(Vec::as_slice);
        let existing = Existing { found, old };
        apply(self.client, &self.targets, &existing).await?;
        self.remove_stale(old).await?;
        if self.wait {
            progress(Event::Waiting);
            let references = self.targets.iter().map(|t| t.reference.clone());
            let references: Vec<ObjectRef> = references.collect();
            ready(self.client, &references, waiting).await?;
        }
        run_hooks(format!("post-{event}")).await
    }

    /// Deletes objects of the release that are no longer rendered.
    async fn remove_stale(&self, old: &[(ObjectRef, Object)]) -> Result<(), Error> {
        let owner = self.release.owner();
        let (mut stale, mut seen) = (Vec::new(), Vec::new());
        for (reference, object) in old.iter().rev() {
            let is_rendered = self.targets.iter().any(|t| t.reference == *reference);
            if is_rendered || seen.contains(&reference) {
                continue;
            }
            seen.push(reference);
            let found = self.client.get(reference).await?;
            if !is_kept(&object.value) && found.is_some_and(|found| owner.owns(&found)) {
                (self.progress)(Event::RemovingStale(reference));
                stale.push(reference.clone());
            }
        }
        remove(self.client, &stale, self.deadline).await
    }
}

impl StartedRollout<'_> {
    /// Returns the number of the revision.
    pub fn revision(&self) -> i64 {
        self.record.revision()
    }

    /// Returns whether the namespace was created for the release.
    pub fn created_namespace(&self) -> bool {
        self.created_namespace
    }

    /// Runs the hooks, applies the objects, removes what the release no longer has, and waits.
    ///
    /// # Errors
    /// The server refuses a request, or something is not ready in time. Objects that were applied stay.
    pub async fn run(&self) -> Result<(), Error> {
        let event = match self.operation {
            Operation::Install => "install",
            Operation::Upgrade => "upgrade",
        };
        self.rollout.run(event, &self.old).await
    }

    /// Records that the revision is deployed. Errors that may pass, such as a lost connection, are retried until the
    /// timeout of the rollout, and for at least half a minute.
    ///
    /// # Errors
    /// The record is gone, or the server refuses a request.
    pub async fn finish(mut self) -> Result<(), Error> {
        let client = self.rollout.client;
        let description = match self.operation {
            Operation::Install => "Install complete",
            Operation::Upgrade => "Upgrade complete",
        };
        let (progress, end) = (self.rollout.progress, self.rollout.deadline.for_record());
        let on_retry = |error: &ReleaseError| progress(Event::StoresRecordAgain(error));
        self.record.set_status(Status::Deployed, description);
        self.record.store_until(client, end, &on_retry).await?;
        if self.operation == Operation::Upgrade {
            supersede(client, self.earlier, end, &on_retry).await?;
        }
        if let Err(error) = prune(client, self.earlier).await {
            // The release is deployed, and the next revision prunes again.
            progress(Event::OldRecordStays(&error));
        }
        Ok(())
    }

    /// Records that the revision failed. An error is ignored: the one to report is why the revision failed.
    pub async fn fail(mut self, error: &Error) {
        self.record.set_status(Status::Failed, &error.headline());
        let _ = self.record.store(self.rollout.client).await;
    }
}

/// Returns whether a container of a Pod has started, even if it has ended since.
fn has_started_container(pod: &Value) -> bool {
    let states = [
        "/state/running",
        "/state/terminated",
        "/lastState/terminated",
    ];
    list_at(pod, "/status/containerStatuses")
        .iter()
        .any(|status| states.iter().any(|state| status.pointer(state).is_some()))
}
