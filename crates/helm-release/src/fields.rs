//! Reads fields of Kubernetes objects that are held as JSON.

pub use helm_chart::json::text;
use serde_json::Value;

/// Returns the items of the list at a key, or no items if the value is not a list.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let items = value.get(key).and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

/// Returns the items of the list at a JSON pointer (RFC 6901), or no items if the value is not a list.
pub(crate) fn list_at<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let items = value.pointer(pointer).and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

/// Returns a condition in the status of an object by its type.
pub(crate) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    list_at(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, &["type"]) == kind)
}

/// Returns whether an object has a condition with the status `True`.
pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, &["status"]) == "True")
}

/// Returns whether an object is being deleted.
pub fn is_terminating(object: &Value) -> bool {
    !text(object, &["metadata", "deletionTimestamp"]).is_empty()
}

/// Returns the label query of the Pods that a workload selects; empty if it selects none.
pub fn selector(workload: &Value) -> String {
    let labels = workload.pointer("/spec/selector/matchLabels");
    let labels: Vec<String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    labels.join(",")
}
