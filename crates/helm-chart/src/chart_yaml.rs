//! Reads `Chart.yaml`: the types, the required fields and the clean-up of Helm.

use serde_json::{Map, Value};

use super::chart::{Dependency, Metadata};
use super::error::ChartError;
use super::version;
use crate::yaml::{self, Numbers};

/// How the value of a field is read.
#[derive(Clone, Copy)]
enum Kind {
    /// A string. Numbers and booleans become strings.
    Text,
    /// As [`Kind::Text`], on one line and without characters that cannot be printed.
    Line,
    Bool,
    Anything,
    /// A list of values of this kind.
    List(&'static Kind),
    /// A map whose values are of this kind.
    MapOf(&'static Kind),
    /// A map with these fields.
    Fields(&'static [(&'static str, Kind)]),
}

/// The fields of `Chart.yaml`. Any others are kept as they are.
const FIELDS: Kind = Kind::Fields(&[
    ("name", Kind::Line),
    ("home", Kind::Line),
    ("sources", Kind::List(&Kind::Line)),
    ("version", Kind::Text),
    ("description", Kind::Line),
    ("keywords", Kind::List(&Kind::Line)),
    ("maintainers", Kind::List(&MAINTAINER)),
    ("icon", Kind::Line),
    ("apiVersion", Kind::Text),
    ("condition", Kind::Line),
    ("tags", Kind::Line),
    ("appVersion", Kind::Line),
    ("deprecated", Kind::Bool),
    ("annotations", Kind::MapOf(&Kind::Text)),
    ("kubeVersion", Kind::Line),
    ("dependencies", Kind::List(&DEPENDENCY)),
    ("type", Kind::Text),
]);

const MAINTAINER: Kind = Kind::Fields(&[
    ("name", Kind::Line),
    ("email", Kind::Line),
    ("url", Kind::Line),
]);

const DEPENDENCY: Kind = Kind::Fields(&[
    ("name", Kind::Line),
    ("version", Kind::Line),
    ("repository", Kind::Line),
    ("condition", Kind::Line),
    ("tags", Kind::List(&Kind::Line)),
    ("enabled", Kind::Bool),
    ("import-values", Kind::List(&Kind::Anything)),
    ("alias", Kind::Text),
]);

/// What is wrong with a file, and the JSON pointer to the field.
struct Fault {
    pointer: String,
    message: String,
}

impl Fault {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Fault {
        Fault {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}

/// Reads a `Chart.yaml`. `path` is that of the file in errors. As in Helm, a subchart may have any `apiVersion`.
///
/// # Errors
/// [`ChartError::File`] with line and column if the file is not YAML, or if a field has the wrong type, is missing or is
/// not valid.
pub(super) fn read(text: &str, path: &str, is_subchart: bool) -> Result<Metadata, ChartError> {
    let fields = parse(text, path)?;
    metadata(fields, is_subchart).map_err(|fault| locate(&fault, text, path))
}

/// Reads the dependencies in a `requirements.yaml`, which charts with `apiVersion: v1` have.
///
/// # Errors
/// As [`read`].
pub(super) fn read_dependencies(text: &str, path: &str) -> Result<Vec<Dependency>, ChartError> {
    let fields = parse(text, path)?;
    let checked = convert(Value::Object(fields), FIELDS, "")
        .and_then(|fields| dependencies(fields.as_object().unwrap_or(&Map::new())));
    checked.map_err(|fault| locate(&fault, text, path))
}

fn parse(text: &str, path: &str) -> Result<Map<String, Value>, ChartError> {
    let place =
        |e: yaml::YamlError| ChartError::file(format!("{path}:{}:{}", e.line, e.column), e.message);
    // As in Helm, only the first document counts.
    let documents = yaml::parse_documents(text, Numbers::Exact).map_err(place)?;
    match documents.into_iter().next().map(|document| document.value) {
        Some(Value::Object(map)) => Ok(map),
        _ => Err(ChartError::file(format!("{path}:1:1"), "expected a map")),
    }
}

fn locate(fault: &Fault, text: &str, path: &str) -> ChartError {
    let marks = yaml::parse_with_marks(text, Numbers::Exact).map(|(_, marks)| marks);
    let mut pointer = fault.pointer.as_str();
    let place = loop {
        match marks.as_ref().ok().and_then(|marks| marks.get(pointer)) {
            Some((line, column)) => break (*line, *column),
            None => match pointer.rsplit_once('/') {
                Some((outer, _)) => pointer = outer,
                None => break (1, 1),
            },
        }
    };
    ChartError::file(format!("{path}:{}:{}", place.0, place.1), &*fault.message)
}

fn metadata(fields: Map<String, Value>, is_subchart: bool) -> Result<Metadata, Fault> {
    let Value::Object(mut fields) = convert(Value::Object(fields), FIELDS, "")? else {
        return Err(Fault::new("", "expected a map"));
    };
    let get = |key: &str| text(&fields, key);
    let name = get("name");
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    if !plain {
        let message = "the chart needs a name (name: …) without slashes";
        return Err(Fault::new("/name", message));
    }
    let version = get("version");
    if version.is_empty() {
        let message = "the chart needs a version (version: …), such as 1.0.0";
        return Err(Fault::new("", message));
    }
    version::parse(&version).map_err(|error| Fault::new("/version", error))?;
    let kind = get("type");
    if !matches!(kind.as_str(), "" | "application" | "library") {
        let message = format!("type: {kind:?} is neither application nor library");
        return Err(Fault::new("/type", message));
    }
    let api_version = get("apiVersion");
    if !is_subchart && !matches!(api_version.as_str(), "" | "v1" | "v2") {
        let message = format!("apiVersion: {api_version:?} is not supported; charts have v1 or v2");
        return Err(Fault::new("/apiVersion", message));
    }
    let metadata = Metadata {
        name,
        version,
        app_version: get("appVersion"),
        kube_version: get("kubeVersion"),
        is_library: kind == "library",
        dependencies: dependencies(&fields)?,
        fields: Map::new(),
    };
    if api_version.is_empty() {
        fields.insert("apiVersion".to_owned(), "v1".into());
    }
    Ok(Metadata { fields, ..metadata })
}

fn dependencies(fields: &Map<String, Value>) -> Result<Vec<Dependency>, Fault> {
    let entries = fields.get("dependencies").and_then(Value::as_array);
    let mut found: Vec<Dependency> = Vec::new();
    for (i, entry) in entries.into_iter().flatten().enumerate() {
        let pointer = |key: &str| format!("/dependencies/{i}/{key}");
        let Some(entry) = entry.as_object() else {
            return Err(Fault::new(pointer(""), "dependencies: an entry is empty"));
        };
        let list = |key: &str| {
            entry
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let dependency = Dependency {
            name: text(entry, "name"),
            version: text(entry, "version"),
            alias: Some(text(entry, "alias")).filter(|alias| !alias.is_empty()),
            condition: text(entry, "condition"),
            tags: list("tags")
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect(),
            import_values: list("import-values").filter_map(import_value).collect(),
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if let Some(alias) = &dependency.alias
            && !alias.chars().all(is_word)
        {
            let message =
                format!("alias: {alias:?} can only have letters, digits, hyphens and underscores");
            return Err(Fault::new(pointer("alias"), message));
        }
        let key = |dependency: &Dependency| {
            (dependency.alias.clone()).unwrap_or_else(|| dependency.name.clone())
        };
        if found.iter().any(|other| key(other) == key(&dependency)) {
            let message = format!(
                "dependencies: more than one has the name or alias {:?}; give one of them another alias",
                key(&dependency)
            );
            return Err(Fault::new(pointer("name"), message));
        }
        found.push(dependency);
    }
    Ok(found)
}

fn import_value(value: &Value) -> Option<(String, String)> {
    match value {
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Object(map) => Some((
            map.get("child")?.as_str()?.to_owned(),
            map.get("parent")?.as_str()?.to_owned(),
        )),
        _ => None,
    }
}

fn text(fields: &Map<String, Value>, key: &str) -> String {
    let text = fields.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Converts a value to its kind. A `null` stays one, except for an entry of a list of maps.
fn convert(value: Value, kind: Kind, pointer: &str) -> Result<Value, Fault> {
    let wrong = |wanted: &str| {
        let name = pointer.trim_start_matches('/').replace('/', ".");
        Fault::new(pointer, format!("{name}: expected {wanted}"))
    };
    match (kind, value) {
        (Kind::Anything, value) => Ok(value),
        (Kind::List(Kind::Fields(_)), Value::Array(items)) if items.iter().any(Value::is_null) => {
            Err(wrong("a list without empty entries"))
        }
        (_, Value::Null) => Ok(Value::Null),
        (Kind::Text, value) => scalar(&value)
            .map(Value::String)
            .ok_or_else(|| wrong("a string")),
        (Kind::Line, value) => match scalar(&value) {
            Some(text) => Ok(Value::String(one_line(&text))),
            None => Err(wrong("a string")),
        },
        (Kind::Bool, value @ Value::Bool(_)) => Ok(value),
        (Kind::Bool, _) => Err(wrong("true or false")),
        (Kind::List(kind), Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| convert(item, *kind, &format!("{pointer}/{i}")))
            .collect(),
        (Kind::List(_), _) => Err(wrong("a list")),
        (Kind::MapOf(kind), Value::Object(map)) => map
            .into_iter()
            .map(|(key, value)| {
                let value = convert(value, *kind, &format!("{pointer}/{key}"))?;
                Ok((key, value))
            })
            .collect(),
        (Kind::Fields(known), Value::Object(map)) => {
            let mut out = Map::new();
            for (key, value) in map {
                let field = known
                    .iter()
                    .find(|(name, _)| *name == key)
                    // Go ignores the case of a field's name.
                    .or_else(|| {
                        known
                            .iter()
                            .find(|(name, _)| name.eq_ignore_ascii_case(&key))
                    });
                match field {
                    None => _ = out.insert(key, value),
                    Some((name, kind)) => {
                        let value = convert(value, *kind, &format!("{pointer}/{key}"))?;
                        if key == *name || !out.contains_key(*name) {
                            out.insert((*name).to_owned(), value);
                        }
                    }
                }
            }
            Ok(Value::Object(out))
        }
        (Kind::MapOf(_) | Kind::Fields(_), _) => Err(wrong("a map")),
    }
}

/// Returns a scalar as a string, as Helm reads it: floats with the precision of 32 bits.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(on) => Some(on.to_string()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(yaml::float_32_to_text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Replaces blanks of any kind, line breaks among them, by spaces, and removes what cannot be printed.
fn one_line(text: &str) -> String {
    let is_invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
    };
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(text: &str, is_subchart: bool) -> Result<Metadata, String> {
        read(text, "Chart.yaml", is_subchart).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_read_as_helm_reads_them() {
        let metadata = message(
            "name: web\nVersion: 1.10\nappVersion: 20240101\nTYPE: library\ndescription: |\n  a\n  b\u{200b}\n\
             annotations: {a: 1, b: true}\nkeywords: [1.50, x]\nsources:\ndeprecated: true\nown: {x: 1}\n\
             dependencies:\n- {name: db, version: 1, condition: 'a.b\t,c', alias: d_B-1, tags: [1]}\n",
            false,
        )
        .unwrap();
        assert!(metadata.is_library);
        assert_eq!(metadata.app_version, "20240101");
        let dependency = &metadata.dependencies[0];
        assert_eq!(
            (dependency.version.as_str(), dependency.condition.as_str()),
            ("1", "a.b ,c")
        );
        assert_eq!(dependency.tags, ["1"]);
        let mut fields = metadata.fields;
        fields.remove("dependencies");
        assert_eq!(
            Value::Object(fields),
            json!({
                "apiVersion": "v1", "name": "web", "version": "1.1", "appVersion": "20240101", "type": "library",
                "description": "a b ", "annotations": {"a": "1", "b": "true"}, "keywords": ["1.5", "x"],
                "sources": null, "deprecated": true, "own": {"x": 1},
            })
        );
    }

    #[test]
    fn floats_have_the_precision_of_helm() {
        let table = [
            (1.1, "1.1"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.123_456_789, "0.12345679"),
        ];
        for (value, want) in table {
            assert_eq!(scalar(&json!(value)).as_deref(), Some(want));
        }
    }

    #[test]
    fn a_subchart_may_have_any_api_version() {
        let text = "apiVersion: v7\nname: web\nversion: 1.0.0\n";
        assert!(message(text, true).is_ok());
        assert!(message(text, false).is_err());
    }

    #[test]
    fn invalid_metadata_is_refused_with_its_position() {
        const BASE: &str = "name: web\nversion: 1.0.0\n";
        let base = |more: &str| format!("{BASE}{more}\n");
        let table = [
            "version: 1.0.0".to_owned(),
            "name: ''\nversion: 1.0.0".to_owned(),
            "name: ..\nversion: 1.0.0".to_owned(),
            "name: a/b\nversion: 1.0.0".to_owned(),
            "name: [a]\nversion: 1.0.0".to_owned(),
            "name: web".to_owned(),
            "name: web\nversion: latest".to_owned(),
            "name: web\nversion: 1.2.3.4".to_owned(),
            base("type: whatever"),
            base("type: Library"),
            base("apiVersion: v3"),
            base("apiVersion: 2"),
            base("deprecated: 'yes'"),
            base("keywords: a"),
            base("annotations: {a: {b: c}}"),
            base("maintainers: [{name: a}, ]\nsources: {}"),
            base("maintainers: [{name: a}, null]"),
            base("maintainers:\n- a"),
            base("dependencies: [{name: a}, null]"),
            base("dependencies:\n- {name: a}\n- name: a"),
            base("dependencies:\n- {name: a, alias: b}\n- name: b"),
            base("dependencies:\n- name: a\n  alias: b.c"),
            base("dependencies:\n- a"),
        ];
        let mut out = String::new();
        for text in table {
            out.push_str(&format!("{}\n", message(&text, false).expect_err(&text)));
        }
        insta::assert_snapshot!(out);
    }
}
