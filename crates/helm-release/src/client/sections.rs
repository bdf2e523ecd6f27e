//! Reads typed fields from configuration and credentials, as Go's decoder does: `null` is absent, unknown keys are
//! ignored, and a value of another type is an error.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// A mapping, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Section<'s> {
    map: Option<&'s Map<String, Value>>,
    at: &'s str,
}

/// Go's `base64.StdEncoding`: padding is required, and unused bits may have any value.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

impl<'s> Section<'s> {
    /// A value that has to be a mapping, or null; `at` names it in errors.
    ///
    /// # Errors
    /// It is something else.
    pub fn new(value: &'s Value, at: &'s str) -> Result<Section<'s>, String> {
        let map = match value {
            Value::Null => None,
            Value::Object(map) => Some(map),
            other => return Err(mismatch(at, "a mapping", other)),
        };
        Ok(Section { map, at })
    }

    fn get(&self, key: &str) -> &'s Value {
        let found = self.map.and_then(|map| map.get(key));
        found.unwrap_or(&Value::Null)
    }

    fn place(&self, key: &str) -> String {
        match self.at.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.at),
        }
    }

    /// Returns a string; empty if it is absent.
    pub fn string(&self, key: &str) -> Result<String, String> {
        string(self.get(key), &self.place(key))
    }

    /// Returns a boolean; false if it is absent.
    pub fn bool(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            Value::Null => Ok(false),
            Value::Bool(value) => Ok(*value),
            other => Err(mismatch(&self.place(key), "true or false", other)),
        }
    }

    /// Returns bytes in base64 (RFC 4648, section 4), which may have line breaks; empty if they are absent.
    pub fn bytes(&self, key: &str) -> Result<Vec<u8>, String> {
        let text = self.string(key)?.replace(['\r', '\n'], "");
        let decoded = BASE64.decode(text);
        decoded.map_err(|e| format!("{}: not valid base64: {e}", self.place(key)))
    }

    /// Returns a list; empty if it is absent.
    pub fn list(&self, key: &str) -> Result<&'s [Value], String> {
        list(self.get(key), &self.place(key))
    }

    /// Returns a list of strings; empty if it is absent.
    pub fn strings(&self, key: &str) -> Result<Vec<String>, String> {
        strings(self.get(key), &self.place(key))
    }

    /// Returns a mapping from strings to lists of strings; empty if it is absent.
    pub fn string_lists(&self, key: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let place = self.place(key);
        let section = Section::new(self.get(key), &place)?;
        let entries = section.map.into_iter().flatten();
        entries
            .map(|(name, value)| Ok((name.clone(), strings(value, &section.place(name))?)))
            .collect()
    }

    /// Returns any value; `null` if it is absent.
    pub fn value(&self, key: &str) -> &'s Value {
        self.get(key)
    }
}

/// Reads a string.
fn string(value: &Value, place: &str) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(mismatch(place, "a string", other)),
    }
}

fn list<'v>(value: &'v Value, place: &str) -> Result<&'v [Value], String> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        other => Err(mismatch(place, "a list", other)),
    }
}

fn strings(value: &Value, place: &str) -> Result<Vec<String>, String> {
    let items = list(value, place)?.iter();
    items.map(|item| string(item, place)).collect()
}

fn mismatch(place: &str, expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    match place.is_empty() {
        true => format!("expected {expected}, found {found}"),
        false => format!("{place}: expected {expected}, found {found}"),
    }
}
