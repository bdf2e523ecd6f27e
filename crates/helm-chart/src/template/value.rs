//! The values of templates: what Go stores in an `any`, with dicts that functions can change.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Number};

use super::duration;
use super::files::Files;
use super::meter;
use super::time::Time;
use crate::yaml::float_to_text;

/// A dict. It is shared like a Go map: `set` changes it for all holders.
pub type Dict = Rc<RefCell<BTreeMap<Rc<str>, Value>>>;

/// One value of a template.
#[derive(Clone)]
pub enum Value {
    /// `nil`, also the value of a missing key.
    Nil,
    /// The `nil` that a chain of fields or an item of a list is (`.Values.missing`): fields of it are errors, whereas those
    /// of [`Value::Nil`] are `nil`. It turns into [`Value::Nil`] at the end of a pipeline, and is in no list or dict.
    NilField,
    /// A boolean.
    Bool(bool),
    /// An `int`, such as a literal.
    Int(i64),
    /// An `int64`, such as a whole number of `--set` and the result of `add`.
    Int64(i64),
    /// A `uint64`, such as `.Major` of a version.
    Uint64(u64),
    /// A `uint8`: one byte of a string.
    Byte(u8),
    /// A floating-point number, such as every number of a values file.
    Float(f64),
    /// A string.
    Str(Rc<str>),
    /// Bytes that are not UTF-8: the content of a file, or the result of `b64dec`.
    Bytes(Rc<[u8]>),
    /// A `[]byte`: the result of `.Files.GetBytes`.
    ByteSlice(Rc<[u8]>),
    /// A list and its type. Functions return new lists and never change one.
    List(ListType, Rc<Vec<Value>>),
    /// A dict.
    Dict(Dict),
    /// A `map[string]string`: the result of `split`.
    Texts(Rc<BTreeMap<Rc<str>, Rc<str>>>),
    /// `.Files`, or a part of it.
    Files(Rc<Files>),
    /// `.Capabilities.APIVersions`.
    ApiVersions(Rc<Vec<Rc<str>>>),
    /// `.Capabilities.KubeVersion`.
    KubeVersion(Rc<KubeVersion>),
    /// The result of `semver`.
    Semver(Rc<Release>),
    /// A point in time: the result of `now` and `toDate`.
    Time(Rc<Time>),
    /// A `time.Duration`, in nanoseconds.
    Duration(i64),
}

/// The Go type of a list. It decides what `typeOf` says and what is equal to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// `[]interface {}`
    Any,
    /// `[]interface {}` that is `nil`: JSON has `null` for it.
    NilAny,
    /// `[]string`
    Strings,
    /// `[]string` that is `nil`: JSON has `null` for it.
    NilStrings,
    /// `[]int`
    Ints,
    /// `[][]interface {}`
    Lists,
}

impl ListType {
    fn name(self) -> &'static str {
        match self {
            ListType::Any | ListType::NilAny => "[]interface {}",
            ListType::Strings | ListType::NilStrings => "[]string",
            ListType::Ints => "[]int",
            ListType::Lists => "[][]interface {}",
        }
    }

    fn is_nil(self) -> bool {
        matches!(self, ListType::NilAny | ListType::NilStrings)
    }
}

/// The version of Kubernetes that a chart is rendered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The full version with a leading `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// The version without suffixes: `v1.33.4`.
    pub normalized: String,
    /// The digits of the major version.
    pub major: String,
    /// The digits of the minor version.
    pub minor: String,
}

/// The result of `semver`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The parsed version.
    pub version: semver::Version,
    /// The version as written.
    pub original: String,
}

impl Release {
    /// Parses a version. A leading `v` and missing parts are allowed.
    ///
    /// # Errors
    /// A message that quotes the text.
    pub(super) fn parse(text: &str) -> Result<Release, String> {
        let mut version = crate::version::parse(text)?;
        if let Some((_, build)) = text.split_once('+') {
            version.build = semver::BuildMetadata::new(build.trim_end())
                .map_err(|error| format!("{text:?} is not a version: {error}"))?;
        }
        Ok(Release {
            version,
            original: text.to_owned(),
        })
    }
}

impl Value {
    /// Creates a string if the bytes are UTF-8, and bytes otherwise.
    pub fn text(bytes: &[u8]) -> Value {
        match std::str::from_utf8(bytes) {
            Ok(text) => Value::str(text),
            Err(_) => Value::Bytes(bytes.into()),
        }
    }

    /// Creates a string.
    pub fn str(text: impl Into<Rc<str>>) -> Value {
        Value::Str(text.into())
    }

    /// Creates a list of any values.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(ListType::Any, Rc::new(items))
    }

    /// Creates a list of strings.
    pub fn strings<S: Into<Rc<str>>>(items: impl IntoIterator<Item = S>) -> Value {
        let items = items.into_iter().map(Value::str).collect();
        Value::List(ListType::Strings, Rc::new(items))
    }

    /// Creates a list that is `nil`.
    pub fn nil_list(list_type: ListType) -> Value {
        Value::List(list_type, Rc::default())
    }

    /// Returns the value at the end of a pipeline.
    #[must_use]
    pub fn resolved(self) -> Value {
        match self {
            Value::NilField => Value::Nil,
            other => other,
        }
    }

    /// Returns whether the value is `nil`.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil | Value::NilField)
    }

    /// Creates a dict.
    pub fn dict(entries: impl IntoIterator<Item = (Rc<str>, Value)>) -> Value {
        Value::Dict(Rc::new(RefCell::new(entries.into_iter().collect())))
    }

    /// Returns whether `if`, `with`, `and`, `or`, `not` treat the value as true (text/template, "Actions").
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil | Value::NilField => false,
            Value::Bool(b) => *b,
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => *i != 0,
            Value::Uint64(n) => *n != 0,
            Value::Byte(n) => *n != 0,
            Value::Float(f) => *f != 0.0,
            Value::Str(s) => !s.is_empty(),
            Value::Bytes(bytes) | Value::ByteSlice(bytes) => !bytes.is_empty(),
            Value::List(_, items) => !items.is_empty(),
            Value::Dict(dict) => !dict.borrow().is_empty(),
            Value::Texts(texts) => !texts.is_empty(),
            Value::Files(files) => !files.is_empty(),
            Value::ApiVersions(versions) => !versions.is_empty(),
            Value::KubeVersion(_) | Value::Semver(_) | Value::Time(_) => true,
        }
    }

    /// Returns the kind as Go's `reflect` names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Nil | Value::NilField => "invalid",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) | Value::Duration(_) => "int64",
            Value::Uint64(_) => "uint64",
            Value::Byte(_) => "uint8",
            Value::Float(_) => "float64",
            Value::Str(_) | Value::Bytes(_) => "string",
            Value::List(..) | Value::ApiVersions(_) | Value::ByteSlice(_) => "slice",
            Value::Dict(_) | Value::Texts(_) | Value::Files(_) => "map",
            Value::KubeVersion(_) | Value::Semver(_) => "ptr",
            Value::Time(_) => "struct",
        }
    }

    /// Returns the type as Go prints it with `%T`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil | Value::NilField => "<nil>",
            Value::List(list_type, _) => list_type.name(),
            Value::ByteSlice(_) => "[]uint8",
            Value::Dict(_) => "map[string]interface {}",
            Value::Texts(_) => "map[string]string",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
            Value::Files(_) => "engine.files",
            Value::ApiVersions(_) => "common.VersionSet",
            Value::KubeVersion(_) => "*common.KubeVersion",
            Value::Semver(_) => "*semver.Version",
            other => other.kind(),
        }
    }

    /// Converts the value to JSON, for `toJson` and `toYaml`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        if !meter::spend_copy() {
            return Json::Null;
        }
        match self {
            Value::Nil | Value::NilField => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => Json::from(*i),
            Value::Uint64(n) => Json::from(*n),
            Value::Byte(n) => Json::from(*n),
            Value::Float(f) => Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Value::Str(s) => Json::from(&**s),
            Value::Bytes(bytes) => Json::from(String::from_utf8_lossy(bytes)),
            Value::ByteSlice(bytes) => Json::from(super::files::base64(bytes)),
            Value::List(list_type, _) if list_type.is_nil() => Json::Null,
            Value::List(_, items) => items.iter().map(Value::to_json).collect(),
            Value::Texts(texts) => Json::Object(
                texts
                    .iter()
                    .map(|(k, v)| (k.to_string(), Json::from(&**v)))
                    .collect(),
            ),
            Value::Time(time) => Json::from(time.to_json()),
            Value::Dict(dict) => Json::Object(
                dict.borrow()
                    .iter()
                    .map(|(k, v)| (k.to_string(), v.to_json()))
                    .collect(),
            ),
            Value::Files(files) => Json::Object(
                files
                    .iter()
                    .map(|(name, bytes)| (name.to_owned(), Json::from(super::files::base64(bytes))))
                    .collect(),
            ),
            Value::ApiVersions(versions) => versions.iter().map(|v| Json::from(&**v)).collect(),
            Value::KubeVersion(v) => serde_json::json!({
                "Version": v.version, "Major": v.major, "Minor": v.minor,
            }),
            Value::Semver(v) => Json::from(v.version.to_string()),
        }
    }

    /// Returns a copy that shares no dict with the original.
    #[must_use]
    pub fn deep_copy(&self) -> Value {
        if !meter::spend_copy() {
            return Value::Nil;
        }
        match self {
            Value::List(list_type, items) => {
                let items = items.iter().map(Value::deep_copy).collect();
                Value::List(*list_type, Rc::new(items))
            }
            Value::Dict(dict) => Value::dict(
                dict.borrow()
                    .iter()
                    .map(|(k, v)| (Rc::clone(k), v.deep_copy())),
            ),
            other => other.clone(),
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Nil,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => match n.as_i64() {
                Some(i) => Value::Int64(i),
                None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(s) => Value::str(s.as_str()),
            Json::Array(items) => Value::list(items.iter().map(Value::from).collect()),
            Json::Object(map) => Value::from(map),
        }
    }
}

impl From<&Map<String, serde_json::Value>> for Value {
    fn from(map: &Map<String, serde_json::Value>) -> Value {
        Value::dict(
            map.iter()
                .map(|(k, v)| (Rc::from(k.as_str()), Value::from(v))),
        )
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

/// Equality as in `reflect.DeepEqual`: the same type and equal content.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        if !meter::spend_node() {
            return false;
        }
        match (self, other) {
            (Value::Nil | Value::NilField, Value::Nil | Value::NilField) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b))
            | (Value::Int64(a), Value::Int64(b))
            | (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Uint64(a), Value::Uint64(b)) => a == b,
            (Value::Byte(a), Value::Byte(b)) => a == b,
            (Value::ByteSlice(a), Value::ByteSlice(b)) => a == b,
            (Value::Texts(a), Value::Texts(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            #[allow(clippy::float_cmp)] // As Go does.
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a_type, a), Value::List(b_type, b)) => a_type == b_type && a == b,
            (Value::Dict(a), Value::Dict(b)) => Rc::ptr_eq(a, b) || *a.borrow() == *b.borrow(),
            (Value::Files(a), Value::Files(b)) => a == b,
            (Value::ApiVersions(a), Value::ApiVersions(b)) => a == b,
            (Value::KubeVersion(a), Value::KubeVersion(b)) => a == b,
            (Value::Semver(a), Value::Semver(b)) => a == b,
            _ => false,
        }
    }
}

/// The output of `{{ value }}` and `%v` (package fmt, "The default format for %v").
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !meter::spend_node() {
            return Ok(());
        }
        match self {
            Value::Nil | Value::NilField => f.write_str("<nil>"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) | Value::Int64(i) => write!(f, "{i}"),
            Value::Uint64(n) => write!(f, "{n}"),
            Value::Byte(n) => write!(f, "{n}"),
            Value::Duration(nanoseconds) => f.write_str(&duration::to_text(*nanoseconds)),
            Value::Time(time) => write!(f, "{time}"),
            Value::Float(x) => f.write_str(&float_to_text(*x)),
            Value::Str(s) => f.write_str(s),
            Value::Bytes(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Value::ByteSlice(bytes) => {
                let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
                write!(f, "[{}]", bytes.join(" "))
            }
            Value::List(_, items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_str("]")
            }
            Value::Dict(dict) => {
                f.write_str("map[")?;
                for (i, (key, value)) in dict.borrow().iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{key}:{value}")?;
                }
                f.write_str("]")
            }
            Value::Texts(texts) => {
                let entries: Vec<String> = texts.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                write!(f, "map[{}]", entries.join(" "))
            }
            Value::Files(files) => {
                f.write_str("map[")?;
                for (i, (name, bytes)) in files.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{name}:{bytes:?}")?;
                }
                f.write_str("]")
            }
            Value::ApiVersions(versions) => write!(f, "[{}]", versions.join(" ")),
            Value::KubeVersion(v) => f.write_str(&v.normalized),
            Value::Semver(v) => write!(f, "{}", v.version),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Str(s) => write!(f, "{s:?}"),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_print_as_go_prints_them() {
        let table = [
            (json!(null), "<nil>"),
            (json!(1_000_000.0), "1e+06"),
            (json!(8200.0), "8200"),
            (json!(0.000_01), "1e-05"),
            (json!(["a", 1, true]), "[a 1 true]"),
            (json!({"b": {"c": 1}, "a": []}), "map[a:[] b:map[c:1]]"),
        ];
        for (value, want) in table {
            assert_eq!(Value::from(&value).to_string(), want);
        }
    }

    #[test]
    fn a_deep_copy_shares_nothing() {
        let original = Value::from(&json!({"a": {"b": 1}}));
        let copy = original.deep_copy();
        if let Value::Dict(dict) = &copy {
            dict.borrow_mut().insert("a".into(), Value::Nil);
        }
        assert_eq!(original, Value::from(&json!({"a": {"b": 1}})));
        assert_ne!(original, copy);
    }
}
