//! Every keyword of JSON Schema in every draft, through a chart's `values.schema.json`: the library accepts and
//! refuses what helm accepts and refuses.

use std::path::{Path, PathBuf};

use helm_chart::{Chart, ChartError, Target};
use serde_json::Map;

use crate::common::{helm, scratch, write};

const D4: &str = "http://json-schema.org/draft-04/schema#";
const D6: &str = "http://json-schema.org/draft-06/schema#";
const D7: &str = "http://json-schema.org/draft-07/schema#";
const D2019: &str = "https://json-schema.org/draft/2019-09/schema";
const D2020: &str = "https://json-schema.org/draft/2020-12/schema";
const NONE: &str = "";

/// What all schemas define besides their one value `v`.
const DEFINITIONS: &str = r##"{
    "positive": {"minimum": 0.5},
    "natural": {"minimum": 1},
    "node": {"properties": {"next": {"$ref": "#/definitions/node"}, "n": {"type": "integer"}}},
    "a/b~c": {"type": "string"}
}"##;

/// Stands for a value that does not exist: no value is refused, or none is accepted.
const NOTHING: &str = "";

/// A draft, the schema of the value, a value that it accepts, and one that it refuses.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    // any draft: type, enum, const
    (D4, r#"{"type": "string"}"#, r#""a""#, "1"),
    (D4, r#"{"type": ["integer", "null"]}"#, "1", "1.5"),
    (D4, r#"{"type": "integer"}"#, "1.0", r#""1""#),
    (D6, r#"{"type": "integer"}"#, "1.0", "1.1"),
    (D2020, r#"{"type": "integer"}"#, "1e3", "1e-3"),
    (D7, r#"{"type": "object"}"#, r#"{"a": 1}"#, "[]"),
    (D7, r#"{"type": "array"}"#, "[1]", r#"{"a": 1}"#),
    (NONE, r#"{"type": "boolean"}"#, "yes", r#""yes""#),
    (
        D4,
        r#"{"enum": [1, "a", {"b": [null]}]}"#,
        r#"{"b": [null]}"#,
        "2",
    ),
    (D7, r#"{"enum": [1]}"#, "1.0", r#""1""#),
    (D4, r#"{"const": 1}"#, "2", NOTHING),
    (
        D6,
        r#"{"const": {"a": [1, 2]}}"#,
        r#"{"a": [1.0, 2]}"#,
        r#"{"a": [2, 1]}"#,
    ),
    (D2019, r#"{"const": false}"#, "false", "0"),
    // numbers
    (
        D4,
        r#"{"minimum": 1, "exclusiveMinimum": true}"#,
        "1.1",
        "1",
    ),
    (
        D4,
        r#"{"maximum": 1, "exclusiveMaximum": true}"#,
        "0.9",
        "1",
    ),
    (D4, r#"{"exclusiveMinimum": true}"#, NOTHING, "0"),
    (D6, r#"{"exclusiveMinimum": 1}"#, "2", "1"),
    (D7, r#"{"exclusiveMaximum": 1}"#, "0", "1"),
    (D2020, r#"{"minimum": 1}"#, "1", "0"),
    (
        D2020,
        r#"{"maximum": 9007199254740993}"#,
        "9007199254740992",
        "9007199254740999",
    ),
    (D7, r#"{"multipleOf": 2}"#, "4", "3"),
    (D7, r#"{"multipleOf": 0.1}"#, "0.3", "0.35"),
    (NONE, r#"{"multipleOf": 0.01}"#, "4.35", "4.355"),
    // strings
    (D4, r#"{"minLength": 2}"#, r#""éé""#, r#""é""#),
    (D4, r#"{"maxLength": 2}"#, r#""日本""#, r#""abc""#),
    (D7, r#"{"pattern": "^v[0-9]+$"}"#, r#""v1""#, r#""v""#),
    (D7, r#"{"pattern": "^\\d+$"}"#, r#""12""#, r#""١""#),
    (D2020, r#"{"pattern": "^\\w+$"}"#, r#""a_1""#, r#""é""#),
    (D2020, r#"{"pattern": "^\\p{L}+$"}"#, r#""é""#, r#""1""#),
    (D7, r#"{"pattern": "b"}"#, r#""abc""#, r#""ac""#),
    // the regular expressions of Go
    (NONE, r#"{"pattern": "^\\s$"}"#, r#"" ""#, r#""\u00a0""#),
    (NONE, r#"{"pattern": "^\\S$"}"#, r#""\u00a0""#, r#"" ""#),
    (
        NONE,
        r#"{"pattern": "^\\Qa.b\\E$"}"#,
        r#""a.b""#,
        r#""axb""#,
    ),
    (NONE, r#"{"pattern": "^a{,2}$"}"#, r#""a{,2}""#, r#""aa""#),
    (NONE, r#"{"pattern": "(?i)^É$"}"#, r#""é""#, r#""e""#),
    (NONE, r#"{"pattern": "^[[a]$"}"#, r#""[""#, r#""b""#),
    (NONE, r#"{"pattern": "^[a&&b]$"}"#, r#""&""#, r#""c""#),
    (NONE, r#"{"pattern": "\\bé"}"#, r#""aé""#, r#""é""#),
    (
        NONE,
        r#"{"pattern": "^\\pL\\p{Greek}$"}"#,
        r#""aβ""#,
        r#""aa""#,
    ),
    (
        NONE,
        r#"{"pattern": "^\\x{e9}\\101\\a?$"}"#,
        r#""éA""#,
        r#""é""#,
    ),
    (
        NONE,
        r#"{"patternProperties": {"^\\Q$\\E\\w": false}}"#,
        r#"{"a": 1}"#,
        r#"{"$a": 1}"#,
    ),
    (
        NONE,
        r#"{"const": {"pattern": "\\s"}}"#,
        r#"{"pattern": "\\s"}"#,
        r#"{"pattern": "s"}"#,
    ),
    (NONE, r#"{"x-own": {"pattern": "(?=a)"}}"#, "1", NOTHING),
    (NONE, r#"{"pattern": "^(a{1000})?$"}"#, r#""""#, r#""a""#),
    (NONE, r#"{"pattern": "a**"}"#, NOTHING, r#""a""#),
    (NONE, r#"{"pattern": "\\u0041"}"#, NOTHING, r#""A""#),
    (NONE, r#"{"pattern": "\\cA"}"#, NOTHING, r#""a""#),
    (NONE, r#"{"pattern": "(a{100}){100}"}"#, NOTHING, r#""a""#),
    (NONE, r#"{"pattern": "a{1001}"}"#, NOTHING, r#""a""#),
    (
        NONE,
        r#"{"patternProperties": {"(?!a)": {}}}"#,
        NOTHING,
        r#"{"a": 1}"#,
    ),
    // formats: asserted up to draft 7 only
    (D4, r#"{"format": "ipv4"}"#, r#""1.2.3.4""#, r#""1.2.3""#),
    (D6, r#"{"format": "ipv6"}"#, r#""::1""#, r#""1::2::3""#),
    (D7, r#"{"format": "email"}"#, r#""a@b.c""#, r#""a""#),
    (D7, r#"{"format": "hostname"}"#, r#""a.example""#, r#""-a""#),
    (
        D7,
        r#"{"format": "date-time"}"#,
        r#""2020-01-01T00:00:00Z""#,
        r#""2020-01-01""#,
    ),
    (
        D7,
        r#"{"format": "date"}"#,
        r#""2020-02-29""#,
        r#""2021-02-29""#,
    ),
    (
        D7,
        r#"{"format": "time"}"#,
        r#""00:00:00Z""#,
        r#""25:00:00Z""#,
    ),
    (D7, r#"{"format": "uri"}"#, r#""https://a/b""#, r#""a/b""#),
    (
        D7,
        r#"{"format": "uri-reference"}"#,
        r#""a/b""#,
        r#""a\\b""#,
    ),
    (
        D7,
        r#"{"format": "uri-template"}"#,
        r#""/a/{b}""#,
        r#""/a/{b""#,
    ),
    (D7, r#"{"format": "json-pointer"}"#, r#""/a/~0""#, r#""a""#),
    (
        D7,
        r#"{"format": "relative-json-pointer"}"#,
        r#""1/a""#,
        r#""/a""#,
    ),
    (D7, r#"{"format": "regex"}"#, r#""a+""#, r#""a(""#),
    (
        D7,
        r#"{"format": "uuid"}"#,
        r#""2eb8aa08-aa98-11ea-b4aa-73b441d16380""#,
        r#""2eb8""#,
    ),
    (D7, r#"{"format": "duration"}"#, r#""P1D""#, r#""1D""#),
    (D7, r#"{"format": "nobody knows"}"#, r#""a""#, NOTHING),
    // URLs as Go parses them
    (D7, r#"{"format": "uri"}"#, r#""https://a/{b} c""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""https://é/ü""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""urn:x""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""mailto:a b""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""x:""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""https://""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""http://[::1]:80/""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""https://u:p@h:/""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""http://a<b>/""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""http://%c3%a9/""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""https://a/?%zz""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, r#""http://a_b/""#, NOTHING),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""a/b""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""//host/x""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://a b/""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://[::1""#),
    (
        D7,
        r#"{"format": "uri"}"#,
        NOTHING,
        r#""http://[1::2::3]/""#,
    ),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://a:b/""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""https://a/%zz""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""https://a/#%z""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""1http://a""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#"":a""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://%41/""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://u^@h/""#),
    (D7, r#"{"format": "uri"}"#, NOTHING, r#""http://a\u007f/""#),
    (D7, r#"{"format": "iri"}"#, r#""https://é/{b}""#, r#""a/é""#),
    (
        D7,
        r#"{"format": "uri-reference"}"#,
        r#""a b/{c}?d#é""#,
        r#""a/b%z""#,
    ),
    (D7, r#"{"format": "uri-reference"}"#, r#""""#, r#""1a:b""#),
    (
        D7,
        r#"{"format": "uri-reference"}"#,
        r#""///a""#,
        r#""//a b/""#,
    ),
    (
        D7,
        r#"{"format": "semver"}"#,
        r#""1.2.3-rc.1+b""#,
        r#""v1.2.3""#,
    ),
    (D7, r#"{"format": "semver"}"#, r#""0.0.0""#, r#""1.2""#),
    (D7, r#"{"format": "semver"}"#, NOTHING, r#""01.2.3""#),
    (D7, r#"{"format": "idn-hostname"}"#, r#""-a b""#, NOTHING),
    (D7, r#"{"format": "idn-email"}"#, r#""a""#, NOTHING),
    (D2019, r#"{"format": "ipv4"}"#, r#""1.2.3""#, NOTHING),
    (D2020, r#"{"format": "ipv4"}"#, r#""1.2.3""#, NOTHING),
    (NONE, r#"{"format": "date"}"#, r#""x""#, NOTHING),
    // contents are never asserted
    (
        D7,
        r#"{"contentEncoding": "base64", "contentMediaType": "application/json"}"#,
        r#""{""#,
        NOTHING,
    ),
    (
        D2020,
        r#"{"contentMediaType": "application/json", "contentSchema": {"type": "object"}}"#,
        r#""1""#,
        NOTHING,
    ),
    // lists
    (D4, r#"{"items": {"type": "integer"}}"#, "[1]", r#"["a"]"#),
    (
        D4,
        r#"{"items": [{"type": "integer"}], "additionalItems": false}"#,
        "[1]",
        "[1, 2]",
    ),
    (
        D7,
        r#"{"items": [{"type": "integer"}], "additionalItems": {"type": "string"}}"#,
        r#"[1, "a"]"#,
        "[1, 2]",
    ),
    (D6, r#"{"items": [true, false]}"#, "[1]", "[1, 2]"),
    (
        D2019,
        r#"{"items": [{"type": "integer"}], "additionalItems": false}"#,
        "[1]",
        "[1, 2]",
    ),
    (
        D2020,
        r#"{"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}"#,
        r#"[1, "a"]"#,
        "[1, 2]",
    ),
    (
        D2020,
        r#"{"prefixItems": [{"type": "integer"}], "items": false}"#,
        "[1]",
        "[1, 2]",
    ),
    (
        D2020,
        r#"{"additionalItems": false, "prefixItems": [{}]}"#,
        "[1, 2]",
        NOTHING,
    ),
    (
        D7,
        r#"{"prefixItems": [{"type": "string"}]}"#,
        "[1]",
        NOTHING,
    ),
    (D4, r#"{"minItems": 1, "maxItems": 2}"#, "[1]", "[]"),
    (D4, r#"{"maxItems": 2}"#, "[1, 2]", "[1, 2, 3]"),
    (
        D4,
        r#"{"uniqueItems": true}"#,
        "[1, 2]",
        r#"[{"a": 1}, {"a": 1.0}]"#,
    ),
    (D4, r#"{"contains": {"type": "string"}}"#, "[1]", NOTHING),
    (
        D6,
        r#"{"contains": {"type": "string"}}"#,
        r#"[1, "a"]"#,
        "[1]",
    ),
    (
        D2019,
        r#"{"contains": {"type": "string"}, "minContains": 2}"#,
        r#"["a", "b"]"#,
        r#"["a", 1]"#,
    ),
    (
        D2020,
        r#"{"contains": {"type": "string"}, "maxContains": 1}"#,
        r#"["a", 1]"#,
        r#"["a", "b"]"#,
    ),
    (
        D2020,
        r#"{"contains": {"type": "string"}, "minContains": 0}"#,
        "[1]",
        NOTHING,
    ),
    (
        D7,
        r#"{"contains": {"type": "string"}, "minContains": 2}"#,
        r#"["a"]"#,
        "[1]",
    ),
    (
        D2019,
        r#"{"items": [{}], "unevaluatedItems": false}"#,
        "[1]",
        "[1, 2]",
    ),
    (
        D2020,
        r#"{"prefixItems": [{}], "unevaluatedItems": {"type": "string"}}"#,
        r#"[1, "a"]"#,
        "[1, 2]",
    ),
    (
        D2020,
        r#"{"contains": {"type": "string"}, "unevaluatedItems": false}"#,
        r#"["a"]"#,
        r#"["a", 1]"#,
    ),
    // maps
    (
        D4,
        r#"{"properties": {"a": {"type": "string"}}}"#,
        r#"{"a": "b", "c": 1}"#,
        r#"{"a": 1}"#,
    ),
    (D4, r#"{"required": ["a"]}"#, r#"{"a": 1}"#, r#"{"b": 1}"#),
    (
        D4,
        r#"{"minProperties": 1, "maxProperties": 2}"#,
        r#"{"a": 1}"#,
        r#"{"a": 1, "b": 2, "c": 3}"#,
    ),
    (
        D7,
        r#"{"minProperties": 2}"#,
        r#"{"a": 1, "b": 1}"#,
        r#"{"a": 1}"#,
    ),
    (
        D4,
        r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
        r#"{"a": 1}"#,
        r#"{"b": 1}"#,
    ),
    (
        D7,
        r#"{"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}"#,
        r#"{"x-a": "b"}"#,
        r#"{"x-a": 1}"#,
    ),
    (
        D7,
        r#"{"patternProperties": {"^x-": {}}, "additionalProperties": {"type": "integer"}}"#,
        r#"{"x-a": "b", "c": 1}"#,
        r#"{"c": "b"}"#,
    ),
    (
        D4,
        r#"{"propertyNames": {"maxLength": 1}}"#,
        r#"{"abc": 1}"#,
        NOTHING,
    ),
    (
        D6,
        r#"{"propertyNames": {"maxLength": 1}}"#,
        r#"{"a": 1}"#,
        r#"{"abc": 1}"#,
    ),
    (
        D4,
        r#"{"dependencies": {"a": ["b"]}}"#,
        r#"{"a": 1, "b": 1}"#,
        r#"{"a": 1}"#,
    ),
    (
        D7,
        r#"{"dependencies": {"a": {"required": ["b"]}}}"#,
        r#"{"c": 1}"#,
        r#"{"a": 1}"#,
    ),
    (
        D2019,
        r#"{"dependentRequired": {"a": ["b"]}}"#,
        r#"{"a": 1, "b": 1}"#,
        r#"{"a": 1}"#,
    ),
    (
        D2020,
        r#"{"dependentSchemas": {"a": {"required": ["b"]}}}"#,
        r#"{"a": 1, "b": 1}"#,
        r#"{"a": 1}"#,
    ),
    (
        D7,
        r#"{"dependentRequired": {"a": ["b"]}}"#,
        r#"{"c": 1}"#,
        NOTHING,
    ),
    (
        D2019,
        r#"{"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false}"#,
        r#"{"a": 1}"#,
        r#"{"b": 1}"#,
    ),
    (
        D2020,
        r#"{"if": {"required": ["a"]}, "then": {"properties": {"a": {}, "b": {}}}, "unevaluatedProperties": false}"#,
        r#"{"a": 1, "b": 1}"#,
        r#"{"b": 1}"#,
    ),
    (
        D2020,
        r#"{"properties": {"a": {}}, "unevaluatedProperties": {"type": "string"}}"#,
        r#"{"a": 1, "b": "c"}"#,
        r#"{"b": 1}"#,
    ),
    (
        D7,
        r#"{"unevaluatedProperties": false}"#,
        r#"{"a": 1}"#,
        NOTHING,
    ),
    // combinations
    (
        D4,
        r#"{"allOf": [{"type": "integer"}, {"minimum": 1}]}"#,
        "1",
        "0",
    ),
    (
        D4,
        r#"{"anyOf": [{"type": "integer"}, {"minLength": 2}]}"#,
        r#""ab""#,
        r#""a""#,
    ),
    (
        D4,
        r#"{"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}"#,
        "4",
        "6",
    ),
    (D4, r#"{"not": {"type": "string"}}"#, "1", r#""a""#),
    (
        D6,
        r#"{"if": {"type": "string"}, "then": false}"#,
        r#""a""#,
        NOTHING,
    ),
    (
        D7,
        r#"{"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "integer"}}"#,
        r#""ab""#,
        r#""a""#,
    ),
    (
        D7,
        r#"{"if": {"type": "string"}, "else": {"type": "integer"}}"#,
        "1",
        "1.5",
    ),
    (D7, r#"{"then": {"type": "string"}}"#, "1", NOTHING),
    (D6, "true", "1", NOTHING),
    (D7, "false", NOTHING, "1"),
    (D2020, "{}", r#"{"a": 1}"#, NOTHING),
    // references
    (D4, r##"{"$ref": "#/definitions/natural"}"##, "1", "0"),
    (
        D7,
        r##"{"$ref": "#/definitions/positive", "type": "string"}"##,
        "1",
        "0",
    ),
    (
        D2019,
        r##"{"$ref": "#/definitions/positive", "type": "integer"}"##,
        "1",
        "1.5",
    ),
    (
        D2020,
        r##"{"$ref": "#/definitions/node"}"##,
        r#"{"next": {"next": {"n": 1}}}"#,
        r#"{"next": {"next": {"n": "a"}}}"#,
    ),
    (D7, r##"{"$ref": "#/definitions/a~1b~0c"}"##, r#""a""#, "1"),
    (
        D4,
        r##"{"id": "http://example.com/a", "properties": {"b": {"$ref": "#/properties/a"}, "a": {"type": "string"}}}"##,
        r#"{"b": "c"}"#,
        r#"{"b": 1}"#,
    ),
    (
        D7,
        r##"{"$id": "http://example.com/a", "properties": {"b": {"$ref": "#/properties/a"}, "a": {"type": "string"}}}"##,
        r#"{"b": "c"}"#,
        r#"{"b": 1}"#,
    ),
    (
        D2019,
        r##"{"$anchor": "here", "properties": {"b": {"$ref": "#here"}, "a": {"type": "string"}}}"##,
        r#"{"b": {"a": "c"}}"#,
        r#"{"b": {"a": 1}}"#,
    ),
    (
        D2019,
        r##"{"$recursiveAnchor": true, "properties": {"b": {"$recursiveRef": "#"}}}"##,
        r#"{"b": 1}"#,
        NOTHING,
    ),
    (
        D2020,
        r##"{"$dynamicAnchor": "n", "properties": {"b": {"$dynamicRef": "#n"}, "a": {"type": "string"}}}"##,
        r#"{"b": {"a": "c"}}"#,
        r#"{"b": {"a": 1}}"#,
    ),
    (
        D2020,
        r#"{"$defs": {"s": {"$id": "http://example.com/s", "type": "string"}}, "$ref": "http://example.com/s"}"#,
        r#""a""#,
        "1",
    ),
    (D7, r##"{"$ref": "#/definitions/none"}"##, NOTHING, "1"),
    (D7, r#"{"$ref": "other.json"}"#, NOTHING, "1"),
    (D7, r#"{"$ref": "urn:example:a"}"#, "1", NOTHING),
    (D7, r##"{"$ref": "#/properties/v"}"##, NOTHING, "1"),
    (
        D7,
        r#"{"$ref": "http://json-schema.org/draft-07/schema#"}"#,
        r#"{"type": "string"}"#,
        r#"{"type": 1}"#,
    ),
    // what says nothing about a value
    (
        D7,
        r#"{"title": "a", "description": "b", "default": 1, "examples": [1], "$comment": "c", "readOnly": true, "x-own": 1}"#,
        r#""a""#,
        NOTHING,
    ),
    (
        D2019,
        r#"{"deprecated": true, "writeOnly": true, "$vocabulary": {}}"#,
        r#""a""#,
        NOTHING,
    ),
    // schemas that their draft does not allow
    (D4, r#"{"type": "text"}"#, NOTHING, "1"),
    (D4, r#"{"required": []}"#, NOTHING, "1"),
    (D4, r#"{"exclusiveMinimum": 1}"#, NOTHING, "1"),
    (D6, r#"{"exclusiveMinimum": true}"#, NOTHING, "1"),
    (D7, r#"{"minLength": -1}"#, NOTHING, r#""a""#),
    (D7, r#"{"pattern": "a(b"}"#, NOTHING, r#""a""#),
    (D7, r#"{"pattern": "a(?=b)"}"#, NOTHING, r#""a""#),
    (D7, r#"{"items": 1}"#, NOTHING, "[1]"),
    (
        D2020,
        r#"{"items": [{"type": "string"}]}"#,
        NOTHING,
        r#"["a"]"#,
    ),
    (D2020, r#"{"enum": "a"}"#, NOTHING, r#""a""#),
];

/// A chart for a case. Charts with an even number have the value that is accepted, the others the one that is refused.
fn chart(folder: &Path, name: &str, (draft, schema, ..): &Case, value: &str) {
    let draft = match *draft {
        NONE => String::new(),
        draft => format!(r#""$schema": "{draft}","#),
    };
    let schema =
        format!(r#"{{{draft} "properties": {{"v": {schema}}}, "definitions": {DEFINITIONS}}}"#);
    let about = format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
    write(&folder.join("Chart.yaml"), &about);
    write(&folder.join("values.yaml"), &format!("v: {value}\n"));
    write(&folder.join("values.schema.json"), &schema);
}

/// An umbrella chart with a subchart for each value, and the name of each.
fn charts(folder: &Path) -> Vec<(String, PathBuf, &'static Case, bool)> {
    write(
        &folder.join("Chart.yaml"),
        "apiVersion: v2\nname: umbrella\nversion: 0.1.0\n",
    );
    let mut found = Vec::new();
    for (i, case) in CASES.iter().enumerate() {
        for (value, fits) in [(case.2, true), (case.3, false)] {
            if value == NOTHING {
                continue;
            }
            let name = format!("c{i}-{}", if fits { "fits" } else { "misfits" });
            let path = folder.join("charts").join(&name);
            chart(&path, &name, case, value);
            found.push((name, path, case, fits));
        }
    }
    assert!(found.len() >= 120, "only {} values", found.len());
    found
}

#[test]
fn values_are_accepted_and_refused_as_the_table_says() {
    let folder = scratch("schema-table");
    let mut wrong = Vec::new();
    for (name, path, case, fits) in charts(&folder) {
        let chart = Chart::load(&path).unwrap();
        let result = chart.effective_values(&Map::new(), &Target::default());
        let refused = match &result {
            Ok(_) => false,
            Err(ChartError::Values(_) | ChartError::File { .. }) => true,
            Err(other) => panic!("{name}: {other}"),
        };
        if refused == fits {
            wrong.push(format!("{name} {case:?}: {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_accepts_and_refuses_as_the_table_says() {
    let folder = scratch("schema-helm");
    let charts = charts(&folder);
    let output = helm(&["template", "x", &folder.display().to_string()]);
    assert_ne!(output.code, 0, "helm refuses nothing");
    // The name of each chart whose values are refused stands above what is wrong.
    let refused = |name: &str| output.stderr.contains(&format!("{name}:\n"));
    let wrong: Vec<String> = charts
        .iter()
        .filter(|(name, .., fits)| refused(name) == *fits)
        .map(|(name, _, case, _)| format!("{name} {case:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), output.stderr);
}
