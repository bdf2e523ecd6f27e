//! Waits until objects that were deleted are gone.

use std::time::Duration;

use serde_json::Value;

use super::deadline::Deadline;
use super::error::{RemainingObject, WaitError};
use crate::client::{Client, ObjectRef};
use crate::fields::{list_at, text};

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until objects that were deleted are gone.
///
/// # Errors
/// Some still exist when the time is over.
pub(crate) async fn gone(
    client: &Client,
    mut references: Vec<ObjectRef>,
    deadline: Deadline,
) -> Result<(), WaitError> {
    let mut pause = PAUSE / 8;
    loop {
        let mut remaining = Vec::new();
        for reference in references {
            if let Some(object) = client.get(&reference).await? {
                remaining.push((reference, object));
            }
        }
        if remaining.is_empty() {
            return Ok(());
        }
        if deadline.is_over() {
            let remaining = remaining.into_iter();
            return Err(WaitError::NotGone {
                timeout: deadline.timeout(),
                objects: remaining.map(|(r, object)| describe(r, &object)).collect(),
            });
        }
        references = remaining.into_iter().map(|(r, _)| r).collect();
        tokio::time::sleep(pause).await;
        pause = PAUSE.min(pause * 2);
    }
}

fn describe(reference: ObjectRef, object: &Value) -> RemainingObject {
    let finalizers = list_at(object, "/metadata/finalizers").iter();
    RemainingObject {
        object: reference,
        finalizers: finalizers
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        messages: blocking_conditions(object).map(str::to_owned).collect(),
    }
}

/// Lists what a namespace that is being deleted reports as blocking it.
fn blocking_conditions(object: &Value) -> impl Iterator<Item = &str> {
    let blocks = |condition: &&Value| {
        text(condition, &["status"]) == "True"
            && text(condition, &["type"]).starts_with("Namespace")
    };
    let conditions = list_at(object, "/status/conditions").iter().filter(blocks);
    conditions.map(|condition| text(condition, &["message"]))
}
