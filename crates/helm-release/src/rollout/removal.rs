//! Removes the objects of a release, with its hooks.

use std::time::Duration;

use super::apply;
use super::event::{Event, Progress};
use super::hooks::{self, Hook};
use crate::client::{Client, ObjectRef};
use crate::error::Error;
use crate::release::{Ownership, Record, Status, deployed_objects, is_kept, never_deployed};
use crate::wait::{Deadline, PodProblem, Waiting, gone};

/// How the objects of a release are removed.
#[derive(Debug, Clone, Copy)]
pub struct RemovalOptions {
    /// Timeout of each step (zero: no timeout).
    pub timeout: Duration,
    /// Whether the hooks of the chart run.
    pub hooks: bool,
    /// Whether the namespace of the release is being deleted: no hook can run in it, and no record can be created.
    pub is_namespace_terminating: bool,
}

impl Default for RemovalOptions {
    /// Five minutes, with hooks, in a namespace that stays.
    fn default() -> RemovalOptions {
        RemovalOptions {
            timeout: Duration::from_mins(5),
            hooks: true,
            is_namespace_terminating: false,
        }
    }
}

/// Whether the post-delete hooks did their work.
#[derive(Debug)]
#[must_use]
pub enum Cleanup {
    /// They succeeded, or there was nothing to run.
    Done,
    /// One of them failed. The objects of the release are removed all the same.
    Failed(Error),
    /// They cannot run because this namespace is being deleted.
    NamespaceTerminating(String),
}

/// Removes the objects of a release and runs its hooks. `records` are its records, the newest last; they stay.
///
/// # Errors
/// A pre-delete hook failed, the server refuses a request, or objects are not gone in time.
pub async fn remove_release(
    client: &Client,
    records: &[Record],
    options: RemovalOptions,
    progress: Progress<'_>,
) -> Result<Cleanup, Error> {
    let Some(last) = records.last() else {
        return Ok(Cleanup::Done);
    };
    let is_terminating = options.is_namespace_terminating;
    let on_problem = |object: &ObjectRef, problem: &PodProblem| {
        progress(Event::PodProblem { object, problem });
    };
    let mut waiting = Waiting {
        deadline: Deadline::after(options.timeout),
        on_problem: &on_problem,
    };
    let hooks = own_hooks(client, last, progress).await?;
    let due: &[Hook] = match options.hooks && !is_terminating {
        true => &hooks,
        false => &[],
    };
    // In a namespace that is being deleted the record may be gone, and cannot be created again. What was never
    // deployed can be resumed by an installation as well as by a removal.
    if !last.is(Status::Uninstalling) && !is_terminating && !never_deployed(records) {
        let mut record = last.clone();
        record.set_status(Status::Uninstalling, "Deletion in progress");
        record.store(client).await?;
    }
    hooks::run(client, due, "pre-delete", waiting, progress).await?;
    let references = owned_objects(client, records, progress).await?;
    if !references.is_empty() {
        let objects = references.len();
        progress(Event::RemovingObjects { objects });
    }
    apply::remove(client, &references, waiting.deadline).await?;
    // The release is removed whether or not this succeeds.
    let mut cleanup = match hooks::run(client, due, "post-delete", waiting, progress).await {
        Ok(()) => Cleanup::Done,
        Err(error) => Cleanup::Failed(error),
    };
    let is_cleanup = |hook: &Hook| hook.events.iter().any(|event| event == "post-delete");
    let is_new = !last.is(Status::Uninstalling);
    if is_terminating && options.hooks && is_new && hooks.iter().any(is_cleanup) {
        cleanup = Cleanup::NamespaceTerminating(last.namespace().to_owned());
    }
    if !matches!(cleanup, Cleanup::Done) {
        // The hook may have taken all the time.
        waiting.deadline = Deadline::after(options.timeout);
    }
    apply::remove(client, &hooks::removable(&hooks), waiting.deadline).await?;
    Ok(cleanup)
}

/// Deletes objects and waits until they are gone (timeout zero: no timeout).
///
/// # Errors
/// The server refuses a request, or objects are not gone in time.
pub async fn delete_objects(
    client: &Client,
    references: &[ObjectRef],
    timeout: Duration,
) -> Result<(), Error> {
    apply::remove(client, references, Deadline::after(timeout)).await
}

/// Waits until deleted objects are gone (timeout zero: no timeout).
///
/// # Errors
/// The server refuses a request, or objects are not gone in time.
pub async fn await_deletion(
    client: &Client,
    references: Vec<ObjectRef>,
    timeout: Duration,
) -> Result<(), Error> {
    Ok(gone(client, references, Deadline::after(timeout)).await?)
}

/// Lists the hooks of a record, without those that have been replaced by an object of another owner.
async fn own_hooks(
    client: &Client,
    last: &Record,
    progress: Progress<'_>,
) -> Result<Vec<Hook>, Error> {
    let mut hooks = Vec::new();
    for object in &last.hooks()? {
        let reference = client.resolve_if_served(&object.value, last.namespace());
        let Some(reference) = reference.await? else {
            continue;
        };
        match client.get(&reference).await? {
            Some(found) if hooks::is_foreign(&found, last.owner()) => {
                progress(Event::StaysForeign {
                    object: &reference,
                    owner: &Ownership::read(&found),
                });
            }
            _ => hooks.push(Hook::new(reference, object)),
        }
    }
    Ok(hooks)
}

/// Lists the objects of a release that still belong to it.
async fn owned_objects(
    client: &Client,
    records: &[Record],
    progress: Progress<'_>,
) -> Result<Vec<ObjectRef>, Error> {
    let owner = records.last().map(Record::owner);
    let (mut references, mut seen) = (Vec::new(), Vec::new());
    for (reference, object) in deployed_objects(client, records).await?.into_iter().rev() {
        if seen.contains(&reference) {
            continue;
        }
        seen.push(reference.clone());
        if is_kept(&object.value) {
            progress(Event::StaysKept(&reference));
            continue;
        }
        match client.get(&reference).await? {
            None => {}
            Some(found) if owner.is_some_and(|owner| owner.owns(&found)) => {
                references.push(reference);
            }
            Some(found) => progress(Event::StaysForeign {
                object: &reference,
                owner: &Ownership::read(&found),
            }),
        }
    }
    Ok(references)
}
