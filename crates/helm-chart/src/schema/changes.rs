//! Finds the parts of a schema that changed values must be checked against.

use serde_json::{Map, Value};

/// Returns the schema without the properties that have the same value in both maps, or `None` if that would change what
/// the rest of the schema means.
///
/// A property that has not changed was valid before, so that its schema is replaced by one that allows everything. Only
/// the chain of `properties` from the root is touched: what any other keyword contains is kept whole, because it may
/// depend on several values. A reference may point anywhere. Only `definitions` and `$defs` are never changed, so that
/// any other reference rules this out.
pub(super) fn of_changes(schema: &Value, values: &Value, valid: &Value) -> Option<Value> {
    if !refers_to_definitions_only(schema) {
        return None;
    }
    let mut schema = schema.clone();
    remove_unchanged(&mut schema, values, valid);
    Some(schema)
}

fn remove_unchanged(schema: &mut Value, values: &Value, valid: &Value) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for (key, property) in properties {
        match (values.get(key), valid.get(key)) {
            (new, old) if new == old => *property = Value::Object(Map::new()),
            (Some(new @ Value::Object(_)), Some(old @ Value::Object(_))) => {
                remove_unchanged(property, new, old);
            }
            _ => {}
        }
    }
}

/// Returns whether each reference names a schema in the definitions of the document.
fn refers_to_definitions_only(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().all(refers_to_definitions_only),
        Value::Object(map) => map.iter().all(|(key, value)| {
            let names_definition = |to: &Value| {
                let to = to.as_str().unwrap_or_default();
                to.starts_with("#/definitions/") || to.starts_with("#/$defs/")
            };
            let is_reference = matches!(key.as_str(), "$ref" | "$recursiveRef" | "$dynamicRef");
            (!is_reference || names_definition(value)) && refers_to_definitions_only(value)
        }),
        _ => true,
    }
}
