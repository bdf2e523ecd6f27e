//! Functions whose result differs on each call. They run only where that is allowed.

use std::fmt::Write as _;

use super::super::files::base64;
use super::super::limits::MAX_OUTPUT;
use super::super::value::Value;
use super::args::Args;
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("randAlphaNum", 1, 1, |context, a| {
        text(context, "randAlphaNum", a, u8::is_ascii_alphanumeric)
    }),
    ("randAlpha", 1, 1, |context, a| {
        text(context, "randAlpha", a, u8::is_ascii_alphabetic)
    }),
    ("randNumeric", 1, 1, |context, a| {
        text(context, "randNumeric", a, u8::is_ascii_digit)
    }),
    ("randAscii", 1, 1, |context, a| {
        text(context, "randAscii", a, |b| matches!(b, b' '..=b'~'))
    }),
    ("randBytes", 1, 1, |context, a| {
        let count = usize::try_from(a.int(0)?).unwrap_or(usize::MAX);
        if count > MAX_OUTPUT {
            return Err(Error::Wrong(format!("cannot draw {} bytes", a.get(0))));
        }
        Ok(Value::from(base64(&context.random("randBytes", count)?)))
    }),
    ("randInt", 2, 2, |context, a| {
        let (least, limit) = (a.int(0)?, a.int(1)?);
        let range = limit.checked_sub(least).and_then(|n| u64::try_from(n).ok());
        let range = range.filter(|n| *n > 0);
        let range = range
            .ok_or_else(|| Error::Wrong(format!("no number is between {least} and {limit}")))?;
        let drawn = below(context, "randInt", range)?;
        Ok(Value::Int(least.wrapping_add_unsigned(drawn)))
    }),
    ("shuffle", 1, 1, |context, a| {
        let mut chars: Vec<char> = a.text(0)?.chars().collect();
        for i in (1..chars.len()).rev() {
            let other = below(context, "shuffle", i as u64 + 1)?;
            chars.swap(i, usize::try_from(other).unwrap_or(i));
        }
        Ok(Value::from(chars.into_iter().collect::<String>()))
    }),
    ("uuidv4", 0, 0, |context, _| uuid(context)),
];

/// Draws characters of one kind.
fn text(
    context: &mut Context,
    function: &'static str,
    a: &Args<'_>,
    wanted: fn(&u8) -> bool,
) -> Outcome {
    // Sprig accepts a negative length.
    let length = usize::try_from(a.int(0)?).unwrap_or(0);
    if length > MAX_OUTPUT {
        return Err(Error::Wrong(format!("cannot draw {length} characters")));
    }
    let mut out = String::with_capacity(length);
    // Nothing is random about an empty text, but the call is refused all the same, whatever the length is.
    let mut drawn = context.random(function, length)?;
    while out.len() < length {
        // All seven-bit characters are equally probable; those that are not wanted are dropped.
        let kept = drawn.iter().map(|byte| byte & 0x7f).filter(wanted);
        out.extend(kept.take(length - out.len()).map(char::from));
        drawn = context.random(function, (length - out.len()) * 2 + 8)?;
    }
    Ok(Value::from(out))
}

/// Draws a number from 0 up to, but not including, `limit`.
fn below(context: &mut Context, function: &'static str, limit: u64) -> Result<u64, Error> {
    // Numbers beyond the last multiple of the limit would make small results more probable.
    let last = u64::MAX - u64::MAX % limit;
    loop {
        let drawn = context.random(function, 8)?;
        let drawn = drawn
            .iter()
            .fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
        if drawn < last {
            return Ok(drawn % limit);
        }
    }
}

/// Draws a version 4 UUID (RFC 9562, section 5.4).
fn uuid(context: &mut Context) -> Outcome {
    let mut bytes = context.random("uuidv4", 16)?;
    if let Some(version) = bytes.get_mut(6) {
        *version = (*version & 0x0f) | 0x40;
    }
    if let Some(variant) = bytes.get_mut(8) {
        *variant = (*variant & 0x3f) | 0x80;
    }
    let mut out = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        _ = write!(out, "{byte:02x}");
    }
    Ok(Value::from(out))
}
