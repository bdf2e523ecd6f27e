//! Converts the checker's tree of errors into a list of [`Violation`]s with suggestions.

use boon::{ErrorKind, InstanceToken, Type, ValidationError};
use serde_json::{Map, Value};

use super::multiple::is_multiple;
use crate::error::Violation;
use crate::json;
use crate::nearest::nearest;

/// Maximum number of known keys in a message, if none of them resembles the unknown one.
const MAX_KEYS_LISTED: usize = 12;

/// Lists the violations in `values`. `document` is the schema that they were checked against.
pub(super) fn list(error: &ValidationError, values: &Value, document: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    Reporter { values, document }.add(error, &mut found);
    let mut unique: Vec<Violation> = Vec::new();
    for violation in found {
        if !unique.contains(&violation) {
            unique.push(violation);
        }
    }
    // The checker lists the keys of a map in no particular order.
    unique.sort_by(|a, b| a.path.cmp(&b.path));
    unique
}

struct Reporter<'v> {
    values: &'v Value,
    document: &'v Value,
}

impl Reporter<'_> {
    fn add(&self, error: &ValidationError, found: &mut Vec<Violation>) {
        use ErrorKind as Kind;
        let mut location = error.instance_location.tokens.clone();
        if let Some(InstanceToken::Item(i)) = location.last_mut() {
            *i += self.items_before(error.schema_url);
        }
        let path = keys(&location);
        let value = at(self.values, &location);
        let shown = || value.map(json::compact).unwrap_or_default();
        let schema = self.schema_at(error.schema_url);
        let message = match &error.kind {
            Kind::Group | Kind::Schema { .. } | Kind::Reference { .. } | Kind::AllOf => {
                error.causes.iter().for_each(|cause| self.add(cause, found));
                return;
            }
            Kind::AnyOf | Kind::OneOf(None) => {
                found.extend(self.nearest_alternative(error, &path));
                return;
            }
            Kind::AdditionalProperties { got } => {
                found.extend(got.iter().map(|key| unknown(&path, key, schema)));
                return;
            }
            Kind::FalseSchema if is_catch_all(error.schema_url) && !path.is_empty() => {
                let (key, outer) = path.split_last().map_or(("", &[][..]), |(k, o)| (k, o));
                found.push(unknown(outer, key, self.parent_schema(error.schema_url)));
                return;
            }
            Kind::Required { want } => {
                found.extend(want.iter().map(|key| missing(&path, key, "must be set")));
                return;
            }
            Kind::Dependency {
                prop,
                missing: keys,
            }
            | Kind::DependentRequired {
                prop,
                missing: keys,
            } => {
                let message = format!("must be set, because {prop} is set");
                found.extend(keys.iter().map(|key| missing(&path, key, &message)));
                return;
            }
            Kind::PropertyName { prop } => {
                self.add_property_name(error, prop, found);
                return;
            }
            Kind::MultipleOf { got, want } if is_multiple(got, want) => return,
            Kind::FalseSchema => "no value is allowed here".to_owned(),
            Kind::Type { want, .. } => {
                let want: Vec<&str> = want.iter().map(type_name).collect();
                format!("must be {}, not {}", want.join(" or "), shown())
            }
            Kind::Enum { want } => one_of(want, value),
            Kind::Const { want } => format!("must be {}, not {}", json::compact(want), shown()),
            Kind::Pattern { want, .. } => {
                let told = |key: &str| schema?.get(key)?.as_str();
                match told("description") {
                    Some(what) => format!("is not valid: {} ({what})", shown()),
                    None => {
                        let pattern = told("pattern").unwrap_or(want);
                        format!("is not valid: {} (it must match {pattern})", shown())
                    }
                }
            }
            Kind::Format { want, err, .. } => {
                format!(
                    "is not a valid {want}: {} ({})",
                    shown(),
                    last_line(err.as_ref())
                )
            }
            Kind::MinLength { want, .. } => {
                format!("must have at least {}", count(*want, "character"))
            }
            Kind::MaxLength { want, .. } => {
                format!("must have at most {}", count(*want, "character"))
            }
            Kind::MinItems { want, .. } => format!("must have at least {}", count(*want, "item")),
            Kind::MaxItems { want, .. } => format!("must have at most {}", count(*want, "item")),
            Kind::MinProperties { want, .. } => {
                format!("must have at least {}", count(*want, "key"))
            }
            Kind::MaxProperties { want, .. } => {
                format!("must have at most {}", count(*want, "key"))
            }
            Kind::AdditionalItems { got } => format!("has {} too many", count(*got, "item")),
            Kind::UniqueItems { got: [a, b] } => {
                format!("must not contain the same item twice, but [{a}] equals [{b}]")
            }
            Kind::Contains => "has no item of the kind that the schema requires".to_owned(),
            Kind::MinContains { got, want } => format!(
                "must have at least {} of the kind that the schema requires, not {}",
                count(*want, "item"),
                got.len()
            ),
            Kind::MaxContains { got, want } => format!(
                "must have at most {} of the kind that the schema describes, not {}",
                count(*want, "item"),
                got.len()
            ),
            Kind::Minimum { want, .. } => format!("must be at least {want}, not {}", shown()),
            Kind::Maximum { want, .. } => format!("must be at most {want}, not {}", shown()),
            Kind::ExclusiveMinimum { want, .. } => {
                format!("must be more than {want}, not {}", shown())
            }
            Kind::ExclusiveMaximum { want, .. } => {
                format!("must be less than {want}, not {}", shown())
            }
            Kind::MultipleOf { want, .. } => {
                format!("must be a multiple of {want}, not {}", shown())
            }
            Kind::Not => format!("must not be {}", shown()),
            Kind::OneOf(Some(_)) => "fits more than one of the schema's alternatives".to_owned(),
            Kind::RefCycle { .. } => "the schema refers to itself without end here".to_owned(),
            other => other.to_string(),
        };
        found.push(Violation { path, message });
    }

    /// What is wrong with the alternative that comes nearest. If all of them want another type, one message
    /// names all the types. Nothing if an alternative fits after all (see [`is_multiple`]).
    fn nearest_alternative(&self, error: &ValidationError, path: &[String]) -> Vec<Violation> {
        let mut types: Vec<&str> = Vec::new();
        let mut best: Option<(bool, Vec<Violation>)> = None;
        for cause in &error.causes {
            let mut violations = Vec::new();
            self.add(cause, &mut violations);
            let of_type = wanted_types(cause, path);
            types.extend(of_type.iter().flatten());
            let rank = |entry: &(bool, Vec<Violation>)| (entry.0, entry.1.len());
            let entry = (of_type.is_some(), violations);
            if entry.1.is_empty() || best.as_ref().is_none_or(|best| rank(&entry) < rank(best)) {
                best = Some(entry);
            }
            if best
                .as_ref()
                .is_some_and(|(_, violations)| violations.is_empty())
            {
                break;
            }
        }
        match best {
            Some((false, violations)) => violations,
            Some((true, _)) => {
                types.dedup();
                let value = at(self.values, &error.instance_location.tokens);
                let shown = value.map(json::compact).unwrap_or_default();
                vec![Violation {
                    path: path.to_vec(),
                    message: format!("must be {}, not {shown}", types.join(" or ")),
                }]
            }
            None => Vec::new(),
        }
    }

    /// A key that `propertyNames` does not allow. The checker does not say which map the key is in, so that is
    /// told only if a single map has it.
    fn add_property_name(&self, error: &ValidationError, key: &str, found: &mut Vec<Violation>) {
        let mut maps = Vec::new();
        maps_with_key(self.values, key, &mut Vec::new(), &mut maps);
        let path = match maps.as_slice() {
            [only] => only.clone(),
            _ => Vec::new(),
        };
        let name = Value::from(key);
        let inner = Reporter {
            values: &name,
            document: self.document,
        };
        let mut violations = Vec::new();
        error
            .causes
            .iter()
            .for_each(|cause| inner.add(cause, &mut violations));
        found.extend(violations.into_iter().map(|violation| Violation {
            path: path.clone(),
            message: format!("the key {key:?} {}", violation.message),
        }));
    }

    /// Returns the part of the schema that a location of the checker refers to.
    fn schema_at(&self, url: &str) -> Option<&Map<String, Value>> {
        let (document, fragment) = url.split_once('#')?;
        if ![super::URL, super::TRUSTED_URL].contains(&document) {
            return None;
        }
        let pointer = percent_encoding::percent_decode_str(fragment)
            .decode_utf8()
            .ok()?;
        self.document.pointer(&pointer)?.as_object()
    }

    /// How many items of a list other parts of the schema describe: the checker numbers the items that follow
    /// them from 0.
    fn items_before(&self, url: &str) -> usize {
        let list = |key: &str| self.parent_schema(url)?.get(key)?.as_array().map(Vec::len);
        match url.rsplit_once('/') {
            Some((_, "items")) => list("prefixItems").unwrap_or_default(),
            Some((_, "additionalItems")) => list("items").unwrap_or_default(),
            _ => 0,
        }
    }

    fn parent_schema(&self, url: &str) -> Option<&Map<String, Value>> {
        self.schema_at(url.rsplit_once('/')?.0)
    }
}

/// Returns whether the schema at a location is for keys that no other part of the schema describes.
fn is_catch_all(url: &str) -> bool {
    url.ends_with("/unevaluatedProperties") || url.ends_with("/additionalProperties")
}

/// Returns the types that an alternative allows, if the type is its only violation.
fn wanted_types(error: &ValidationError, path: &[String]) -> Option<Vec<&'static str>> {
    match (&error.kind, error.causes.as_slice()) {
        (ErrorKind::Type { want, .. }, _) if keys(&error.instance_location.tokens) == path => {
            Some(want.iter().map(type_name).collect())
        }
        (ErrorKind::Reference { .. }, [cause]) => wanted_types(cause, path),
        _ => None,
    }
}

fn unknown(outer: &[String], key: &str, schema: Option<&Map<String, Value>>) -> Violation {
    let known = schema.and_then(|schema| schema.get("properties")?.as_object());
    let names = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    let prefix: String = outer.iter().map(|part| format!("{part}.")).collect();
    let prefix = prefix.replace(".[", "[");
    let hint = match nearest(key, names()) {
        Some(near) => format!("; did you mean {prefix}{near}?"),
        None if (1..=MAX_KEYS_LISTED).contains(&names().count()) => {
            format!("; known are: {}", names().collect::<Vec<_>>().join(", "))
        }
        None => String::new(),
    };
    missing(outer, key, &format!("unknown value{hint}"))
}

/// A violation of a key that is not, or should not be, in the map at `outer`.
fn missing(outer: &[String], key: &str, message: &str) -> Violation {
    let mut path = outer.to_vec();
    path.push(key.to_owned());
    Violation {
        path,
        message: message.to_owned(),
    }
}

fn one_of(options: &[Value], value: Option<&Value>) -> String {
    let names: Vec<String> = options.iter().map(json::compact).collect();
    let near = value
        .and_then(Value::as_str)
        .and_then(|value| nearest(value, options.iter().filter_map(Value::as_str)))
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default();
    let one_of = match names.len() {
        1 => "",
        _ => "one of ",
    };
    let shown = value.map(json::compact).unwrap_or_default();
    format!("must be {one_of}{}, not {shown}{near}", names.join(", "))
}

/// Returns the message of an error without the picture that the parser of regular expressions draws above it.
pub(super) fn last_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

fn type_name(name: Type) -> &'static str {
    match name {
        Type::Null => "null",
        Type::Boolean => "a boolean",
        Type::Number => "a number",
        Type::Integer => "an integer",
        Type::String => "a string",
        Type::Array => "a list",
        Type::Object => "a map",
    }
}

/// Converts a location to the path of a [`Violation`].
fn keys(location: &[InstanceToken]) -> Vec<String> {
    let key = |token: &InstanceToken| match token {
        InstanceToken::Prop(key) => key.to_string(),
        InstanceToken::Item(i) => format!("[{i}]"),
    };
    location.iter().map(key).collect()
}

fn at<'v>(values: &'v Value, location: &[InstanceToken]) -> Option<&'v Value> {
    location
        .iter()
        .try_fold(values, |value, token| match token {
            InstanceToken::Prop(key) => value.get(key.as_ref()),
            InstanceToken::Item(i) => value.get(i),
        })
}

fn maps_with_key(value: &Value, key: &str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut inside = |name: String, value: &Value| {
        path.push(name);
        maps_with_key(value, key, path, found);
        path.pop();
    };
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(name, value)| inside(name.clone(), value));
            if map.contains_key(key) {
                found.push(path.clone());
            }
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, item)| inside(format!("[{i}]"), item));
        }
        _ => {}
    }
}
