//! Writes values as YAML in the layout Kubernetes tools print: block style, sorted keys, two spaces.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::scalar::needs_quotes;

/// Formats a value as one YAML document that ends with a line feed.
///
/// As in `kubectl get -o yaml` and Helm's `toYaml`, lists are not indented below their key, and strings are quoted only
/// where that is necessary.
pub fn to_yaml(value: &Value) -> String {
    // Most documents are not much longer.
    let mut out = String::with_capacity(1 << 10);
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0, false),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0, false),
        other => {
            scalar(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

/// Formats a float as Go does (`strconv.FormatFloat(f, 'g', -1, 64)`): `1e+06`, `0.5`, `8200`.
pub fn float_to_text(f: f64) -> String {
    if f.is_nan() {
        return "NaN".to_owned();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{f:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        exponential(mantissa, exponent)
    } else {
        format!("{f}")
    }
}

/// Formats a float as Go does with the precision of 32 bits (`strconv.FormatFloat(f, 'g', -1, 32)`). Helm writes numbers
/// like this where it needs strings: keys, and fields of `Chart.yaml`.
pub fn float_32_to_text(f: f64) -> String {
    #[allow(clippy::cast_possible_truncation)]
    let shortest = (f as f32).to_string();
    shortest.parse().map_or(shortest, float_to_text)
}

fn exponential(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn number(out: &mut String, number: &Number) {
    match number.as_f64() {
        // sigs.k8s.io/yaml goes through JSON, where a whole float is an integer again.
        Some(f) if number.is_f64() => out.push_str(&crate::json::float(f)),
        _ => _ = write!(out, "{number}"),
    }
}

/// Appends blanks.
pub(crate) fn pad(out: &mut String, blanks: usize) {
    const MANY: &str = "                                                                ";
    let mut left = blanks;
    while left > 0 {
        let now = left.min(MANY.len());
        out.push_str(MANY.get(..now).unwrap_or(MANY));
        left -= now;
    }
}

/// Returns the entries of a map in the order in which they are written.
pub(crate) fn in_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| natural(a.0, b.0));
    entries
}

/// Appends a key, quoted if necessary.
pub(crate) fn write_key(out: &mut String, key: &str) {
    text(out, key, 0, true);
}

/// `inline`: the first entry goes on the current line (behind `- `).
fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, inline: bool) {
    for (i, (key, value)) in in_order(map).into_iter().enumerate() {
        if i > 0 || !inline {
            pad(out, indent);
        }
        write_key(out, key);
        out.push(':');
        entry(out, value, indent);
    }
}

/// Writes what follows the colon of a key.
fn entry(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(out, map, indent + 2, false);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, indent, false);
        }
        other => {
            out.push(' ');
            scalar(out, other, indent);
            out.push('\n');
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize, inline: bool) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || !inline {
            pad(out, indent);
        }
        out.push('-');
        out.push(' ');
        match item {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent + 2, true),
            Value::Array(items) if !items.is_empty() => sequence(out, items, indent + 2, true),
            other => {
                scalar(out, other, indent);
                out.push('\n');
            }
        }
    }
}

fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => number(out, n),
        Value::String(s) => text(out, s, indent, false),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// The styles in which a string can be written.
#[derive(Default)]
struct Shape {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

fn shape(text: &str) -> Shape {
    let mut shape = Shape {
        plain: true,
        single_quoted: true,
        block: true,
    };
    let first = text.chars().next();
    let last = text.chars().next_back();
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.starts_with("---") || text.starts_with("...") {
        shape.plain = false;
    }
    if first.is_some_and(|c| c == ' ' || is_break(c))
        || last.is_some_and(|c| c == ' ' || is_break(c))
    {
        shape.plain = false;
    }
    if last == Some(' ') {
        shape.block = false;
    }
    let mut previous: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let blank_follows = chars
            .peek()
            .is_none_or(|c| matches!(c, ' ' | '\t') || is_break(*c));
        let blank_before = previous.is_none_or(|c| matches!(c, ' ' | '\t') || is_break(c));
        let indicator = match c {
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => previous.is_none(),
            '#' => blank_before,
            '?' | '-' => previous.is_none() && blank_follows,
            ':' => blank_follows,
            _ => false,
        };
        if indicator || is_break(c) {
            shape.plain = false;
        }
        if c == ' ' && previous.is_some_and(is_break) {
            shape.plain = false;
            shape.single_quoted = false;
        }
        let space_break = is_break(c) && previous == Some(' ');
        if space_break || !(printable(c) || c == '\n') || (is_break(c) && c != '\n') {
            return Shape::default();
        }
        previous = Some(c);
    }
    shape
}

/// Returns whether a character is printable in YAML 1.1 (section 5.1), except for the tab and line breaks, which need an
/// escape.
fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Returns whether a string consists only of characters without a meaning in YAML. Most names, numbers, paths, flags and
/// images do.
pub(crate) fn is_plain_word(text: &str) -> bool {
    let starts = match text.as_bytes() {
        [b'-', b'-', b'-', ..] => false,
        [first, ..] => first.is_ascii_alphanumeric() || matches!(first, b'/' | b'-' | b'_'),
        [] => false,
    };
    let is_part = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/' | b'_' | b'@' | b':' | b'=')
    };
    starts
        && text.len() > 1
        && text.bytes().all(is_part)
        && !text.ends_with(':')
        && !needs_quotes(text)
}

fn text(out: &mut String, text: &str, indent: usize, is_key: bool) {
    if is_plain_word(text) {
        out.push_str(text);
        return;
    }
    let shape = shape(text);
    let multiline = text.contains('\n');
    if multiline && shape.block && !is_key && !text.trim_matches('\n').is_empty() {
        literal(out, text, indent);
    } else if multiline || (needs_quotes(text) && !text.is_empty()) {
        double_quoted(out, text);
    } else if text.is_empty() {
        out.push_str(if is_key { "''" } else { "\"\"" });
    } else if shape.plain {
        out.push_str(text);
    } else if shape.single_quoted {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(out, text);
    }
}

fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") {
        out.push('+');
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent + 2);
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x100 => _ = write!(out, "\\x{:02X}", c as u32),
            c if (c as u32) < 0x1_0000 => _ = write!(out, "\\u{:04X}", c as u32),
            c => _ = write!(out, "\\U{:08X}", c as u32),
        }
    }
    out.push('"');
}

/// The order of keys in Go's YAML: letters before digits and signs differ from plain byte order,
/// and runs of digits compare as numbers (`item2` before `item10`).
fn natural(a: &str, b: &str) -> Ordering {
    let mut same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    while !a.is_char_boundary(same) {
        same -= 1;
    }
    let (a, b) = (&a[same..], &b[same..]);
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let run = |s: &str| -> (u64, usize) {
        let digits = s.chars().map_while(|c| c.to_digit(10));
        digits.fold((0, 0), |(n, len), d| {
            (n.saturating_mul(10).saturating_add(u64::from(d)), len + 1)
        })
    };
    let ((an, al), (bn, bl)) = (run(a), run(b));
    an.cmp(&bn).then(al.cmp(&bl)).then(x.cmp(&y))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml::{Numbers, parse};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_layout_is_the_one_of_kubectl() {
        let value = json!({
            "b": [{"name": "x", "list": [[1, 2], []]}, "plain"],
            "a10": 1, "a2": true, "empty": {}, "none": null,
            "text": "line one\nline two\n", "yes": "no", "colon": "a: b", "tab": "a\tb",
            "whole": 1_000_000.0, "half": 0.5, "chomp": "a\nb", "quote": "it's", "hash": "# x",
        });
        insta::assert_snapshot!(to_yaml(&value), @r##"
        a2: true
        a10: 1
        b:
        - list:
          - - 1
            - 2
          - []
          name: x
        - plain
        chomp: |-
          a
          b
        colon: 'a: b'
        empty: {}
        half: 0.5
        hash: '# x'
        none: null
        quote: it's
        tab: "a\tb"
        text: |
          line one
          line two
        whole: 1000000
        "yes": "no"
        "##);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9f64).prop_map(Value::from),
            "[ -~\n\t:#'\"]{0,12}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            prop::sample::select(vec![
                "yes", "1", "~", "null", "1e3", "0x1", "- a", "? b", "<<"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ -~\n]{0,8}", inner, 0..5)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    /// Whole floats come back as integers: the same number to JSON.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
            }
            _ => a == b,
        }
    }

    proptest! {
        #[test]
        fn written_yaml_reads_back_the_same(value in any_json()) {
            let text = to_yaml(&value);
            let back = parse(&text, Numbers::Exact).map_err(|e| {
                TestCaseError::fail(format!("{e}\n{text}"))
            })?;
            prop_assert!(same(&value, &back), "{value}\n{back}\n{text}");
        }
    }
}
