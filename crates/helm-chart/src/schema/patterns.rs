//! Converts the regular expressions of a schema: in Helm they are those of Go.

use serde_json::{Map, Value};

use super::SchemaError;
use crate::go_regex::{self, compiled_size};

/// Keywords whose value is a schema, or a list of schemas.
const SCHEMAS: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a map of schemas.
const MAPS: [&str; 6] = [
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Keywords whose value is data.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// How large all regular expressions may be together, in characters with their repetitions. Each that is used is compiled.
const MAX_SIZE: u64 = 1 << 20;

/// Returns the schema with its regular expressions in the syntax of the checker.
///
/// # Errors
/// An expression that Go does not accept, or expressions that are too large together.
pub(super) fn convert(schema: &Value) -> Result<Value, SchemaError> {
    if size(schema) > MAX_SIZE {
        return Err(SchemaError::new(format!(
            "the regular expressions of the schema have more than {MAX_SIZE} characters, counted with their \
             repetitions; shorten them"
        )));
    }
    schema_value(schema, true)
}

/// Returns the size of all regular expressions of a schema.
fn size(schema: &Value) -> u64 {
    let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
    match schema {
        Value::Array(items) => sum(&mut items.iter().map(size)),
        Value::Object(map) => {
            sum(
                &mut map.iter().map(|(key, value)| match (key.as_str(), value) {
                    ("pattern", Value::String(pattern)) => compiled_size(pattern),
                    ("patternProperties", Value::Object(map)) => {
                        sum(&mut map.iter().map(|(pattern, value)| {
                            compiled_size(pattern).saturating_add(size(value))
                        }))
                    }
                    (_, value) => size(value),
                }),
            )
        }
        _ => 0,
    }
}

/// Converts a schema. If it is not known to be one, because an unknown keyword contains it, invalid expressions stay.
fn schema_value(schema: &Value, is_schema: bool) -> Result<Value, SchemaError> {
    let each = |items: &[Value]| {
        items
            .iter()
            .map(|item| schema_value(item, is_schema))
            .collect()
    };
    let map = match schema {
        Value::Array(items) => return each(items),
        Value::Object(map) => map,
        other => return Ok(other.clone()),
    };
    let mut out = Map::new();
    for (key, value) in map {
        let converted = match (key.as_str(), value) {
            ("pattern", Value::String(pattern)) => expression(pattern, is_schema)?.into(),
            ("patternProperties", Value::Object(map)) => map
                .iter()
                .map(|(pattern, value)| {
                    let pattern = expression(pattern, is_schema)?;
                    Ok((pattern, schema_value(value, is_schema)?))
                })
                .collect::<Result<_, SchemaError>>()?,
            (key, Value::Object(map)) if MAPS.contains(&key) => map
                .iter()
                .map(|(name, value)| Ok((name.clone(), schema_value(value, is_schema)?)))
                .collect::<Result<_, SchemaError>>()?,
            (key, value) if DATA.contains(&key) => value.clone(),
            (key, value) => schema_value(value, is_schema && SCHEMAS.contains(&key))?,
        };
        out.insert(key.clone(), converted);
    }
    Ok(Value::Object(out))
}

fn expression(pattern: &str, is_schema: bool) -> Result<String, SchemaError> {
    match go_regex::to_rust(pattern) {
        Ok(converted) => Ok(converted),
        Err(_) if !is_schema => Ok(pattern.to_owned()),
        Err(reason) => Err(SchemaError::new(format!(
            "the schema is not valid: {pattern:?} is not a regular expression of Go (RE2): {reason}"
        ))),
    }
}
