//! Waits until the API server serves the kinds of a `CustomResourceDefinition`.

use std::time::Duration;

use super::deadline::Deadline;
use super::error::WaitError;
use crate::client::{Client, ObjectRef};
use crate::fields::{condition, has_condition, text};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until a `CustomResourceDefinition` is established.
///
/// # Errors
/// It is not established in time.
pub(crate) async fn served(
    client: &Client,
    definition: &ObjectRef,
    deadline: Deadline,
) -> Result<(), WaitError> {
    loop {
        let found = client.get(definition).await?.unwrap_or_default();
        if has_condition(&found, "Established") {
            return Ok(());
        }
        if deadline.is_over() {
            let names = condition(&found, "NamesAccepted");
            return Err(WaitError::NotServed {
                object: Box::new(definition.clone()),
                timeout: deadline.timeout(),
                reason: names.map_or_else(String::new, |c| text(c, &["message"]).to_owned()),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
