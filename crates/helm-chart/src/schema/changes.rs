//! Finds the parts of a schema that changed values must be checked against.

use serde_json::{Map, Value};

/// The keywords that refer to another schema.
const REFERENCES: [&str; 3] = ["$ref", "$recursiveRef", "$dynamicRef"];
/// The keywords of a document that contain the schemas to refer to.
const DEFINITIONS: [&str; 2] = ["definitions", "$defs"];

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
    // Draft 4 has no boolean schemas.
    let is_draft_4 = schema
        .get("$schema")
        .and_then(Value::as_str)
        .is_some_and(|draft| draft.contains("draft-04"));
    let anything = match is_draft_4 {
        true => Value::Object(Map::new()),
        false => Value::Bool(true),
    };
    let mut schema = schema.clone();
    remove_unchanged(&mut schema, values, valid, &anything);
    remove_unused_definitions(&mut schema);
    Some(schema)
}

fn remove_unchanged(schema: &mut Value, values: &Value, valid: &Value, anything: &Value) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for (key, property) in properties {
        match (values.get(key), valid.get(key)) {
            (new, old) if new == old => anything.clone_into(property),
            (Some(new @ Value::Object(_)), Some(old @ Value::Object(_))) => {
                remove_unchanged(property, new, old, anything);
            }
            _ => {}
        }
    }
}

/// Removes the definitions of the document if nothing refers to them any more. Compiling takes time for each.
fn remove_unused_definitions(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    let is_definitions = |key: &str| DEFINITIONS.contains(&key);
    let is_used = (map.iter()).any(|(key, value)| !is_definitions(key) && has_reference(value));
    if !is_used {
        map.retain(|key, _| !is_definitions(key));
    }
}

fn has_reference(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| REFERENCES.contains(&key.as_str()) || has_reference(value)),
        _ => false,
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
            let is_reference = REFERENCES.contains(&key.as_str());
            (!is_reference || names_definition(value)) && refers_to_definitions_only(value)
        }),
        _ => true,
    }
}
