//! Durations in nanoseconds, as in Go's package time.

use std::fmt::Write as _;

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;

/// Formats a duration (`Duration.String`): `1h2m3.5s`, `1.5ms`, `0s`.
pub fn to_text(nanoseconds: i64) -> String {
    let mut left = nanoseconds.unsigned_abs();
    let mut out = String::new();
    if nanoseconds < 0 {
        out.push('-');
    }
    let second = SECOND.unsigned_abs();
    if left < second {
        let (unit, size) = match left {
            0 => return "0s".to_owned(),
            1..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        push_decimal(&mut out, left, size);
        out.push_str(unit);
        return out;
    }
    let (hours, minutes) = (left / (3600 * second), left / (60 * second) % 60);
    left %= 60 * second;
    if hours > 0 {
        _ = write!(out, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        _ = write!(out, "{minutes}m");
    }
    push_decimal(&mut out, left, second);
    out.push('s');
    out
}

/// Appends `number / unit` with as many decimal places as it needs.
fn push_decimal(out: &mut String, number: u64, unit: u64) {
    _ = write!(out, "{}", number / unit);
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", number % unit);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() && digits > 0 {
        out.push('.');
        out.push_str(fraction);
    }
}

/// The smallest duration has no positive counterpart.
const LIMIT: u64 = 1 << 63;

/// Parses a duration (`time.ParseDuration`): `1h2m3.5s`, `-1.5ms`, `0`. Returns `None` if it is invalid.
pub fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let is_digit = |c: char| c.is_ascii_digit();
        let (whole, after) = rest.split_at(rest.find(|c| !is_digit(c)).unwrap_or(rest.len()));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|c| !is_digit(c)).unwrap_or(after.len())),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok().filter(|n| *n <= LIMIT)?
        };
        let mut value = whole.checked_mul(unit).filter(|n| *n <= LIMIT)?;
        value = value.checked_add(fraction_of(fraction, unit))?;
        total = total.checked_add(value).filter(|n| *n <= LIMIT)?;
        rest = after;
    }
    match negative {
        true => Some(0i64.wrapping_sub_unsigned(total)),
        false => i64::try_from(total).ok(),
    }
}

/// Returns a decimal fraction of a unit. Digits that do not fit are ignored, as in Go.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0u64, 1f64);
    for digit in digits.bytes() {
        let next = number
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(digit - b'0')));
        match next.filter(|n| *n < 1 << 63) {
            Some(next) => number = next,
            None => break,
        }
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

/// Rounds to a multiple of `unit`, half away from zero (`Duration.Round`).
pub fn round(duration: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return duration;
    }
    let rest = duration % unit;
    let is_less_than_half = rest.unsigned_abs() * 2 < unit.unsigned_abs();
    let down = duration - rest;
    match (duration < 0, is_less_than_half) {
        (_, true) => down,
        (true, false) => down.checked_sub(unit).unwrap_or(i64::MIN),
        (false, false) => down.checked_add(unit).unwrap_or(i64::MAX),
    }
}

/// Rounds to a multiple of `unit`, towards zero (`Duration.Truncate`).
pub fn truncate(duration: i64, unit: i64) -> i64 {
    match unit {
        ..=0 => duration,
        unit => duration - duration % unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_in_go() {
        for (text, nanoseconds, written) in [
            ("0", 0, "0s"),
            ("1h2m3.5s", 3_723_500_000_000, "1h2m3.5s"),
            ("90m", 5_400_000_000_000, "1h30m0s"),
            ("-1.5ms", -1_500_000, "-1.5ms"),
            ("1500us", 1_500_000, "1.5ms"),
            ("12µs", 12_000, "12µs"),
            (".5s", 500_000_000, "500ms"),
            (
                "-9223372036854775808ns",
                i64::MIN,
                "-2562047h47m16.854775808s",
            ),
        ] {
            assert_eq!(parse(text), Some(nanoseconds), "{text}");
            assert_eq!(to_text(nanoseconds), written);
        }
        for text in [
            "",
            "-",
            "1",
            "1x",
            ".s",
            "1h 2m",
            "9223372036854775808ns",
            "ms",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
