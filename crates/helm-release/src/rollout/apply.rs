//! Applies and deletes objects in Helm's order of kinds, those of one kind at the same time.

use helm_chart::install_rank;
use serde_json::Value;

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

/// Applies objects, which are in Helm's order; those of one kind at the same time.
///
/// # Errors
/// The first refusal.
pub(super) async fn apply(client: &Client, targets: &[Target]) -> Result<(), ClientError> {
    for group in targets.chunk_by(|a, b| rank(&a.reference) == rank(&b.reference)) {
        let requests = group
            .iter()
            .map(|target| client.apply(&target.reference, &target.object));
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
