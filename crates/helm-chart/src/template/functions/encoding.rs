//! Functions that encode, decode and hash.

use std::fmt::Write as _;
use std::rc::Rc;

use base64::Engine as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Digest as _;

use super::super::files::base64;
use super::super::meter;
use super::super::value::{ListType, Value};
use super::args::Args;
use super::{ANY, Context, Error, Function, Outcome, json_syntax, yaml_text};
use crate::yaml::Numbers;
use crate::{json, yaml};

pub(super) const TABLE: &[Function] = &[
    ("toYaml", 1, 1, |_, a| {
        text(yaml_text::plain(&a.get(0).to_json()))
    }),
    ("mustToYaml", 1, 1, |_, a| {
        text(yaml_text::plain(&a.get(0).to_json()))
    }),
    ("toYamlPretty", 1, 1, |_, a| {
        text(yaml_text::pretty(&for_pretty(a.get(0)).to_json()))
    }),
    ("fromYaml", 1, 1, |_, a| {
        Ok(from_yaml(a.text(0)?, Shape::Dict))
    }),
    ("fromYamlArray", 1, 1, |_, a| {
        Ok(from_yaml(a.text(0)?, Shape::List))
    }),
    ("toJson", 1, 1, |_, a| {
        text(json::compact_html_safe(&a.get(0).to_json()))
    }),
    ("mustToJson", 1, 1, |_, a| {
        text(json::compact_html_safe(&a.get(0).to_json()))
    }),
    ("toRawJson", 1, 1, |_, a| {
        text(json::compact(&a.get(0).to_json()))
    }),
    ("mustToRawJson", 1, 1, |_, a| {
        text(json::compact(&a.get(0).to_json()))
    }),
    ("toPrettyJson", 1, 1, |_, a| text(pretty_json(a.get(0)))),
    ("mustToPrettyJson", 1, 1, |_, a| text(pretty_json(a.get(0)))),
    ("fromJson", 1, 1, |_, a| {
        Ok(from_json(a.text(0)?, Shape::Dict))
    }),
    ("fromJsonArray", 1, 1, |_, a| {
        Ok(from_json(a.text(0)?, Shape::List))
    }),
    ("mustFromJson", 1, 1, |_, a| {
        read_json(a.text(0)?).map_err(Error::Wrong)
    }),
    ("b64enc", 1, 1, |_, a| text(base64(a.bytes(0)?))),
    ("b64dec", 1, 1, b64_decode),
    ("b32enc", 1, 1, |_, a| text(base32(a.bytes(0)?))),
    ("b32dec", 1, 1, b32_decode),
    ("sha1sum", 1, 1, |_, a| {
        text(hex(&sha1::Sha1::digest(a.bytes(0)?)))
    }),
    ("sha256sum", 1, 1, |_, a| {
        text(hex(&sha2::Sha256::digest(a.bytes(0)?)))
    }),
    ("sha512sum", 1, 1, |_, a| {
        text(hex(&sha2::Sha512::digest(a.bytes(0)?)))
    }),
    ("adler32sum", 1, 1, |_, a| {
        text(adler32(a.bytes(0)?).to_string())
    }),
    ("urlquery", 0, ANY, |_, a| {
        text(escape_query(&super::print::joined(a.0)))
    }),
    ("html", 0, ANY, |_, a| {
        text(html(&super::print::joined(a.0)))
    }),
    ("js", 0, ANY, |_, a| {
        text(javascript(&super::print::joined(a.0)))
    }),
];

/// `toYamlPretty` does not go through JSON: it writes a `nil` list as an empty list, and a duration as a string.
fn for_pretty(value: &Value) -> Value {
    if !meter::spend_copy() {
        return Value::Nil;
    }
    match value {
        Value::List(_, items) => Value::list(items.iter().map(for_pretty).collect()),
        Value::Dict(dict) => Value::dict(
            dict.borrow()
                .iter()
                .map(|(k, v)| (Rc::clone(k), for_pretty(v))),
        ),
        Value::Duration(_) => Value::from(value.to_string()),
        other => other.clone(),
    }
}

#[allow(clippy::unnecessary_wraps)]
fn text(text: impl Into<Rc<str>>) -> Outcome {
    Ok(Value::str(text))
}

fn pretty_json(value: &Value) -> String {
    let mut out = String::new();
    // Go escapes these for HTML. They occur only inside of strings.
    for c in json::pretty(&value.to_json()).chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

/// Invalid base64 results in Go's error message as the string, as in sprig.
fn b64_decode(_: &mut Context, a: &Args<'_>) -> Outcome {
    let decoded = decode_base64(a.text(0)?);
    Ok(decoded.map_or_else(Value::from, |bytes| Value::text(&bytes)))
}

/// Decodes base64 (RFC 4648, section 4), as Go does: line breaks are ignored.
///
/// # Errors
/// The message of Go.
pub(super) fn decode_base64(encoded: &str) -> Result<Vec<u8>, String> {
    let (places, digits): (Vec<usize>, Vec<u8>) = encoded
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'))
        .unzip();
    let decoded = base64::engine::general_purpose::STANDARD.decode(&digits);
    decoded.map_err(|_| {
        let place = bad_base64(&digits);
        let at = places.get(place).copied().unwrap_or(encoded.len());
        format!("illegal base64 data at input byte {at}")
    })
}

/// Returns where Go's decoder stops: at the first invalid byte, or at an incomplete quantum.
fn bad_base64(digits: &[u8]) -> usize {
    let digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    match digits.iter().position(|b| !digit(b)) {
        None => digits.len() - digits.len() % 4,
        Some(at) if digits.get(at) == Some(&b'=') && at % 4 > 1 => match digits.get(at + 1) {
            Some(b'=') if at % 4 == 2 => at + 2,
            Some(_) if at % 4 == 3 => at + 1,
            Some(_) => at + 1,
            None => digits.len(),
        },
        Some(at) => at,
    }
}

/// As [`b64_decode`].
fn b32_decode(_: &mut Context, a: &Args<'_>) -> Outcome {
    Ok(match from_base32(a.text(0)?) {
        Ok(bytes) => Value::text(&bytes),
        Err(at) => Value::from(format!("illegal base32 data at input byte {at}")),
    })
}

/// The shape that a function such as `fromYaml` returns.
#[derive(Clone, Copy)]
enum Shape {
    Dict,
    List,
}

/// Helm returns errors as data: a dict with the key `Error`, or a list with the message. `context` is what Helm's
/// functions say before the message of the JSON decoder.
fn decoded(result: Result<Value, String>, shape: Shape, context: &str) -> Value {
    let value = match (result, shape) {
        (Ok(value @ Value::Dict(_)), Shape::Dict) | (Ok(value @ Value::List(..)), Shape::List) => {
            return value;
        }
        (Ok(Value::Nil), Shape::Dict) => return Value::dict([]),
        (Ok(Value::Nil), Shape::List) if context.is_empty() => {
            return Value::nil_list(ListType::NilAny);
        }
        (Ok(Value::Nil), Shape::List) => return Value::list(Vec::new()),
        (Ok(other), shape) => {
            let json_type = match other {
                Value::Dict(_) => "object",
                Value::List(..) => "array",
                Value::Str(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            let go_type = match shape {
                Shape::Dict => "map[string]interface {}",
                Shape::List => "[]interface {}",
            };
            format!("{context}json: cannot unmarshal {json_type} into Go value of type {go_type}")
        }
        (Err(error), _) => error,
    };
    match shape {
        Shape::Dict => error_dict(&value),
        Shape::List => Value::list(vec![Value::from(value)]),
    }
}

fn error_dict(message: &str) -> Value {
    Value::dict([(Rc::from("Error"), Value::str(message))])
}

/// Parses YAML. Only the first document counts.
fn from_yaml(text: &str, shape: Shape) -> Value {
    let documents = yaml::parse_documents(text, Numbers::Floats);
    let first = documents.map(|all| all.first().map_or(Value::Nil, |d| Value::from(&d.value)));
    let first = first.map(floats).map_err(|error| {
        // go-yaml counts the line of an error from 1, and leaves out the first one.
        let line = match error.line {
            0 | 1 => String::new(),
            line => format!("line {line}: "),
        };
        format!(
            "error converting YAML to JSON: yaml: {line}{}",
            error.message
        )
    });
    decoded(
        first,
        shape,
        "error unmarshaling JSON: while decoding JSON: ",
    )
}

fn from_json(text: &str, shape: Shape) -> Value {
    decoded(read_json(text), shape, "")
}

/// Parses JSON as Go does: every number is a float.
fn read_json(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => Ok(floats(Value::from(&value))),
        Err(error) => Err(json_syntax::error(text).unwrap_or_else(|| error.to_string())),
    }
}

fn floats(value: Value) -> Value {
    if !meter::spend_copy() {
        return Value::Nil;
    }
    match value {
        #[allow(clippy::cast_precision_loss)]
        Value::Int64(n) => Value::Float(n as f64),
        Value::List(_, items) => Value::list(items.iter().cloned().map(floats).collect()),
        Value::Dict(dict) => Value::dict(
            dict.borrow()
                .iter()
                .map(|(k, v)| (Rc::clone(k), floats(v.clone()))),
        ),
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    (b << 16) | a
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 with padding (RFC 4648, section 6).
fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let used = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            let at = usize::try_from((bits >> (35 - 5 * i)) & 31).unwrap_or(0);
            out.push(if i < used {
                char::from(BASE32[at])
            } else {
                '='
            });
        }
    }
    out
}

/// Returns the bytes, or the position of the first invalid base32 character.
fn from_base32(text: &str) -> Result<Vec<u8>, usize> {
    let (mut bits, mut count, mut out) = (0u32, 0u32, Vec::new());
    for (at, c) in text.trim_end_matches('=').bytes().enumerate() {
        let value = BASE32.iter().position(|b| *b == c).ok_or(at)?;
        // At most 12 bits are left over, so no useful bit is shifted out.
        bits = (bits << 5) | u32::try_from(value).unwrap_or(0);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
    match text.len() % 8 {
        0 => Ok(out),
        rest => Err(text.len() - rest),
    }
}

/// All characters except the unreserved ones (RFC 3986, section 2.3).
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Escapes the value of a query (`url.QueryEscape`): a space becomes `+`.
fn escape_query(text: &str) -> String {
    const QUERY: &AsciiSet = &RESERVED.remove(b' ');
    utf8_percent_encode(text, QUERY)
        .to_string()
        .replace(' ', "+")
}

fn html(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
        out
    })
}

/// Escapes a string for JavaScript (text/template, `JSEscape`).
fn javascript(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c if !super::quote::is_printable(c) => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_encodings_agree_with_their_specifications() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        for (plain, encoded) in [
            ("", ""),
            ("f", "MY======"),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
        ] {
            assert_eq!(base32(plain.as_bytes()), encoded);
            assert_eq!(from_base32(encoded).as_deref(), Ok(plain.as_bytes()));
        }
        assert_eq!(from_base32("1"), Err(0));
        assert_eq!(escape_query("a b&ü%20+~"), "a+b%26%C3%BC%2520%2B~");
        assert_eq!(
            hex(&sha2::Sha256::digest("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
