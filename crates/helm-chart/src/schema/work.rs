//! Bounds the work of checking values: a schema whose parts refer to each other can apply the same part to a value any
//! number of times.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::SchemaError;

/// How often parts of a schema may be applied to values, each time to one value. Real charts need a few thousand. Tests,
/// which are not optimized, may less.
const MAX_APPLIED: usize = if cfg!(test) { 20_000 } else { 1_000_000 };

/// Keywords whose schemas apply to the value itself.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "else", "if", "not", "oneOf", "then"];
/// Keywords whose map of schemas applies to the value itself.
const IN_PLACE_MAPS: [&str; 2] = ["dependencies", "dependentSchemas"];
/// Keywords whose schema applies to values of a map that `properties` does not name.
const OTHER_PROPERTIES: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];
/// Keywords whose schema applies to each item of a list.
const EACH_ITEM: [&str; 3] = ["additionalItems", "contains", "unevaluatedItems"];
/// Keywords whose list of schemas applies to the items of a list, one to one.
const ITEMS: [&str; 2] = ["items", "prefixItems"];
/// Keywords that refer to another part of the schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Keywords that name a part of the schema.
const NAMES: [&str; 4] = ["$anchor", "$dynamicAnchor", "$id", "id"];

/// Checks that the work of checking `values` is bounded. It is estimated too high, never too low: all patterns are
/// taken to match, and all conditions to hold.
///
/// # Errors
/// It would be too much.
pub(super) fn check(document: &Value, values: &Value) -> Result<(), SchemaError> {
    let mut walk = Walk {
        document,
        named: None,
        chain: HashSet::new(),
        applied: 0,
    };
    walk.apply(document, values);
    match walk.is_too_much() {
        false => Ok(()),
        true => Err(SchemaError::new(format!(
            "the schema is too complex: its parts would be applied to these values more than {MAX_APPLIED} times"
        ))),
    }
}

struct Walk<'s> {
    document: &'s Value,
    /// The parts that have a name, by the last segment of it; found when they are needed.
    named: Option<HashMap<&'s str, Vec<&'s Value>>>,
    /// The parts that are being applied to the current value. The checker reports a part that applies itself.
    chain: HashSet<*const Value>,
    applied: usize,
}

impl<'s> Walk<'s> {
    fn is_too_much(&self) -> bool {
        self.applied > MAX_APPLIED
    }

    fn apply(&mut self, schema: &'s Value, value: &Value) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        if self.is_too_much() || !self.chain.insert(schema) {
            return;
        }
        let choices = keywords.get("enum").and_then(Value::as_array);
        self.applied += 1 + choices.map_or(0, Vec::len);
        for (keyword, part) in keywords {
            let keyword = keyword.as_str();
            if REFERENCES.contains(&keyword) {
                self.apply_reference(part, value);
            } else if IN_PLACE.contains(&keyword) {
                self.apply_all(part, value);
            } else if IN_PLACE_MAPS.contains(&keyword) {
                for part in part.as_object().into_iter().flat_map(|map| map.values()) {
                    self.apply(part, value);
                }
            }
        }
        self.chain.remove(&std::ptr::from_ref(schema));
        // Values inside of this one have chains of their own.
        let chain = std::mem::take(&mut self.chain);
        for (keyword, part) in keywords {
            self.apply_inside(keyword, part, keywords.get("properties"), value);
        }
        self.chain = chain;
    }

    /// Applies a schema, or each of a list.
    fn apply_all(&mut self, part: &'s Value, value: &Value) {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| self.apply(part, value)),
            part => self.apply(part, value),
        }
    }

    /// Applies a keyword to the values in a map or a list.
    fn apply_inside(
        &mut self,
        keyword: &str,
        part: &'s Value,
        properties: Option<&Value>,
        value: &Value,
    ) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (keyword, part) {
                        ("properties", part) => {
                            part.get(key)
                                .into_iter()
                                .for_each(|part| self.apply(part, value));
                        }
                        ("patternProperties", Value::Object(parts)) => {
                            parts.values().for_each(|part| self.apply(part, value));
                        }
                        ("propertyNames", part) => self.apply(part, &Value::Null),
                        (keyword, part) if OTHER_PROPERTIES.contains(&keyword) => {
                            if properties.is_none_or(|known| known.get(key).is_none()) {
                                self.apply(part, value);
                            }
                        }
                        _ => return,
                    }
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    match part {
                        Value::Array(parts) if ITEMS.contains(&keyword) => {
                            parts
                                .get(i)
                                .into_iter()
                                .for_each(|part| self.apply(part, value));
                        }
                        part if keyword == "items" || EACH_ITEM.contains(&keyword) => {
                            self.apply(part, value);
                        }
                        _ => return,
                    }
                }
            }
            _ => {}
        }
    }

    /// Applies what a reference (a pointer into the document, or the name of a part) leads to.
    fn apply_reference(&mut self, reference: &Value, value: &Value) {
        let Some(reference) = reference.as_str() else {
            return;
        };
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let mut starts = self.named(last_segment(name));
        if starts.is_empty() {
            starts.push(self.document);
        }
        let targets = match fragment.is_empty() || fragment.starts_with('/') {
            false => self.named(fragment),
            true => {
                let decoded = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
                let target = |start: &'s Value| start.pointer(&decoded);
                let targets: Vec<_> = starts.into_iter().filter_map(target).collect();
                match targets.is_empty() {
                    // A pointer is relative to the part with an `$id` around it.
                    true => self.all_named().filter_map(target).collect(),
                    false => targets,
                }
            }
        };
        for target in targets {
            self.apply(target, value);
        }
    }

    fn index(&mut self) -> &HashMap<&'s str, Vec<&'s Value>> {
        self.named.get_or_insert_with(|| {
            let mut named = HashMap::new();
            collect_named(self.document, &mut named);
            named
        })
    }

    fn named(&mut self, name: &str) -> Vec<&'s Value> {
        match name {
            "" => Vec::new(),
            name => self.index().get(name).cloned().unwrap_or_default(),
        }
    }

    fn all_named(&mut self) -> impl Iterator<Item = &'s Value> {
        self.index().values().flatten().copied()
    }
}

/// Collects the parts that have a name. Of URLs only the last segment counts.
fn collect_named<'s>(schema: &'s Value, named: &mut HashMap<&'s str, Vec<&'s Value>>) {
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| collect_named(part, named)),
        Value::Object(parts) => {
            for name in NAMES.iter().filter_map(|key| parts.get(*key)?.as_str()) {
                named.entry(last_segment(name)).or_default().push(schema);
            }
            parts.values().for_each(|part| collect_named(part, named));
        }
        _ => {}
    }
}

fn last_segment(name: &str) -> &str {
    let name = name.trim_end_matches(['#', '/']);
    name.rsplit(['/', '#', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain of parts, each of which applies the next one twice.
    fn doubling(twice: impl Fn(usize) -> Value) -> Value {
        let mut parts: serde_json::Map<String, Value> =
            (0..40).map(|i| (format!("a{i}"), twice(i + 1))).collect();
        parts.insert("a40".to_owned(), json!({"type": "object"}));
        json!({"$ref": "#/definitions/a0", "definitions": parts})
    }

    #[test]
    fn schemas_whose_work_doubles_at_each_step_are_refused() {
        let pointer = |i: usize| format!("#/definitions/a{i}");
        let nested = (0..60).fold(json!({}), |inner, _| json!({"a": inner}));
        let table = [
            (
                doubling(|i| json!({"allOf": [{"$ref": pointer(i)}, {"$ref": pointer(i)}]})),
                json!({}),
            ),
            (
                doubling(|i| json!({"if": {"$ref": pointer(i)}, "then": {"$ref": pointer(i)}})),
                json!({}),
            ),
            (
                doubling(
                    |i| json!({"$anchor": format!("n{}", i - 1), "anyOf": [{"$ref": format!("#n{i}")}, {"not": {"$ref": format!("#n{i}")}}]}),
                ),
                json!({}),
            ),
            (
                doubling(
                    |i| json!({"$id": format!("http://a/n{}", i - 1), "oneOf": [{"$ref": format!("n{i}")}, {"$ref": format!("n{i}")}]}),
                ),
                json!({}),
            ),
            (
                doubling(
                    |i| json!({"dependentSchemas": {"a": {"$ref": pointer(i)}, "b": {"$ref": pointer(i)}}}),
                ),
                json!({"a": 1, "b": 1}),
            ),
            // The same at each level of the values.
            (
                json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}),
                nested.clone(),
            ),
            (
                json!({"additionalProperties": {"$ref": "#"}, "patternProperties": {"a": {"$ref": "#"}}}),
                nested,
            ),
            (
                json!({"items": {"$recursiveRef": "#"}, "contains": {"$recursiveRef": "#"}}),
                (0..60).fold(json!([]), |inner, _| json!([inner])),
            ),
            // Pointers that are relative to the part around them.
            (
                json!({"$ref": "part", "definitions": {"x": {
                    "$id": "http://a/part", "$ref": "#/definitions/a0",
                    "definitions": doubling(|i| json!({"allOf": [{"$ref": pointer(i)}, {"$ref": pointer(i)}]}))["definitions"],
                }}}),
                json!({}),
            ),
        ];
        for (schema, values) in table {
            let error = check(&schema, &values).expect_err(&schema.to_string());
            assert!(error.message.contains("too complex"), "{error}");
        }
    }

    #[test]
    fn recursive_schemas_are_checked_once_at_each_level() {
        let schema = json!({"properties": {"a": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]});
        let values = (0..400).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(check(&schema, &values).is_ok());
        // The checker says that this refers to itself without end.
        let cycle = doubling(|_| json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}));
        assert!(check(&cycle, &json!({})).is_ok());
    }
}
