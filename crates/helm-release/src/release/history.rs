//! The revisions of releases, and what they left in the cluster.

use helm_chart::Object;
use tokio::time::Instant;

use super::error::ReleaseError;
use super::record::{Record, Status};
use crate::client::resource::SECRET;
use crate::client::{Client, ClientError, ObjectRef};
use crate::fields::text;

/// How many revisions are kept, as Helm does by default.
const KEPT_REVISIONS: usize = 10;

/// The records in a namespace.
#[derive(Debug, Default)]
pub struct Records {
    /// The records of all releases, the newest revision last.
    pub records: Vec<Record>,
    /// The records that cannot be decoded.
    pub damaged: Vec<DamagedRecord>,
}

/// A record that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedRecord {
    /// The Secret of the record.
    pub reference: ObjectRef,
    /// The release that its label names.
    pub release: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the records of all releases in a namespace.
///
/// # Errors
/// The server refuses the request.
pub async fn records(client: &Client, namespace: &str) -> Result<Records, ClientError> {
    let mut found = Records::default();
    for secret in client.list(&SECRET, namespace, "owner=helm").await? {
        let metadata = |key: &str| text(&secret, &["metadata", key]);
        let reference = SECRET.at(metadata("namespace"), metadata("name"));
        match Record::from_secret(&secret) {
            Ok(record) if record.reference() == reference => found.records.push(record),
            // A copy in another namespace or under another name is not a record.
            Ok(_) => {}
            Err(reason) => found.damaged.push(DamagedRecord {
                reference,
                release: text(&secret, &["metadata", "labels", "name"]).to_owned(),
                reason,
            }),
        }
    }
    found.records.sort_by_key(Record::revision);
    Ok(found)
}

/// Reads the records of a release, the newest revision last. The list is empty for an unknown release.
///
/// # Errors
/// A record of the release is damaged, or the server refuses the request.
pub async fn history(
    client: &Client,
    name: &str,
    namespace: &str,
) -> Result<Vec<Record>, ReleaseError> {
    let Records { records, damaged } = records(client, namespace).await?;
    if let Some(damaged) = damaged.into_iter().find(|damaged| damaged.release == name) {
        return Err(ReleaseError::Damaged {
            record: Box::new(damaged.reference),
            reason: damaged.reason,
        });
    }
    let records = records.into_iter();
    Ok(records.filter(|record| record.name() == name).collect())
}

/// Lists the records, newest first, since the release was last removed with its history kept; all if it never was.
pub fn since_uninstalled(records: &[Record]) -> impl Iterator<Item = &Record> {
    let newest_first = records.iter().rev();
    newest_first.take_while(|record| !record.is(Status::Uninstalled))
}

/// Returns whether no revision was ever installed completely.
pub fn never_deployed(records: &[Record]) -> bool {
    since_uninstalled(records).all(|r| r.is(Status::PendingInstall) || r.is(Status::Failed))
}

/// Removes the oldest records of a release if with its new one there are more than are kept.
///
/// Call it when the new revision is deployed: until then any record may be the only one to know an object.
///
/// # Errors
/// The server refuses a request.
pub(crate) async fn prune(client: &Client, earlier: &[Record]) -> Result<(), ClientError> {
    let excess = (earlier.len() + 1).saturating_sub(KEPT_REVISIONS);
    for record in earlier.iter().take(excess) {
        client.delete(&record.reference()).await?;
    }
    Ok(())
}

/// Marks the deployed revisions as superseded; see [`Record::store_until`].
///
/// # Errors
/// The server refuses a request.
pub(crate) async fn supersede(
    client: &Client,
    records: &[Record],
    end: Instant,
    on_retry: &dyn Fn(&ReleaseError),
) -> Result<(), ReleaseError> {
    for record in records.iter().filter(|record| record.is(Status::Deployed)) {
        let mut record = record.clone();
        let description = record.description().to_owned();
        record.set_status(Status::Superseded, &description);
        record.store_until(client, end, on_retry).await?;
    }
    Ok(())
}

/// Lists what a release may have in the cluster: the objects of its last deployed revision and of those that were
/// tried since. An object is listed once for each revision that has it, the newest last.
///
/// # Errors
/// A record is damaged, or the server refuses a request.
pub(crate) async fn deployed_objects(
    client: &Client,
    records: &[Record],
) -> Result<Vec<(ObjectRef, Object)>, ReleaseError> {
    let deployed = records.iter().rposition(|r| r.is(Status::Deployed));
    let mut objects = Vec::new();
    for record in records.iter().skip(deployed.unwrap_or_default()) {
        for object in record.objects()? {
            let reference = client.resolve_if_served(&object.value, record.namespace());
            if let Some(reference) = reference.await? {
                objects.push((reference, object));
            }
        }
    }
    Ok(objects)
}
