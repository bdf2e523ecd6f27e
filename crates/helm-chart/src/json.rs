//! Reads strings in JSON, and writes JSON as Go's `encoding/json` does: whole floats without a fraction, optionally safe
//! for HTML.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Returns the string at these keys, one inside the other; empty if there is none.
pub fn text<'v>(value: &'v Value, keys: &[&str]) -> &'v str {
    let found = keys.iter().try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Returns the byte offset of an error, whose column is in bytes, and 0 for a line feed.
pub(crate) fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n');
    let start: usize = lines
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    (start + error.column()).saturating_sub(1)
}

/// Returns the line and the column of an error, both from 1; the column is in characters.
pub(crate) fn position_of(text: &str, error: &serde_json::Error) -> (usize, usize) {
    let (mut line, mut column) = (1, 1);
    let offset = offset_of(text, error);
    for (_, c) in text.char_indices().take_while(|(at, _)| *at < offset) {
        (line, column) = match c {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        };
    }
    (line, column)
}

/// Returns the message of an error without the position that it ends with, whose column is in bytes.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    message
        .strip_suffix(&position)
        .unwrap_or(&message)
        .to_owned()
}

/// Formats a float as `encoding/json` does: `1000000`, `0.5`, `1e+21`.
pub(crate) fn float(f: f64) -> String {
    let magnitude = f.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{f:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                format!("{mantissa}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{f}")
}

/// Formats a value on one line, without blanks.
pub fn compact(value: &Value) -> String {
    write(value, CompactFormatter, false)
}

/// Formats a value on one line with `<`, `>` and `&` escaped, as Go's `json.Marshal` does by default.
pub(crate) fn compact_html_safe(value: &Value) -> String {
    write(value, CompactFormatter, true)
}

/// Formats a value with an indentation of two blanks.
pub fn pretty(value: &Value) -> String {
    write(value, PrettyFormatter::new(), false)
}

fn write<F: Formatter>(value: &Value, inner: F, html_safe: bool) -> String {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, GoFormatter { inner, html_safe });
    // Writing a JSON value into memory cannot fail: keys are strings and floats are finite.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(out).unwrap_or_default()
}

/// Formats floats as Go does and, if asked for, escapes for HTML. Everything else goes to `inner`.
struct GoFormatter<F> {
    inner: F,
    html_safe: bool,
}

impl<F: Formatter> Formatter for GoFormatter<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        let special = |c: char| {
            matches!(c, '\u{2028}' | '\u{2029}') || self.html_safe && matches!(c, '<' | '>' | '&')
        };
        while let Some(at) = rest.find(special) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                write!(writer, "\\u{:04x}", c as u32)?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.inner.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.inner.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        let table = [
            (8200.0, "8200"),
            (0.5, "0.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (0.0, "0"),
        ];
        for (value, want) in table {
            assert_eq!(float(value), want);
        }
    }

    #[test]
    fn html_is_escaped_only_where_go_does() {
        let value = json!({"a<b": "x&y", "n": 1.0});
        assert_eq!(compact(&value), r#"{"a<b":"x&y","n":1}"#);
        assert_eq!(
            compact_html_safe(&value),
            r#"{"a\u003cb":"x\u0026y","n":1}"#
        );
        assert_eq!(
            pretty(&json!({"a": [1, {}]})),
            "{\n  \"a\": [\n    1,\n    {}\n  ]\n}"
        );
    }
}
