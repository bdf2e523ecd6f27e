//! Resolves plain scalars to the YAML 1.1 types, as Go's `yaml.v2` does.

/// How numbers are parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Integers stay integers: for Kubernetes objects.
    Exact,
    /// All numbers are 64-bit floats, as in values files: Helm converts those to JSON first.
    Floats,
}

/// A plain scalar after resolution (YAML 1.1, <https://yaml.org/type/>).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// `<<` as a key: the mapping's value is merged into the surrounding one.
    Merge,
    Text,
}

/// Resolves the text of a plain (unquoted, untagged) scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        "<<" => return Scalar::Merge,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => float(text).map_or(Scalar::Text, Scalar::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(text),
        _ => Scalar::Text,
    }
}

/// Returns whether a string, written plain, would be parsed as another type.
pub(super) fn needs_quotes(text: &str) -> bool {
    let like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    resolve(text) != Scalar::Text || like_a_number && (is_timestamp(text) || is_base_60(text))
}

fn number(text: &str) -> Scalar {
    let is_decimal = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if let (true, Ok(int)) = (is_decimal, text.parse()) {
        return Scalar::Int(int);
    }
    if !text.bytes().all(may_be_in_number) {
        return Scalar::Text;
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(int) = integer(&plain) {
        return int;
    }
    float(&plain).map_or(Scalar::Text, Scalar::Float)
}

/// Digits (also hexadecimal), signs, the letters of prefixes and exponents, and underscores.
fn may_be_in_number(b: u8) -> bool {
    b.is_ascii_hexdigit() || matches!(b, b'+' | b'-' | b'.' | b'_' | b'x' | b'X' | b'o' | b'O')
}

/// Parses integers with Go's prefixes: `0x`, `0o`, `0b`, and a leading zero for octal.
fn integer(plain: &str) -> Option<Scalar> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    if body.is_empty() || body.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    Some(i64::try_from(magnitude).map_or(Scalar::Uint(magnitude), Scalar::Int))
}

/// Parses decimal floats only: `1.5`, `.5`, `1.`, `1e3`; neither `inf`, `nan` nor hexadecimal.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse().ok().filter(|f: &f64| f.is_finite())
}

/// Returns whether the text is a YAML 1.1 timestamp (`2001-12-14`, `2001-12-14 21:59:43`, RFC 3339).
///
/// JSON has no timestamps, so the reader takes it as a string, but a writer has to quote it.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = |s: &str, widths: std::ops::RangeInclusive<usize>| {
        widths.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
    };
    if !number(year, 4..=4) || !number(month, 1..=2) {
        return false;
    }
    let (day, time) = match rest.find(['T', 't', ' ']) {
        Some(at) => (&rest[..at], rest.get(at + 1..)),
        None => (rest, None),
    };
    number(day, 1..=2)
        && time
            .is_none_or(|time| time.contains(':') && time.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns whether the text is a base-60 number of YAML 1.1 (`12:30:45`), which older parsers read as an integer.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let mut sixties = 0;
    let whole = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    whole
        && parts.all(|part| {
            sixties += 1;
            let part = part.split('.').next().unwrap_or_default();
            matches!(part.len(), 1 | 2) && part.parse::<u8>().is_ok_and(|n| n < 60)
        })
        && sixties > 0
}

#[cfg(test)]
mod tests {
    use super::{Scalar, needs_quotes, resolve};

    #[test]
    fn plain_scalars_resolve_as_yaml_1_1_does_in_go() {
        let table = [
            ("y", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("yEs", Scalar::Text),
            ("~", Scalar::Null),
            ("", Scalar::Null),
            ("0o17", Scalar::Int(15)),
            ("017", Scalar::Int(15)),
            ("08", Scalar::Float(8.0)),
            ("0x1F", Scalar::Int(31)),
            ("-0b11", Scalar::Int(-3)),
            ("1_000", Scalar::Int(1000)),
            ("+7", Scalar::Int(7)),
            ("18446744073709551615", Scalar::Uint(u64::MAX)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("1.5", Scalar::Float(1.5)),
            (".5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("1e", Scalar::Text),
            ("-", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("0x", Scalar::Text),
            ("1.5G", Scalar::Text),
            ("<<", Scalar::Merge),
        ];
        for (text, want) in table {
            assert_eq!(resolve(text), want, "{text:?}");
        }
    }

    #[test]
    fn text_that_would_change_its_type_is_quoted() {
        for text in [
            "yes",
            "1",
            "1.0",
            "null",
            "",
            "2001-12-14",
            "12:30:45",
            "0x1",
            "~",
        ] {
            assert!(needs_quotes(text), "{text:?}");
        }
        for text in [
            "v1.2.4",
            "web-server",
            "10.0.0.0/8",
            "1.5G",
            "a:b",
            "2001-x",
        ] {
            assert!(!needs_quotes(text), "{text:?}");
        }
    }
}
