//! The arguments of a function, converted as sprig converts them.

use std::rc::Rc;

use super::super::value::{Dict, ListType, Value};

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

    /// Returns an `int`. Go converts nothing to it: other integers are refused, too.
    pub fn int(&self, i: usize) -> Result<i64, String> {
        match self.get(i) {
            Value::Int(n) => Ok(*n),
            other => Err(Self::wrong(i, "an int (see the function int)", other)),
        }
    }

    /// Returns the items of a list of any type.
    pub fn list(&self, i: usize) -> Result<Vec<Value>, String> {
        self.typed_list(i).map(|(_, items)| items)
    }

    /// Returns the type and the items of a list.
    pub fn typed_list(&self, i: usize) -> Result<(ListType, Vec<Value>), String> {
        match self.get(i) {
            Value::List(list_type, items) => Ok((*list_type, items.to_vec())),
            Value::ByteSlice(bytes) => Ok((
                ListType::Any,
                bytes.iter().map(|b| Value::Byte(*b)).collect(),
            )),
            Value::ApiVersions(versions) => {
                let items = versions.iter().map(|v| Value::Str(Rc::clone(v)));
                Ok((ListType::Strings, items.collect()))
            }
            other => Err(Self::wrong(i, "a list", other)),
        }
    }

    /// Returns a dict to read. As in Go, `nil` is an empty dict, but a field that is not set is none.
    pub fn dict(&self, i: usize) -> Result<Dict, String> {
        match self.get(i) {
            Value::Dict(dict) => Ok(Rc::clone(dict)),
            Value::Nil => Ok(Dict::default()),
            other => Err(Self::wrong(i, "a dict", other)),
        }
    }

    fn wrong(i: usize, wanted: &str, got: &Value) -> String {
        let got = match got {
            Value::Nil | Value::NilField => "nil (not set)".to_owned(),
            Value::Bytes(_) => "bytes that are not UTF-8".to_owned(),
            other => format!("the {} {other:?}", other.kind()),
        };
        format!("argument {} must be {wanted}, not {got}", i + 1)
    }
}

/// Converts a value to a string (sprig's `strval`).
pub(super) fn to_text(value: &Value) -> Rc<str> {
    match value {
        Value::Str(s) => Rc::clone(s),
        Value::ByteSlice(bytes) => String::from_utf8_lossy(bytes).into(),
        other => other.to_string().into(),
    }
}

/// Converts the items of a list to strings, without `nil`s. Any other value becomes the only item.
pub(super) fn to_texts(value: &Value) -> Vec<Rc<str>> {
    match value {
        Value::Nil | Value::NilField => Vec::new(),
        Value::List(_, items) => items.iter().filter(|v| !v.is_nil()).map(to_text).collect(),
        Value::ApiVersions(versions) => versions.to_vec(),
        Value::ByteSlice(bytes) => bytes.iter().map(|b| b.to_string().into()).collect(),
        other => vec![to_text(other)],
    }
}

/// Converts a value to an integer (sprig's `int64`); anything else is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n,
        Value::Uint64(n) => n.cast_signed(),
        Value::Byte(n) => i64::from(*n),
        Value::Float(f) => float_to_int(*f),
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => text_to_int(s).unwrap_or(0),
        _ => 0,
    }
}

/// Drops the fraction. What does not fit is the smallest integer, as on the processors that helm runs on.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn float_to_int(f: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match (-LIMIT..LIMIT).contains(&f) {
        true => f as i64,
        false => i64::MIN,
    }
}

/// Parses an integer as Go source has it: with a sign, a prefix for its base, and underscores between digits.
fn text_to_int(text: &str) -> Option<i64> {
    // The fraction is dropped if it is all zeros ("8.00"), as the cast library does.
    let zeros = text.trim_end_matches('0');
    let whole = match zeros.strip_suffix('.') {
        Some(whole) if zeros.len() < text.len() => whole,
        _ => text,
    };
    let (negative, digits) = match whole.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let prefixed = |prefixes: [char; 2]| digits.strip_prefix('0')?.strip_prefix(prefixes);
    let (radix, body) = if let Some(body) = prefixed(['x', 'X']) {
        (16, body)
    } else if let Some(body) = prefixed(['b', 'B']) {
        (2, body)
    } else if let Some(body) = prefixed(['o', 'O']) {
        (8, body)
    } else if let Some(body) = digits.strip_prefix('0').filter(|body| !body.is_empty()) {
        (8, body)
    } else {
        (10, digits)
    };
    let after_prefix = radix != 10;
    let misplaced =
        body.ends_with('_') || body.contains("__") || (body.starts_with('_') && !after_prefix);
    if misplaced || !body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let magnitude = u64::from_str_radix(&body.replace('_', ""), radix).ok()?;
    match negative {
        true if magnitude <= i64::MIN.unsigned_abs() => Some(0i64.wrapping_sub_unsigned(magnitude)),
        true => None,
        false => i64::try_from(magnitude).ok(),
    }
}

/// Converts a value to a float (sprig's `float64`); anything else is 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        #[allow(clippy::cast_precision_loss)]
        Value::Int(n) | Value::Int64(n) => *n as f64,
        #[allow(clippy::cast_precision_loss)]
        Value::Uint64(n) => *n as f64,
        Value::Byte(n) => f64::from(*n),
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => text_to_float(s).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Parses a float (`strconv.ParseFloat`). A number that is too large is none.
pub(super) fn text_to_float(text: &str) -> Option<f64> {
    let f: f64 = text.parse().ok()?;
    let is_word = text.contains(['n', 'N']);
    (f.is_finite() || is_word).then_some(f)
}

/// Returns whether a value is empty for sprig: unset, zero, false, or without content.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_true()
}
