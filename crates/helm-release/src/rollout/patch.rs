//! Removes the fields that a new revision no longer has.

use helm_chart::Object;
use serde_json::{Map, Value};

use super::apply::Target;
use crate::client::{Client, ClientError, ObjectRef};

/// Removes the fields that the old objects had and the new ones lack.
///
/// A server-side apply removes only what the same field manager applied before; another tool may have installed the
/// last revision.
///
/// # Errors
/// The server refuses a request.
pub(super) async fn remove_fields(
    client: &Client,
    old: &[(ObjectRef, Object)],
    targets: &[Target],
) -> Result<(), ClientError> {
    for (reference, before) in old {
        let Some(target) = targets.iter().find(|target| target.reference == *reference) else {
            continue;
        };
        // Another version of the API may have another name for the same field.
        if target.reference.resource.api_version != reference.resource.api_version {
            continue;
        }
        let Some(patch) = removal(&before.value, &target.object) else {
            continue;
        };
        match client.merge(reference, &patch).await {
            // It is gone; applying creates it again.
            Err(error) if error.code() == Some(404) => {}
            done => drop(done?),
        }
    }
    Ok(())
}

/// Returns a merge patch that removes what is only in `old`; a list that lost something is replaced.
fn removal(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        let (Value::Array(before), Value::Array(after)) = (old, new) else {
            return None;
        };
        let lost = before.len() > after.len()
            || before
                .iter()
                .zip(after)
                .any(|(a, b)| removal(a, b).is_some());
        return lost.then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, before) in old {
        match new.get(key) {
            None => _ = patch.insert(key.clone(), Value::Null),
            Some(after) => {
                if let Some(inner) = removal(before, after) {
                    patch.insert(key.clone(), inner);
                }
            }
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_removes_only_fields_that_the_new_object_lacks() {
        let table = [
            (json!({"a": 1}), json!({"a": 2}), None),
            (
                json!({"a": {"b": 1, "c": 1}}),
                json!({"a": {"b": 1}}),
                Some(json!({"a": {"c": null}})),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"a": [1]}),
                Some(json!({"a": [1]})),
            ),
            (json!({"a": [1]}), json!({"a": [1, 2]}), None),
            (
                json!({"a": [{"n": "x", "v": 1}]}),
                json!({"a": [{"n": "x"}]}),
                Some(json!({"a": [{"n": "x"}]})),
            ),
        ];
        for (old, new, want) in table {
            assert_eq!(removal(&old, &new), want, "{old} {new}");
        }
    }
}
