//! Applies and deletes objects in Helm's order of kinds, those of one kind at the same time.

use helm_chart::{Object, install_rank};
use serde_json::Value;

use super::takeover::take_over;
use crate::client::concurrent::at_once;
use crate::client::{Client, ClientError, Deleted, ObjectRef};
use crate::error::Error;
use crate::wait::{Deadline, gone};

/// An object and where it is applied.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where it is applied.
    pub reference: ObjectRef,
    /// What is applied.
    pub object: Value,
}

/// What the cluster has before objects are applied.
pub(super) struct Existing<'e> {
    /// The objects that exist, as they were read; `None` if they were not read.
    pub found: Option<&'e [(ObjectRef, Value)]>,
    /// The manifests of earlier revisions.
    pub old: &'e [(ObjectRef, Object)],
}

/// Applies objects, which are in Helm's order; those of one kind at the same time. Fields that earlier installers of an
/// object set, and that it no longer has, are removed.
///
/// # Errors
/// The first refusal.
pub(super) async fn apply(
    client: &Client,
    targets: &[Target],
    existing: &Existing<'_>,
) -> Result<(), ClientError> {
    for group in targets.chunk_by(|a, b| rank(&a.reference) == rank(&b.reference)) {
        let requests = group.iter().map(async |Target { reference, object }| {
            let read;
            let found = match existing.found {
                Some(found) => found.iter().find(|(known, _)| known == reference),
                None => {
                    read = client
                        .get(reference)
                        .await?
                        .map(|found| (reference.clone(), found));
                    read.as_ref()
                }
            };
            if let Some((_, found)) = found {
                let old = existing.old.iter().filter(|(known, _)| known == reference);
                let old: Vec<&Value> = old.map(|(_, object)| &object.value).collect();
                take_over(client, reference, found, object, &old).await?;
            }
            client.apply(reference, object).await
        });
        at_once(requests).await?;
    }
    Ok(())
}

fn rank(reference: &ObjectRef) -> impl Ord {
    install_rank(&reference.resource.kind)
}

/// Deletes objects against Helm's order, and returns those that have not terminated yet.
///
/// # Errors
/// The first refusal.
pub(super) async fn delete(
    client: &Client,
    references: &[ObjectRef],
) -> Result<Vec<ObjectRef>, ClientError> {
    let mut references = references.to_vec();
    references.sort_by(|a, b| rank(b).cmp(&rank(a)));
    let mut terminating = Vec::new();
    for group in references.chunk_by(|a, b| a.resource.kind == b.resource.kind) {
        let requests = group
            .iter()
            .map(async |reference| Ok((reference.clone(), client.delete(reference).await?)));
        let answers: Vec<_> = at_once(requests).await?;
        let remaining = answers
            .into_iter()
            .filter(|(_, deleted)| *deleted == Deleted::Terminating);
        terminating.extend(remaining.map(|(reference, _)| reference));
    }
    Ok(terminating)
}

/// Deletes objects against Helm's order, and waits until they are gone.
///
/// # Errors
/// The first refusal, or some objects still exist when the time is over.
pub(super) async fn remove(
    client: &Client,
    references: &[ObjectRef],
    deadline: Deadline,
) -> Result<(), Error> {
    let terminating = delete(client, references).await?;
    Ok(gone(client, terminating, deadline).await?)
}
