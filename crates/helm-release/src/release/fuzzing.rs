//! What the fuzz target of records calls: [`super::records`] needs a cluster.

use serde_json::Value;

use super::record::Record;

/// Reads a record from its Secret.
///
/// # Errors
/// Describes what is wrong with it.
pub fn from_secret(secret: &Value) -> Result<Record, String> {
    Record::from_secret(secret)
}

/// Returns the Secret that holds a record.
pub fn to_secret(record: &Record) -> Value {
    record.to_secret()
}
