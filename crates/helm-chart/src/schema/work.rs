//! Bounds the work of checking values: a schema whose parts refer to each other can apply the same part to a value any
//! number of times.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::SchemaError;

/// How often parts of a schema may be applied to values, each time to one value. Real charts need a few thousand. The
/// limit is lower in tests, which are not optimized.
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
/// Keywords whose URL makes a part a resource of its own.
const IDS: [&str; 2] = ["$id", "id"];
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
        index: None,
        chain: HashSet::new(),
        applied: 0,
    };
    walk.apply(document, values);
    match walk.is_too_much() {
        false => Ok(()),
        true => Err(SchemaError::new(format!(
            "the schema is too complex: its parts would be applied to these values more than {MAX_APPLIED} \
             times; let its parts refer to each other less often"
        ))),
    }
}

struct Walk<'s> {
    document: &'s Value,
    /// What references lead to; collected at the first reference.
    index: Option<Index<'s>>,
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
                self.apply_reference(schema, part, value);
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

    /// Applies what a reference of a part leads to: a pointer into the resource of the part, or a name.
    fn apply_reference(&mut self, schema: &'s Value, reference: &Value, value: &Value) {
        let Some(reference) = reference.as_str() else {
            return;
        };
        let document = self.document;
        let index = self.index.get_or_insert_with(|| Index::of(document));
        let (name, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let mut targets = match fragment.is_empty() || fragment.starts_with('/') {
            false => index.named(fragment),
            true => {
                let decoded = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
                let mut resources = index.named(last_segment(name));
                if resources.is_empty() {
                    resources.push(index.resource_of(schema).unwrap_or(document));
                }
                let target = |resource: &'s Value| resource.pointer(&decoded);
                resources.into_iter().filter_map(target).collect()
            }
        };
        targets.dedup_by_key(|target| std::ptr::from_ref(*target));
        for target in targets {
            self.apply(target, value);
        }
    }
}

/// What the references of a document can lead to.
#[derive(Default)]
struct Index<'s> {
    /// The parts that have a name. Of URLs only the last segment counts.
    named: HashMap<&'s str, Vec<&'s Value>>,
    /// The resources of parts that are not in the resource of the document: the nearest part around them with an `$id`
    /// (JSON Schema 2020-12, section 8.2.1). Pointers start there.
    resources: HashMap<*const Value, &'s Value>,
}

impl<'s> Index<'s> {
    fn of(document: &'s Value) -> Index<'s> {
        let mut index = Index::default();
        index.add(document, None, true);
        index
    }

    fn add(&mut self, schema: &'s Value, resource: Option<&'s Value>, is_document: bool) {
        match schema {
            Value::Array(parts) => parts
                .iter()
                .for_each(|part| self.add(part, resource, false)),
            Value::Object(parts) => {
                for name in NAMES.iter().filter_map(|key| parts.get(*key)?.as_str()) {
                    let named = self.named.entry(last_segment(name)).or_default();
                    named.push(schema);
                }
                let is_url = |key: &&str| {
                    let id = parts.get(*key).and_then(Value::as_str);
                    id.is_some_and(|id| !id.starts_with('#'))
                };
                let begins_resource = !is_document && IDS.iter().any(is_url);
                let resource = if begins_resource {
                    Some(schema)
                } else {
                    resource
                };
                if let Some(resource) = resource {
                    self.resources.insert(schema, resource);
                }
                parts
                    .values()
                    .for_each(|part| self.add(part, resource, false));
            }
            _ => {}
        }
    }

    fn named(&self, name: &str) -> Vec<&'s Value> {
        self.named.get(name).cloned().unwrap_or_default()
    }

    /// Returns the resource of a part; `None` for that of the document.
    fn resource_of(&self, schema: &Value) -> Option<&'s Value> {
        self.resources.get(&std::ptr::from_ref(schema)).copied()
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
            // The same pointer leads elsewhere from the document.
            (
                json!({"$ref": "part", "definitions": {"a0": {}, "x": {
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
