//! The verbs of Go's package fmt: one value in the form that a verb asks for.

use std::fmt::Write as _;

use super::super::duration;
use super::super::meter;
use super::super::value::{ListType, Value};
use super::quote::{is_printable, quote_go, quoted};

/// The flags, width and precision of one verb.
#[derive(Default, Clone)]
pub(super) struct Spec {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%#v`: the value as Go source.
    pub go_syntax: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

impl Spec {
    /// Returns what the flags mean for a verb: `#` and `+` choose another form of `%v`.
    pub fn of_verb(&self, verb: char) -> Spec {
        let is_value = matches!(verb, 'v' | 'w');
        Spec {
            go_syntax: is_value && self.sharp,
            sharp: self.sharp && !is_value,
            plus: self.plus && !is_value,
            ..self.clone()
        }
    }

    fn spaces(&self) -> Spec {
        Spec {
            zero: false,
            ..self.clone()
        }
    }

    /// Appends a string, padded to the width.
    fn pad(&self, out: &mut String, text: &str) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = if self.zero && !self.minus { '0' } else { ' ' };
        if !self.minus {
            out.extend(std::iter::repeat_n(fill, missing));
        }
        out.push_str(text);
        if self.minus {
            out.extend(std::iter::repeat_n(fill, missing));
        }
    }
}

/// Returns the type as fmt names it in errors.
pub(super) fn go_type(value: &Value) -> &'static str {
    value.type_name()
}

/// Appends a value in the form that a verb asks for.
pub(super) fn write_value(out: &mut String, verb: char, spec: &Spec, arg: &Value) {
    if verb == 'T' {
        return spec.pad(out, &truncated(go_type(arg), spec));
    }
    if arg.is_nil() {
        return match verb {
            'v' => spec.pad(out, "<nil>"),
            verb => _ = write!(out, "%!{verb}(<nil>)"),
        };
    }
    write_inner(out, verb, spec, arg);
}

fn write_inner(out: &mut String, verb: char, spec: &Spec, arg: &Value) {
    if !meter::spend_node() {
        return;
    }
    let is_text_verb = matches!(verb, 's' | 'v' | 'q' | 'x' | 'X') && !spec.go_syntax;
    match arg {
        Value::Nil | Value::NilField if spec.go_syntax => out.push_str("interface {}(nil)"),
        Value::Nil | Value::NilField => out.push_str("<nil>"),
        Value::Bool(b) if matches!(verb, 't' | 'v') => spec.pad(out, &b.to_string()),
        Value::Duration(nanoseconds) if is_text_verb => {
            write_text(out, verb, spec, &duration::to_text(*nanoseconds));
        }
        Value::Int(n) | Value::Int64(n) | Value::Duration(n) => {
            write_integer(out, verb, spec, arg, *n < 0, n.unsigned_abs());
        }
        Value::Uint64(n) => write_unsigned(out, verb, spec, arg, *n),
        Value::Byte(n) => write_unsigned(out, verb, spec, arg, u64::from(*n)),
        Value::Float(f) => write_float(out, verb, spec, arg, *f),
        Value::Str(text) => write_string(out, verb, spec, arg, text),
        Value::Bytes(bytes) => match verb {
            'x' | 'X' => write_hex(out, verb, spec, bytes),
            _ => write_string(out, verb, spec, arg, &String::from_utf8_lossy(bytes)),
        },
        Value::ByteSlice(bytes) => match verb {
            's' => spec.pad(out, &truncated(&String::from_utf8_lossy(bytes), spec)),
            'q' => write_text(out, verb, spec, &String::from_utf8_lossy(bytes)),
            'x' | 'X' => write_hex(out, verb, spec, bytes),
            verb => {
                let items: Vec<Value> = bytes.iter().map(|b| Value::Byte(*b)).collect();
                write_items(out, verb, spec, "[]byte", &items);
            }
        },
        Value::Time(time) if is_text_verb => write_text(out, verb, spec, &time.to_string()),
        Value::KubeVersion(_) | Value::Semver(_) if is_text_verb => {
            write_text(out, verb, spec, &arg.to_string());
        }
        Value::List(ListType::NilAny | ListType::NilStrings, _) if spec.go_syntax => {
            _ = write!(out, "{}(nil)", go_type(arg));
        }
        Value::List(_, items) => write_items(out, verb, spec, go_type(arg), items),
        Value::ApiVersions(versions) => {
            let items: Vec<Value> = versions.iter().map(|v| Value::Str(v.clone())).collect();
            write_items(out, verb, spec, go_type(arg), &items);
        }
        Value::Dict(dict) => {
            let dict = dict.borrow();
            let entries = dict.iter().map(|(k, v)| (Value::Str(k.clone()), v.clone()));
            write_entries(out, verb, spec, go_type(arg), entries);
        }
        Value::Texts(texts) => {
            let entries = texts
                .iter()
                .map(|(k, v)| (Value::Str(k.clone()), Value::Str(v.clone())));
            write_entries(out, verb, spec, go_type(arg), entries);
        }
        Value::Files(files) => {
            let entries = files
                .iter()
                .map(|(k, v)| (Value::str(k), Value::ByteSlice(v.into())));
            write_entries(out, verb, spec, go_type(arg), entries);
        }
        _ => write_bad(out, verb, spec, arg),
    }
}

/// Marks a verb that does not fit the value.
fn write_bad(out: &mut String, verb: char, spec: &Spec, arg: &Value) {
    _ = write!(out, "%!{verb}({}=", go_type(arg));
    match arg {
        Value::Bool(b) => spec.pad(out, &b.to_string()),
        Value::Time(_) | Value::KubeVersion(_) | Value::Semver(_) => out.push_str(&arg.to_string()),
        Value::Duration(n) => write_digits(out, 'v', spec, *n < 0, n.unsigned_abs()),
        arg => write_inner(out, 'v', spec, arg),
    }
    out.push(')');
}

fn write_items(out: &mut String, verb: char, spec: &Spec, go_type: &str, items: &[Value]) {
    let (open, separator, close) = match spec.go_syntax {
        true => ("{", ", ", "}"),
        false => ("[", " ", "]"),
    };
    if spec.go_syntax {
        out.push_str(go_type);
    }
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        write_inner(out, verb, spec, item);
    }
    out.push_str(close);
}

fn write_entries(
    out: &mut String,
    verb: char,
    spec: &Spec,
    go_type: &str,
    entries: impl Iterator<Item = (Value, Value)>,
) {
    let (open, separator, close) = match spec.go_syntax {
        true => ("{", ", ", "}"),
        false => ("map[", " ", "]"),
    };
    if spec.go_syntax {
        out.push_str(go_type);
    }
    out.push_str(open);
    for (i, (key, value)) in entries.enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        write_inner(out, verb, spec, &key);
        out.push(':');
        write_inner(out, verb, spec, &value);
    }
    out.push_str(close);
}

fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

fn write_unsigned(out: &mut String, verb: char, spec: &Spec, arg: &Value, n: u64) {
    match verb {
        'v' if spec.go_syntax => {
            let sharp = Spec {
                sharp: true,
                ..spec.clone()
            };
            write_digits(out, 'x', &sharp, false, n);
        }
        verb => write_integer(out, verb, spec, arg, false, n),
    }
}

fn write_integer(out: &mut String, verb: char, spec: &Spec, arg: &Value, negative: bool, n: u64) {
    // Negative numbers are no characters.
    let code = if negative { u64::MAX } else { n };
    match verb {
        'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => write_digits(out, verb, spec, negative, n),
        'c' => spec.pad(out, &character(code).to_string()),
        'q' => {
            let c = character(code);
            let plain = |c: char| is_printable(c) && (!spec.plus || c.is_ascii());
            let inner = match c {
                '\'' => "\\'".to_owned(),
                '"' => "\"".to_owned(),
                c => {
                    let quoted = quoted(&c.to_string(), plain);
                    quoted
                        .get(1..quoted.len() - 1)
                        .unwrap_or_default()
                        .to_owned()
                }
            };
            spec.pad(out, &format!("'{inner}'"));
        }
        'U' => {
            let code = if negative { n.wrapping_neg() } else { n };
            let digits = spec.precision.unwrap_or(4).max(4);
            let mut text = format!("U+{code:0digits$X}");
            let c = u32::try_from(code).ok().and_then(char::from_u32);
            if let Some(c) = c.filter(|c| spec.sharp && is_printable(*c)) {
                _ = write!(text, " '{c}'");
            }
            spec.spaces().pad(out, &text);
        }
        verb => write_bad(out, verb, spec, arg),
    }
}

/// Appends an integer in the base of the verb. Precision and zeros before it are digits.
fn write_digits(out: &mut String, verb: char, spec: &Spec, negative: bool, n: u64) {
    let spaces = spec.spaces();
    if spec.precision == Some(0) && n == 0 {
        return spaces.pad(out, "");
    }
    let sign = sign(spec, negative);
    let digits = match verb {
        'b' => format!("{n:b}"),
        'o' | 'O' => format!("{n:o}"),
        'x' => format!("{n:x}"),
        'X' => format!("{n:X}"),
        _ => n.to_string(),
    };
    let least = match (spec.precision, spec.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let digits = format!("{digits:0>least$}");
    let prefix = match verb {
        'b' if spec.sharp => "0b",
        'o' if spec.sharp && !digits.starts_with('0') => "0",
        'O' if spec.sharp && !digits.starts_with('0') => "0o0",
        'O' => "0o",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    spaces.pad(out, &format!("{sign}{prefix}{digits}"));
}

fn character(code: u64) -> char {
    let code = u32::try_from(code).ok();
    code.and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn write_float(out: &mut String, verb: char, spec: &Spec, arg: &Value, f: f64) {
    let magnitude = f.abs();
    let text = match verb {
        _ if !f.is_finite()
            && matches!(
                verb,
                'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E'
            ) =>
        {
            let sign = match (f.is_nan(), sign(spec, f < 0.0)) {
                (false, "") => "+",
                (_, sign) => sign,
            };
            let name = if f.is_nan() { "NaN" } else { "Inf" };
            return spec.spaces().pad(out, &format!("{sign}{name}"));
        }
        'f' | 'F' => {
            let precision = spec.precision.unwrap_or(6);
            format!("{magnitude:.precision$}")
        }
        'e' | 'E' => scientific(magnitude, spec.precision.unwrap_or(6)),
        'v' | 'g' | 'G' => general(magnitude, spec.precision),
        'b' => binary(magnitude),
        'x' | 'X' => hexadecimal(magnitude, spec.precision),
        verb => return write_bad(out, verb, spec, arg),
    };
    let text = match verb {
        'v' | 'g' | 'G' if spec.sharp => with_zeros(&text, spec.precision.unwrap_or(6)),
        _ if spec.sharp && verb != 'b' && !text.contains('.') => with_point(&text),
        _ => text,
    };
    let text = if verb.is_ascii_uppercase() {
        text.to_uppercase()
    } else {
        text
    };
    let sign = sign(spec, f.is_sign_negative());
    match spec.width {
        Some(width) if spec.zero && !spec.minus && !sign.is_empty() => {
            let digits = width.saturating_sub(sign.len());
            out.push_str(sign);
            out.push_str(&format!("{text:0>digits$}"));
        }
        _ => spec.pad(out, &format!("{sign}{text}")),
    }
}

/// Adds the decimal point that `#` asks for.
fn with_point(text: &str) -> String {
    let at = text.find('e').unwrap_or(text.len());
    let (digits, exponent) = text.split_at(at);
    format!("{digits}.{exponent}")
}

/// Adds the decimal point and the zeros at the end that `#` asks for.
fn with_zeros(text: &str, digits: usize) -> String {
    let text = if text.contains('.') {
        text.to_owned()
    } else {
        with_point(text)
    };
    let at = text.find('e').unwrap_or(text.len());
    let (number, exponent) = text.split_at(at);
    let significant = number
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|b| *b == b'0')
        .count();
    let significant = significant + usize::from(number == "0.");
    let zeros = digits.saturating_sub(significant);
    format!("{number}{}{exponent}", "0".repeat(zeros))
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
fn general(f: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
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
    let places = limit - 1 - exponent;
    let decimals = usize::try_from(places).unwrap_or(0);
    trim(&format!("{f:.decimals$}"))
}

/// Splits a positive float into an integer of 53 bits and a power of two.
fn parts(f: f64) -> (u64, i64) {
    let bits = f.to_bits();
    let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    match exponent {
        0 => (fraction, -1074),
        exponent => (fraction | (1 << 52), exponent.cast_signed() - 1075),
    }
}

fn binary(f: f64) -> String {
    let (mantissa, exponent) = parts(f);
    format!("{mantissa}p{exponent:+}")
}

/// Formats a positive float as hexadecimal digits and a power of two: `0x1.8p+01`.
fn hexadecimal(f: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(f);
    if mantissa == 0 {
        exponent = -52;
    }
    while mantissa != 0 && mantissa < 1 << 52 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(places) = precision.filter(|places| *places < 13) {
        // Rounds half to even.
        let dropped = 52 - 4 * places;
        let (half, rest) = (1u64 << (dropped - 1), mantissa & ((1 << dropped) - 1));
        mantissa >>= dropped;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= dropped;
        if mantissa >= 1 << 53 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let digits = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(places) => format!("{digits:0<places$}").chars().take(places).collect(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let power = exponent + 52;
    let sign = if power < 0 { '-' } else { '+' };
    format!(
        "0x{}{point}{digits}p{sign}{:02}",
        mantissa >> 52,
        power.abs()
    )
}

fn write_string(out: &mut String, verb: char, spec: &Spec, arg: &Value, text: &str) {
    match verb {
        'v' if spec.go_syntax => spec.pad(out, &quote_go(&truncated(text, spec))),
        'v' | 's' | 'q' | 'x' | 'X' => write_text(out, verb, spec, text),
        verb => write_bad(out, verb, spec, arg),
    }
}

/// Appends a string, or the string that a value gives of itself.
fn write_text(out: &mut String, verb: char, spec: &Spec, text: &str) {
    match verb {
        'x' | 'X' => write_hex(out, verb, spec, text.as_bytes()),
        'q' => {
            let text = truncated(text, spec);
            let is_raw = |c: char| c != '`' && c != '\u{feff}' && (is_printable(c) || c == '\t');
            let shown = if spec.sharp && text.chars().all(is_raw) {
                format!("`{text}`")
            } else if spec.plus {
                quoted(&text, |c| c.is_ascii() && is_printable(c))
            } else {
                quote_go(&text)
            };
            spec.pad(out, &shown);
        }
        _ => spec.pad(out, &truncated(text, spec)),
    }
}

fn truncated(text: &str, spec: &Spec) -> String {
    match spec.precision {
        Some(limit) => text.chars().take(limit).collect(),
        None => text.to_owned(),
    }
}

/// Appends bytes as hexadecimal digits. The precision is a number of bytes.
fn write_hex(out: &mut String, verb: char, spec: &Spec, bytes: &[u8]) {
    let length = spec.precision.unwrap_or(bytes.len()).min(bytes.len());
    let bytes = bytes.get(..length).unwrap_or_default();
    let (prefix, separator) = match (spec.sharp, spec.space) {
        (true, _) if verb == 'X' => ("0X", " "),
        (true, _) => ("0x", " "),
        (false, _) => ("", " "),
    };
    let mut text = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 && spec.space {
            text.push_str(separator);
        }
        if i == 0 || spec.space {
            text.push_str(prefix);
        }
        _ = match verb {
            'X' => write!(text, "{byte:02X}"),
            _ => write!(text, "{byte:02x}"),
        };
    }
    spec.pad(out, &text);
}
