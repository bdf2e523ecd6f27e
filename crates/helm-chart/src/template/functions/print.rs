//! `print`, `printf` and `println`, with the verbs of Go's package fmt.

use std::fmt::Write as _;

use super::super::limits::MAX_OUTPUT;
use super::super::value::Value;
use super::{ANY, Error, Function};

pub(super) const TABLE: &[Function] = &[
    ("print", 0, ANY, |_, a| Ok(Value::from(sprint(a.0)))),
    ("println", 0, ANY, |_, a| {
        let texts: Vec<String> = a.0.iter().map(ToString::to_string).collect();
        Ok(Value::from(texts.join(" ") + "\n"))
    }),
    ("printf", 1, ANY, |_, a| {
        Ok(Value::from(sprintf(a.text(0)?, a.from(1))?))
    }),
];

/// Separates operands by a blank if neither is a string (package fmt, `Print`).
fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        let text = |v: &Value| matches!(v, Value::Str(_));
        if i > 0 && !text(arg) && !args.get(i - 1).is_some_and(text) {
            out.push(' ');
        }
        let _ = write!(out, "{arg}");
    }
    out
}

/// Returns the input of `html`, `js` and `urlquery`: all arguments, joined as `print` does.
pub(super) fn joined(args: &[Value]) -> String {
    sprint(args)
}

/// The flags, width and precision of one verb.
#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Formats as Go's `fmt.Sprintf`. A mismatch is marked in the output (`%!d(string=x)`).
pub(super) fn sprintf(format: &str, args: &[Value]) -> Result<String, Error> {
    let mut out = String::new();
    let mut next = 0;
    // Once an argument is chosen by its number, unused arguments are not reported.
    let mut indexed = false;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.peek() {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            chars.next();
        }
        indexed |= argument(&mut chars, args.len(), &mut next)?;
        spec.width = size(&mut chars, args, &mut next, &mut spec.minus);
        if chars.next_if_eq(&'.').is_some() {
            let mut negative = false;
            spec.precision = size(&mut chars, args, &mut next, &mut negative).or(Some(0));
        }
        if spec.width.max(spec.precision).unwrap_or(0) > MAX_OUTPUT {
            return Err(Error::Wrong("the width is too large".to_owned()));
        }
        indexed |= argument(&mut chars, args.len(), &mut next)?;
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match args.get(next) {
                None if next == BAD_INDEX => _ = write!(out, "%!{verb}(BADINDEX)"),
                None => _ = write!(out, "%!{verb}(MISSING)"),
                Some(arg) => {
                    next += 1;
                    let text = verb_text(verb, &spec, arg);
                    pad(&mut out, &spec, &text, arg);
                }
            },
        }
    }
    if let Some(extra) = args
        .get(next..)
        .filter(|extra| !extra.is_empty() && !indexed)
    {
        let texts: Vec<String> = extra
            .iter()
            .map(|v| match v {
                Value::Nil => "<nil>".to_owned(),
                v => format!("{}={v}", go_type(v)),
            })
            .collect();
        let _ = write!(out, "%!(EXTRA {})", texts.join(", "));
    }
    Ok(out)
}

/// Stands for the index of a missing argument.
const BAD_INDEX: usize = usize::MAX;

/// Parses `[n]`, which chooses the n-th argument. Returns whether there was one.
fn argument(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    count: usize,
    next: &mut usize,
) -> Result<bool, Error> {
    if chars.next_if_eq(&'[').is_none() {
        return Ok(false);
    }
    let mut digits = String::new();
    loop {
        match chars.next() {
            Some(']') => break,
            Some(c) => digits.push(c),
            None => return Err(Error::Wrong("a [ in the format is never closed".to_owned())),
        }
    }
    let chosen = digits
        .parse::<usize>()
        .ok()
        .filter(|n| (1..=count).contains(n));
    *next = chosen.map_or(BAD_INDEX, |n| n - 1);
    Ok(true)
}

/// Parses a number, or `*` for an argument.
fn size(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    args: &[Value],
    next: &mut usize,
    minus: &mut bool,
) -> Option<usize> {
    if chars.next_if_eq(&'*').is_some() {
        let size = args.get(*next);
        *next = next.saturating_add(1);
        return match size {
            Some(Value::Int(n)) => {
                *minus |= *n < 0;
                usize::try_from(n.unsigned_abs()).ok()
            }
            _ => None,
        };
    }
    let mut number: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        let digit = usize::try_from(digit).unwrap_or(0);
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        chars.next();
    }
    number
}

fn pad(out: &mut String, spec: &Spec, text: &str, arg: &Value) {
    let length = text.chars().count();
    let missing = spec.width.unwrap_or(0).saturating_sub(length);
    if missing == 0 {
        out.push_str(text);
    } else if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if spec.zero && matches!(arg, Value::Int(_) | Value::Float(_) | Value::Str(_)) {
        let is_number = !matches!(arg, Value::Str(_));
        let sign = text
            .strip_prefix(['-', '+'])
            .filter(|_| is_number)
            .map_or(0, |rest| text.len() - rest.len());
        let (sign, digits) = text.split_at(sign);
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

/// Returns the type as fmt names it in errors.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Int(_) => "int64",
        other => other.type_name(),
    }
}

fn signed(spec: &Spec, negative: bool, magnitude: &str) -> String {
    let sign = match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    format!("{sign}{magnitude}")
}

fn verb_text(verb: char, spec: &Spec, arg: &Value) -> String {
    match (verb, arg) {
        ('v', Value::Float(f)) => signed(spec, f.is_sign_negative(), &general(f.abs(), spec)),
        ('v', Value::Int(n)) => signed(spec, *n < 0, &n.unsigned_abs().to_string()),
        ('v', Value::Str(s)) if spec.sharp => quote_go(s),
        ('v', value) => truncated(value.to_string(), spec),
        ('T', value) => go_type(value).to_owned(),
        ('t', Value::Bool(b)) => b.to_string(),
        ('d', Value::Int(n)) => signed(spec, *n < 0, &n.unsigned_abs().to_string()),
        ('b', Value::Int(n)) => {
            let prefix = if spec.sharp { "0b" } else { "" };
            signed(spec, *n < 0, &format!("{prefix}{:b}", n.unsigned_abs()))
        }
        ('o', Value::Int(n)) => {
            let prefix = if spec.sharp { "0" } else { "" };
            signed(spec, *n < 0, &format!("{prefix}{:o}", n.unsigned_abs()))
        }
        ('O', Value::Int(n)) => signed(spec, *n < 0, &format!("0o{:o}", n.unsigned_abs())),
        ('x' | 'X', Value::Int(n)) => {
            let prefix = if spec.sharp { "0x" } else { "" };
            upper(
                signed(spec, *n < 0, &format!("{prefix}{:x}", n.unsigned_abs())),
                verb,
            )
        }
        ('c', Value::Int(n)) => character(*n).to_string(),
        ('q', Value::Int(n)) => format!("'{}'", character(*n)),
        ('U', Value::Int(n)) => format!("U+{n:04X}"),
        ('f' | 'F', Value::Float(f)) => {
            let precision = spec.precision.unwrap_or(6);
            signed(
                spec,
                f.is_sign_negative(),
                &format!("{:.precision$}", f.abs()),
            )
        }
        ('e' | 'E', Value::Float(f)) => {
            let precision = spec.precision.unwrap_or(6);
            upper(
                signed(spec, f.is_sign_negative(), &scientific(f.abs(), precision)),
                verb,
            )
        }
        ('g' | 'G', Value::Float(f)) => upper(
            signed(spec, f.is_sign_negative(), &general(f.abs(), spec)),
            verb,
        ),
        ('s', Value::Str(_) | Value::Bytes(_) | Value::KubeVersion(_) | Value::Semver(_)) => {
            truncated(arg.to_string(), spec)
        }
        ('q', Value::Str(s)) => {
            let text = truncated(s.to_string(), spec);
            let raw = spec.sharp
                && text
                    .chars()
                    .all(|c| c != '`' && (is_printable(c) || c == '\t'));
            match raw {
                true => format!("`{text}`"),
                false if spec.plus => quoted(&text, |c| c.is_ascii() && is_printable(c)),
                false => quote_go(&text),
            }
        }
        ('x' | 'X', Value::Str(s)) => upper(hex(spec, s.as_bytes()), verb),
        ('x' | 'X', Value::Bytes(bytes)) => upper(hex(spec, bytes), verb),
        (_, Value::List(items)) => {
            let items: Vec<String> = items.iter().map(|v| verb_text(verb, spec, v)).collect();
            format!("[{}]", items.join(" "))
        }
        (_, Value::Dict(dict)) => {
            let entries: Vec<String> = dict
                .borrow()
                .iter()
                .map(|(k, v)| {
                    let key = verb_text(verb, spec, &Value::str(&**k));
                    format!("{key}:{}", verb_text(verb, spec, v))
                })
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        (verb, Value::Nil) => format!("%!{verb}(<nil>)"),
        (verb, value) => format!("%!{verb}({}={value})", go_type(value)),
    }
}

fn upper(text: String, verb: char) -> String {
    if verb.is_ascii_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}

fn truncated(text: String, spec: &Spec) -> String {
    match spec.precision {
        Some(limit) => text.chars().take(limit).collect(),
        None => text,
    }
}

fn character(n: i64) -> char {
    u32::try_from(n)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn scientific(f: f64, precision: usize) -> String {
    let text = format!("{f:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

/// Formats `%g`: the shortest digits, or as many as the precision demands.
fn general(f: f64, spec: &Spec) -> String {
    let Some(precision) = spec.precision else {
        return crate::yaml::float_to_text(f);
    };
    let precision = precision.max(1);
    let text = scientific(f, precision - 1);
    let exponent = text
        .split_once('e')
        .and_then(|(_, e)| e.parse::<i32>().ok())
        .unwrap_or(0);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    let trim = |s: &str| match s.contains('.') {
        true => s.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => s.to_owned(),
    };
    if exponent < -4 || exponent >= limit {
        return match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{}e{exponent}", trim(mantissa)),
            None => text,
        };
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    trim(&format!("{f:.decimals$}"))
}

fn hex(spec: &Spec, bytes: &[u8]) -> String {
    let prefix = if spec.sharp { "0x" } else { "" };
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match (bytes.is_empty(), spec.space) {
        (true, _) => String::new(),
        (false, true) => format!("{prefix}{}", bytes.join(&format!(" {prefix}"))),
        (false, false) => format!("{prefix}{}", bytes.concat()),
    }
}

/// Returns whether Go prints a character unchanged: letters, marks, numbers, signs, and the plain blank.
pub(super) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // Rust escapes marks too, which Go prints.
    let is_mark = matches!(u32::from(c),
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5c7 | 0x610..=0x61a | 0x64b..=0x65f
        | 0x900..=0xeff | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20f0
        | 0x302a..=0x302f | 0x3099..=0x309a | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f);
    let is_escaped = c.escape_debug().len() > 1 && !matches!(c, '"' | '\'' | '\\');
    is_mark || !is_escaped
}

/// Formats a string as a Go string literal (`strconv.Quote`).
pub(super) fn quote_go(text: &str) -> String {
    quoted(text, is_printable)
}

fn quoted(text: &str, plain: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if plain(c) => out.push(c),
            c => {
                _ = match u32::from(c) {
                    code @ ..0x80 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn verbs_format_as_in_go() {
        let table = [
            ("%s-%d", json!(["a", 1]), "a-1"),
            (
                "%v %v %v",
                json!([1_000_000.0, null, [1, "a"]]),
                "1e+06 <nil> [1 a]",
            ),
            (
                "%5d|%-5d|%05d|%+d",
                json!([42, 42, -42, 42]),
                "   42|42   |-0042|+42",
            ),
            (
                "%6.2f|%e|%g|%.3g",
                json!([1.005, 1e6, 0.1, 1234.5]),
                "  1.00|1.000000e+06|0.1|1.23e+03",
            ),
            (
                "%q %x %X %t",
                json!(["a\"b", "hi", 255, true]),
                "\"a\\\"b\" 6869 FF true",
            ),
            ("%s", json!([8200.0]), "%!s(float64=8200)"),
            ("%s", json!([null]), "%!s(<nil>)"),
            ("%d", json!(["x"]), "%!d(string=x)"),
            ("%d", json!([]), "%!d(MISSING)"),
            ("x", json!([1, null]), "x%!(EXTRA int64=1, <nil>)"),
            ("%", json!([]), "%!(NOVERB)"),
            ("100%%", json!([]), "100%"),
            ("%*d|%.2s", json!([4, 7, "abc"]), "   7|ab"),
            ("%s", json!([["a", "b"]]), "[a b]"),
        ];
        for (format, args, want) in table {
            let args: Vec<Value> = args.as_array().unwrap().iter().map(Value::from).collect();
            assert_eq!(sprintf(format, &args).unwrap(), want, "{format}");
        }
    }

    #[test]
    fn print_separates_operands_that_are_not_strings() {
        let args: Vec<Value> = [json!("a"), json!(1), json!(2), json!("b")]
            .iter()
            .map(Value::from)
            .collect();
        assert_eq!(sprint(&args), "a1 2b");
    }
}
