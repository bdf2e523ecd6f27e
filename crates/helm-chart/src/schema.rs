//! Checks values against a chart's `values.schema.json` (JSON Schema, drafts 4 to 2020-12).
//!
//! The keywords that charts use are known here, and a schema that uses another assertion is refused
//! rather than half applied. A complete validator was measured at four megabytes of binary; this one
//! also says which key was meant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::error::Violation;
use crate::nearest::nearest;

/// Keywords that say nothing about whether a value fits.
const ANNOTATIONS: [&str; 17] = [
    "$schema",
    "$id",
    "id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "definitions",
    "$defs",
    "format",
    "readOnly",
    "writeOnly",
    "deprecated",
    "contentMediaType",
    "contentEncoding",
    "then",
];

/// How deeply `$ref`s may lead; a schema can refer to itself.
const MAX_DEPTH: usize = 100;

/// Everything in `values` that the schema refuses.
///
/// # Errors
/// A schema that is no JSON, or uses what is not supported.
pub(super) fn check(schema: &str, values: &Value) -> Result<Vec<Violation>, String> {
    let root: Value = serde_json::from_str(schema)
        .map_err(|e| format!("{}:{}: the schema is not JSON: {e}", e.line(), e.column()))?;
    let mut checker = Checker {
        root: &root,
        path: Vec::new(),
        depth: 0,
        patterns: HashMap::new(),
    };
    checker.check(&root, values)
}

struct Checker<'s> {
    root: &'s Value,
    path: Vec<String>,
    depth: usize,
    /// Compiled once each: the same pattern checks many values.
    patterns: HashMap<&'s str, Regex>,
}

type Outcome = Result<Vec<Violation>, String>;

impl<'s> Checker<'s> {
    fn violation(&self, message: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            message: message.into(),
        }
    }

    fn check(&mut self, schema: &'s Value, value: &Value) -> Outcome {
        let schema = match schema {
            Value::Bool(true) => return Ok(Vec::new()),
            Value::Bool(false) => return Ok(vec![self.violation("no value is allowed here")]),
            Value::Object(schema) => schema,
            _ => return Err("a schema has to be an object, true or false".to_owned()),
        };
        if self.depth >= MAX_DEPTH {
            return Err(format!("the schema is nested more than {MAX_DEPTH} deep"));
        }
        self.depth += 1;
        let outcome = self.keywords(schema, value);
        self.depth -= 1;
        outcome
    }

    fn keywords(&mut self, schema: &'s Map<String, Value>, value: &Value) -> Outcome {
        let mut found = Vec::new();
        for (keyword, rule) in schema {
            found.extend(self.keyword(schema, keyword, rule, value)?);
        }
        Ok(found)
    }

    fn keyword(
        &mut self,
        schema: &'s Map<String, Value>,
        keyword: &str,
        rule: &'s Value,
        value: &Value,
    ) -> Outcome {
        let one = |fits: bool, message: &dyn Fn() -> String, this: &Self| {
            Ok(if fits {
                Vec::new()
            } else {
                vec![this.violation(message())]
            })
        };
        let limit = || {
            rule.as_f64()
                .ok_or_else(|| format!("{keyword} has to be a number"))
        };
        let shown = || crate::json::compact(value);
        match keyword {
            "$ref" => {
                let target = self.resolve(rule)?;
                self.check(target, value)
            }
            "type" => {
                let types: Vec<&str> = match rule {
                    Value::String(one) => vec![one],
                    Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
                    _ => return Err("type has to be a name or a list of names".to_owned()),
                };
                let fits = types.iter().any(|t| is_of_type(value, t));
                one(
                    fits,
                    &|| format!("has to be {}, not {}", types.join(" or "), shown()),
                    self,
                )
            }
            "enum" => {
                let options = rule.as_array().ok_or("enum has to be a list")?;
                let fits = options.iter().any(|o| equal(o, value));
                let message = || {
                    let names: Vec<String> = options.iter().map(crate::json::compact).collect();
                    let near = value
                        .as_str()
                        .and_then(|v| nearest(v, options.iter().filter_map(Value::as_str)))
                        .map(|near| format!("; did you mean {near:?}?"))
                        .unwrap_or_default();
                    format!(
                        "has to be one of {}, not {}{near}",
                        names.join(", "),
                        shown()
                    )
                };
                one(fits, &message, self)
            }
            "const" => one(
                equal(rule, value),
                &|| format!("has to be {}, not {}", crate::json::compact(rule), shown()),
                self,
            ),
            "properties" | "patternProperties" | "additionalProperties" => {
                self.properties(schema, keyword, rule, value)
            }
            "propertyNames" => {
                let mut found = Vec::new();
                for key in value.as_object().into_iter().flat_map(Map::keys) {
                    let name = Value::from(key.as_str());
                    for violation in self.check(rule, &name)? {
                        found
                            .push(self.violation(format!("the key {key:?} {}", violation.message)));
                    }
                }
                Ok(found)
            }
            "required" => {
                let Some(map) = value.as_object() else {
                    return Ok(Vec::new());
                };
                let names = rule.as_array().ok_or("required has to be a list")?;
                let missing = names
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|n| !map.contains_key(*n));
                Ok(missing
                    .map(|name| {
                        let path = [self.path.as_slice(), &[name.to_owned()]].concat();
                        Violation {
                            path,
                            message: "has to be set".to_owned(),
                        }
                    })
                    .collect())
            }
            "minProperties" | "maxProperties" | "minItems" | "maxItems" | "minLength"
            | "maxLength" => self.size(keyword, limit()?, value),
            "items" | "prefixItems" | "additionalItems" => self.items(schema, keyword, rule, value),
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let twice = items.iter().enumerate().any(|(i, a)| {
                    items
                        .get(..i)
                        .unwrap_or_default()
                        .iter()
                        .any(|b| equal(a, b))
                });
                one(
                    !twice || *rule == Value::Bool(false),
                    &|| "has the same item twice".to_owned(),
                    self,
                )
            }
            "pattern" => {
                let pattern = rule.as_str().ok_or("pattern has to be a text")?;
                let regex = self.regex(pattern)?;
                let fits = value.as_str().is_none_or(|s| regex.is_match(s));
                let what = schema.get("description").and_then(Value::as_str);
                one(
                    fits,
                    &|| match what {
                        Some(what) => format!("is not valid: {} ({what})", shown()),
                        None => format!("is not valid: {} (it has to match {pattern})", shown()),
                    },
                    self,
                )
            }
            "minimum" => {
                let min = limit()?;
                let strict = schema.get("exclusiveMinimum") == Some(&Value::Bool(true));
                let fits = value
                    .as_f64()
                    .is_none_or(|n| if strict { n > min } else { n >= min });
                one(
                    fits,
                    &|| format!("has to be at least {min}, not {}", shown()),
                    self,
                )
            }
            "maximum" => {
                let max = limit()?;
                let strict = schema.get("exclusiveMaximum") == Some(&Value::Bool(true));
                let fits = value
                    .as_f64()
                    .is_none_or(|n| if strict { n < max } else { n <= max });
                one(
                    fits,
                    &|| format!("has to be at most {max}, not {}", shown()),
                    self,
                )
            }
            "exclusiveMinimum" | "exclusiveMaximum" if rule.is_boolean() => Ok(Vec::new()),
            "exclusiveMinimum" => {
                let min = limit()?;
                one(
                    value.as_f64().is_none_or(|n| n > min),
                    &|| format!("has to be more than {min}"),
                    self,
                )
            }
            "exclusiveMaximum" => {
                let max = limit()?;
                one(
                    value.as_f64().is_none_or(|n| n < max),
                    &|| format!("has to be less than {max}"),
                    self,
                )
            }
            "multipleOf" => {
                let unit = limit()?;
                let fits = value.as_f64().is_none_or(|n| (n / unit).fract() == 0.0);
                one(fits, &|| format!("has to be a multiple of {unit}"), self)
            }
            "allOf" => {
                let mut found = Vec::new();
                for part in list(rule, keyword)? {
                    found.extend(self.check(part, value)?);
                }
                Ok(found)
            }
            "anyOf" | "oneOf" => self.alternatives(keyword, rule, value),
            "not" => {
                let fits = self.check(rule, value)?.is_empty();
                one(!fits, &|| format!("is not allowed: {}", shown()), self)
            }
            "if" => {
                let branch = if self.check(rule, value)?.is_empty() {
                    "then"
                } else {
                    "else"
                };
                schema
                    .get(branch)
                    .map_or(Ok(Vec::new()), |part| self.check(part, value))
            }
            "else" => Ok(Vec::new()),
            keyword if ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-") => {
                Ok(Vec::new())
            }
            other => Err(format!(
                "the schema uses {other:?}, which osm does not know"
            )),
        }
    }

    fn regex(&mut self, text: &'s str) -> Result<&Regex, String> {
        match self.patterns.entry(text) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let regex = Regex::new(text)
                    .map_err(|e| format!("{text:?} is no regular expression: {e}"))?;
                Ok(entry.insert(regex))
            }
        }
    }

    fn resolve(&self, rule: &Value) -> Result<&'s Value, String> {
        let text = rule.as_str().ok_or("$ref has to be a text")?;
        let pointer = text
            .strip_prefix('#')
            .ok_or_else(|| format!("$ref {text:?}: only references into the same file are read"))?;
        let plain = pointer.strip_prefix('/').filter(|keys| !keys.contains('~'));
        plain
            .and_then(|keys| {
                keys.split('/')
                    .try_fold(self.root, |inside, key| inside.get(key))
            })
            // The whole of RFC 6901 (escapes, lists) takes several times as long.
            .or_else(|| self.root.pointer(pointer))
            .ok_or_else(|| format!("$ref {text:?} leads nowhere"))
    }

    fn inside(&mut self, key: &str, schema: &'s Value, value: &Value) -> Outcome {
        self.path.push(key.to_owned());
        let outcome = self.check(schema, value);
        self.path.pop();
        outcome
    }

    /// The keywords that bound how many keys, items or characters there are.
    fn size(&self, keyword: &str, limit: f64, value: &Value) -> Outcome {
        let ([min, max], noun, size) = match value {
            Value::Object(map) if keyword.ends_with("Properties") => (COUNTED, "keys", map.len()),
            Value::Array(items) if keyword.ends_with("Items") => (COUNTED, "items", items.len()),
            Value::String(text) if keyword.ends_with("Length") => {
                (["has to have"; 2], "characters", text.chars().count())
            }
            _ => return Ok(Vec::new()),
        };
        let (fits, bound) = match keyword.starts_with("min") {
            true => (length(size) >= limit, format!("{min} at least")),
            false => (length(size) <= limit, format!("{max} at most")),
        };
        Ok(match fits {
            true => Vec::new(),
            false => vec![self.violation(format!("{bound} {limit} {noun}"))],
        })
    }

    fn properties(
        &mut self,
        schema: &'s Map<String, Value>,
        keyword: &str,
        rule: &'s Value,
        value: &Value,
    ) -> Outcome {
        let mut found = Vec::new();
        let Some(map) = value.as_object() else {
            return Ok(found);
        };
        let known = schema.get("properties").and_then(Value::as_object);
        for (key, value) in map {
            let named = known.and_then(|known| known.get(key));
            match keyword {
                "properties" => {
                    if let Some(part) = named {
                        found.extend(self.inside(key, part, value)?);
                    }
                }
                "patternProperties" => {
                    for (name, part) in rule.as_object().into_iter().flatten() {
                        if self.regex(name)?.is_match(key) {
                            found.extend(self.inside(key, part, value)?);
                        }
                    }
                }
                _ => {
                    let patterns = schema.get("patternProperties").and_then(Value::as_object);
                    let mut matched = named.is_some();
                    for name in patterns.into_iter().flat_map(Map::keys) {
                        matched = matched || self.regex(name)?.is_match(key);
                    }
                    if matched {
                        continue;
                    }
                    if *rule == Value::Bool(false) {
                        found.push(self.unknown(key, known));
                    } else {
                        found.extend(self.inside(key, rule, value)?);
                    }
                }
            }
        }
        Ok(found)
    }

    fn unknown(&self, key: &str, known: Option<&Map<String, Value>>) -> Violation {
        let path = [self.path.as_slice(), &[key.to_owned()]].concat();
        let prefix: String = self.path.iter().map(|part| format!("{part}.")).collect();
        let near = nearest(
            key,
            known.into_iter().flat_map(Map::keys).map(String::as_str),
        );
        let hint = match near {
            Some(near) => format!("; did you mean {prefix}{near}?"),
            None => match known {
                Some(known) if !known.is_empty() && known.len() <= 12 => {
                    let names: Vec<&str> = known.keys().map(String::as_str).collect();
                    format!("; there are: {}", names.join(", "))
                }
                _ => String::new(),
            },
        };
        Violation {
            path,
            message: format!("there is no such value{hint}"),
        }
    }

    fn items(
        &mut self,
        schema: &'s Map<String, Value>,
        keyword: &str,
        rule: &'s Value,
        value: &Value,
    ) -> Outcome {
        let mut found = Vec::new();
        let prefix = schema
            .get("prefixItems")
            .or_else(|| schema.get("items").filter(|i| i.is_array()))
            .and_then(Value::as_array);
        for (i, item) in value.as_array().into_iter().flatten().enumerate() {
            let at = prefix.and_then(|prefix| prefix.get(i));
            let part = match (keyword, rule) {
                ("prefixItems", _) | ("items", Value::Array(_)) => at,
                _ if at.is_some() => None,
                (_, rule) => Some(rule),
            };
            if let Some(part) = part {
                found.extend(self.inside(&format!("[{i}]"), part, item)?);
            }
        }
        Ok(found)
    }

    fn alternatives(&mut self, keyword: &str, rule: &'s Value, value: &Value) -> Outcome {
        let mut fitting = 0;
        let mut nearest: Option<Vec<Violation>> = None;
        for part in list(rule, keyword)? {
            let violations = self.check(part, value)?;
            if violations.is_empty() {
                fitting += 1;
            } else if nearest.as_ref().is_none_or(|n| violations.len() < n.len()) {
                nearest = Some(violations);
            }
        }
        Ok(match (keyword, fitting) {
            (_, 1) | ("anyOf", 1..) => Vec::new(),
            (_, 0) => nearest.unwrap_or_default(),
            _ => vec![self.violation("fits more than one alternative of the schema")],
        })
    }
}

fn list<'s>(rule: &'s Value, keyword: &str) -> Result<&'s [Value], String> {
    rule.as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{keyword} has to be a list"))
}

/// What something does with the least and the most that is in it.
const COUNTED: [&str; 2] = ["needs", "takes"];

#[allow(clippy::cast_precision_loss)]
fn length(n: usize) -> f64 {
    n as f64
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => false,
    }
}

/// Equal as JSON: 1 and 1.0 are the same number.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(k, v)| b.get(k).is_some_and(|other| equal(v, other)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn messages(schema: &Value, value: &Value) -> Vec<String> {
        match check(&schema.to_string(), value) {
            Ok(found) => found
                .iter()
                .map(|m| format!("{}: {}", m.path.join("."), m.message))
                .collect(),
            Err(error) => vec![format!("schema: {error}")],
        }
    }

    #[test]
    fn values_that_fit_pass() {
        let table = [
            (json!({"type": "integer"}), json!(1.0)),
            (json!({"type": ["string", "number"]}), json!(1.5)),
            (json!({"enum": [1, "a"]}), json!(1.0)),
            (
                json!({"properties": {"a": {"const": 1}}, "additionalProperties": false}),
                json!({"a": 1}),
            ),
            (
                json!({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}),
                json!({"x-a": "b"}),
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                json!(null),
            ),
            (
                json!({"$ref": "#/definitions/p", "definitions": {"p": {"minimum": 1}}}),
                json!(2),
            ),
            (
                json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
                json!({}),
            ),
            (json!({"items": {"type": "string"}}), json!(["a"])),
            (json!({"not": {"type": "string"}}), json!(1)),
            (json!(true), json!(1)),
        ];
        for (schema, value) in table {
            assert_eq!(
                messages(&schema, &value),
                Vec::<String>::new(),
                "{schema} {value}"
            );
        }
    }

    #[test]
    fn violations_name_the_key_and_what_would_fit() {
        let table = [
            (
                json!({"properties": {"tag": {}}, "additionalProperties": false}),
                json!({"tagg": 1}),
            ),
            (
                json!({"properties": {"tag": {}}, "additionalProperties": false}),
                json!({"xyz": 1}),
            ),
            (json!({"type": "boolean"}), json!("yes")),
            (json!({"enum": ["tresor", "vault"]}), json!("valut")),
            (
                json!({"properties": {"a": {"minimum": 1, "maximum": 9}}}),
                json!({"a": 10}),
            ),
            (
                json!({"properties": {"a": {"pattern": "^v", "description": "a version"}}}),
                json!({"a": "1"}),
            ),
            (json!({"pattern": "^v"}), json!("1")),
            (json!({"required": ["a"]}), json!({})),
            (
                json!({"items": {"type": "string"}, "maxItems": 1}),
                json!(["a", 1]),
            ),
            (json!({"oneOf": [{}, {}]}), json!(1)),
            (json!({"anyOf": [{"type": "string"}]}), json!(1)),
            (json!({"not": {}}), json!(1)),
            (json!({"propertyNames": {"maxLength": 1}}), json!({"ab": 1})),
            (json!({"uniqueItems": true}), json!([1, 1.0])),
            (
                json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
                json!({"a": 1}),
            ),
            (json!({"unevaluatedProperties": false}), json!({})),
            (json!({"$ref": "#"}), json!(1)),
            (json!({"$ref": "other.json"}), json!(1)),
        ];
        let mut out = String::new();
        for (schema, value) in table {
            out.push_str(&format!("{schema} {value}\n"));
            for message in messages(&schema, &value) {
                out.push_str(&format!("  {message}\n"));
            }
        }
        insta::assert_snapshot!(out);
    }
}
