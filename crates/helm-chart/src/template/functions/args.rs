//! The arguments of a function, converted as sprig converts them.

use std::rc::Rc;

use super::super::value::{Dict, Value};

/// A function's arguments.
pub(super) struct Args<'a>(pub &'a [Value]);

impl<'a> Args<'a> {
    /// Returns the argument at `i`; `nil` if there is none.
    pub fn get(&self, i: usize) -> &'a Value {
        self.0.get(i).unwrap_or(&Value::Nil)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns all arguments from `i` on.
    pub fn from(&self, i: usize) -> &'a [Value] {
        self.0.get(i..).unwrap_or_default()
    }

    /// Returns the last argument, which is the piped value in a pipeline.
    pub fn last(&self) -> &'a Value {
        self.0.last().unwrap_or(&Value::Nil)
    }

    pub fn text(&self, i: usize) -> Result<&'a str, String> {
        match self.get(i) {
            Value::Str(s) => Ok(s),
            other => Err(Self::wrong(i, "a string", other)),
        }
    }

    /// Returns a string as bytes. Strings from files do not have to be UTF-8.
    pub fn bytes(&self, i: usize) -> Result<&'a [u8], String> {
        match self.get(i) {
            Value::Bytes(bytes) => Ok(bytes),
            _ => self.text(i).map(str::as_bytes),
        }
    }

    pub fn bool(&self, i: usize) -> Result<bool, String> {
        match self.get(i) {
            Value::Bool(b) => Ok(*b),
            other => Err(Self::wrong(i, "true or false", other)),
        }
    }

    /// Returns an integer, as Go's template engine converts it for an `int` parameter.
    pub fn int(&self, i: usize) -> Result<i64, String> {
        match self.get(i) {
            Value::Int(n) => Ok(*n),
            other => Err(Self::wrong(
                i,
                "a whole number (see the function int)",
                other,
            )),
        }
    }

    pub fn list(&self, i: usize) -> Result<Vec<Value>, String> {
        match self.get(i) {
            Value::List(items) => Ok(items.to_vec()),
            Value::ApiVersions(versions) => {
                Ok(versions.iter().map(|v| Value::Str(Rc::clone(v))).collect())
            }
            other => Err(Self::wrong(i, "a list", other)),
        }
    }

    pub fn dict(&self, i: usize) -> Result<&'a Dict, String> {
        match self.get(i) {
            Value::Dict(dict) => Ok(dict),
            other => Err(Self::wrong(i, "a dict", other)),
        }
    }

    fn wrong(i: usize, wanted: &str, got: &Value) -> String {
        let got = match got {
            Value::Nil => "nil (not set)".to_owned(),
            Value::Bytes(_) => "bytes that are not UTF-8".to_owned(),
            other => format!("the {} {other:?}", other.kind()),
        };
        format!("argument {} must be {wanted}, not {got}", i + 1)
    }
}

/// Converts a value to a string (sprig's `toString`).
pub(super) fn to_text(value: &Value) -> Rc<str> {
    match value {
        Value::Str(s) => Rc::clone(s),
        other => other.to_string().into(),
    }
}

/// Converts the items of a list to strings, without `nil`s. Any other value becomes the only item.
pub(super) fn to_texts(value: &Value) -> Vec<Rc<str>> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(items) => items
            .iter()
            .filter(|v| **v != Value::Nil)
            .map(to_text)
            .collect(),
        Value::ApiVersions(versions) => versions.to_vec(),
        other => vec![to_text(other)],
    }
}

/// Converts a value to an integer (sprig's `int64`); anything else is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        #[allow(clippy::cast_possible_truncation)] // Saturates; Go truncates towards zero too.
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => text_to_int(s),
        _ => 0,
    }
}

fn text_to_int(text: &str) -> i64 {
    // The fraction is dropped if it is all zeros ("8.00"), as the cast library does.
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let (negative, digits) = match whole.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let (radix, body) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    i64::from_str_radix(body, radix).map_or(0, |n| if negative { -n } else { n })
}

/// Converts a value to a float (sprig's `float64`); anything else is 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        #[allow(clippy::cast_precision_loss)]
        Value::Int(n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => s.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Returns whether a value is empty for sprig: unset, zero, false, or without content.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_true()
}
