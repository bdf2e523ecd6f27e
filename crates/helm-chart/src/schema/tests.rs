//! What violations say, and that no schema and no value makes the checker panic.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Schema;

fn messages(schema: &Value, value: &Value) -> Vec<String> {
    match Schema::new(schema.to_string()).check(value) {
        Ok(found) => found.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("schema: {error}")],
    }
}

#[test]
fn violations_name_the_key_and_what_would_fit() {
    let draft_4 = "http://json-schema.org/draft-04/schema#";
    let draft_7 = "http://json-schema.org/draft-07/schema#";
    let tag = json!({"properties": {"tag": {}}, "additionalProperties": false});
    let table = [
        (tag.clone(), json!({"tagg": 1})),
        (tag.clone(), json!({"xyz": 1})),
        (
            json!({"properties": {"image": tag}}),
            json!({"image": {"Tag": 1}}),
        ),
        (
            json!({"properties": {"tag": {}}, "unevaluatedProperties": false}),
            json!({"tagg": 1}),
        ),
        (json!({"type": "boolean"}), json!("yes")),
        (json!({"type": ["string", "null"]}), json!(1)),
        (json!({"enum": ["tresor", "vault"]}), json!("valut")),
        (json!({"const": {"a": 1}}), json!(null)),
        (
            json!({"properties": {"a": {"minimum": 1, "maximum": 9}}}),
            json!({"a": 10}),
        ),
        (json!({"exclusiveMinimum": 1, "multipleOf": 2}), json!(1)),
        (
            json!({"properties": {"a": {"pattern": "^v", "description": "a version"}}}),
            json!({"a": "1"}),
        ),
        (json!({"pattern": "^v\\d"}), json!("1")),
        (json!({"required": ["a"]}), json!({})),
        (
            json!({"items": {"type": "string"}, "maxItems": 1}),
            json!(["a", 1]),
        ),
        (json!({"prefixItems": [{}], "items": false}), json!([1, 2])),
        (json!({"contains": {"type": "string"}}), json!([1])),
        (json!({"oneOf": [{}, {}]}), json!(1)),
        (
            json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/n"}], "$defs": {"n": {"type": "null"}}}),
            json!(1),
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"properties": {"a": {"type": "string"}}}]}),
            json!({"a": 1}),
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"multipleOf": 0.1}]}),
            json!(0.3),
        ),
        (json!({"not": {}}), json!(1)),
        (
            json!({"properties": {"m": {"propertyNames": {"maxLength": 1}}}}),
            json!({"m": {"ab": 1}}),
        ),
        (json!({"uniqueItems": true}), json!([1, 2, 1.0])),
        (
            json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
            json!({"a": 1}),
        ),
        (json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1})),
        (
            json!({"$schema": draft_7, "format": "ipv4"}),
            json!("1.2.3"),
        ),
        (json!({"$ref": "#"}), json!(1)),
        (json!({"$ref": "other.json"}), json!(1)),
        (json!({"$ref": "https://example.com/a.json"}), json!(1)),
        (json!({"$ref": "file:///etc/passwd"}), json!(1)),
        (json!({"$ref": "#/$defs/none"}), json!(1)),
        (json!({"$schema": "https://example.com/own"}), json!(1)),
        (json!({"type": "text"}), json!(1)),
        (
            json!({"$schema": draft_4, "properties": {"a": {"minimum": "1"}}}),
            json!(1),
        ),
        (json!({"pattern": "a(b"}), json!("1")),
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

#[test]
fn a_schema_that_is_not_json_is_refused_with_its_place() {
    for (text, position) in [("{\n  \"type\": }", (2, 11)), ("{\"é\": }", (1, 7))] {
        let error = Schema::new(text).check(&Value::Null).unwrap_err();
        assert_eq!(error.position, Some(position), "{error}");
    }
}

#[test]
fn clones_of_a_schema_share_the_compilation() {
    let schema = Schema::new("true");
    let clone = schema.clone();
    clone.check(&Value::Null).unwrap();
    assert!(schema.compiled.get().is_some());
}

#[test]
fn values_that_nest_too_deeply_are_refused() {
    let nested = |levels| (0..levels).fold(json!(1), |value, _| Value::Array(vec![value]));
    let found = messages(
        &json!({"items": {"$ref": "#"}}),
        &nested(super::MAX_DEPTH + 1),
    );
    assert!(found[0].contains("levels deep"), "{found:?}");
    let recursive = json!({"anyOf": [{"items": {"$ref": "#"}}, {"type": "string"}]});
    let found = messages(&recursive, &nested(super::MAX_DEPTH));
    assert_eq!(found, Vec::<String>::new());
}

const FORMATS: [&str; 21] = [
    "regex",
    "ipv4",
    "ipv6",
    "hostname",
    "idn-hostname",
    "email",
    "idn-email",
    "date",
    "time",
    "date-time",
    "duration",
    "period",
    "json-pointer",
    "relative-json-pointer",
    "uuid",
    "uri",
    "iri",
    "uri-reference",
    "iri-reference",
    "uri-template",
    "semver",
];

proptest! {
    #[test]
    fn no_string_makes_a_format_panic(
        format in prop::sample::select(FORMATS.to_vec()),
        text in prop_oneof![any::<String>(), "[-+:TZPYMWDHS./@\\[\\]0-9%#é~{}\"\\\\ ]{0,30}"],
    ) {
        let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": format});
        let _ = messages(&schema, &json!(text));
    }

    #[test]
    fn no_schema_makes_the_compiler_panic(
        key in prop::sample::select(vec!["$ref", "$id", "$schema", "$anchor", "$dynamicRef", "pattern", "$dynamicAnchor"]),
        text in prop_oneof![any::<String>(), "(file:|urn:|http://|#|/|a|%|\\$defs|~|\\(|\\[|\\\\){0,8}"],
    ) {
        let _ = messages(&json!({"$defs": {"a": {}}, key: text}), &json!("a"));
        let _ = messages(&json!({"properties": {"a": {key: text}}}), &json!({"a": "a"}));
    }
}

/// Schemas of which parts can be left out, and some of which they cannot.
fn schemas_with_properties() -> Vec<Value> {
    let draft_4 = "http://json-schema.org/draft-04/schema#";
    let a = json!({"type": "object", "additionalProperties": false, "required": ["x"],
        "properties": {"x": {"type": "integer", "maximum": 3}, "y": {"$ref": "#/definitions/word"}}});
    let b = json!({"enum": [1, "on", {"x": 1}, {"x": 2, "y": "v"}]});
    let word = json!({"word": {"type": "string", "pattern": "^v"}});
    vec![
        json!({"properties": {"a": a, "b": b}, "definitions": word}),
        json!({"$schema": draft_4, "properties": {"a": a, "b": b}, "definitions": word, "maxProperties": 1}),
        json!({"properties": {"a": a, "b": b}, "definitions": word, "unevaluatedProperties": false}),
        json!({"properties": {"a": a, "b": b}, "definitions": word, "additionalProperties": {"type": "integer"}}),
        json!({"properties": {"a": a, "b": b}, "definitions": word,
            "if": {"properties": {"b": {"const": 1}}}, "then": {"properties": {"a": {"required": ["y"]}}}}),
        json!({"properties": {"a": a, "b": b, "c": {"$ref": "#/properties/a"}}, "definitions": word}),
        json!({"properties": {"a": {"$ref": "#"}, "b": b}}),
        json!({"allOf": [{"properties": {"a": a}}], "not": {"properties": {"b": {"const": "on"}}, "required": ["b"]},
            "definitions": word}),
    ]
}

fn small_values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(1)),
        Just(json!(5)),
        Just(json!("on")),
        Just(json!("v")),
        Just(Value::Null)
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map("[abcxy]", inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn changes_of_valid_values_are_judged_as_the_whole(
        schema in prop::sample::select(schemas_with_properties()),
        valid in small_values(),
        values in small_values(),
    ) {
        let schema = Schema::new(schema.to_string());
        prop_assume!(schema.check(&valid).unwrap().is_empty());
        prop_assert_eq!(schema.check_changes(&values, &valid).unwrap(), schema.check(&values).unwrap());
    }
}

#[test]
fn the_property_of_changes_finds_valid_and_invalid_values() {
    let mut counts = [0, 0];
    for schema in schemas_with_properties() {
        let schema = Schema::new(schema.to_string());
        let valid = json!({"b": 1, "a": {"x": 1}});
        for values in [
            json!({"b": 1, "a": {"x": 1, "y": "v"}}),
            json!({"b": 2, "a": {"x": 4, "y": "w", "z": 1}, "c": {}}),
            json!({"b": "on"}),
        ] {
            if schema.check(&valid).unwrap().is_empty() {
                let found = schema.check_changes(&values, &valid).unwrap();
                assert_eq!(found, schema.check(&values).unwrap());
                counts[usize::from(found.is_empty())] += 1;
            }
        }
    }
    assert!(counts[0] > 3 && counts[1] > 3, "{counts:?}");
}

#[test]
fn regular_expressions_that_are_too_large_together_are_refused() {
    let large = "(a{1,100}){1,10}";
    for (count, is_refused) in [(1, false), (100, true)] {
        let properties: serde_json::Map<String, Value> = (0..count)
            .map(|i| {
                (
                    format!("p{i}"),
                    json!({"patternProperties": {large: {"pattern": "x"}}}),
                )
            })
            .collect();
        let schema = Schema::new(json!({"properties": properties}).to_string());
        let refused = schema.check(&json!({})).err();
        let refused = refused.filter(|error| error.message.contains("regular expressions"));
        assert_eq!(refused.is_some(), is_refused, "{count}: {refused:?}");
    }
}
