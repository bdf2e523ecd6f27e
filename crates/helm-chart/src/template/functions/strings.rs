//! Functions on strings.

use std::rc::Rc;

use super::super::limits::MAX_OUTPUT;
use super::super::value::Value;
use super::args::{Args, to_text, to_texts};
use super::quote::quote_go;
use super::{ANY, Error, Function, Outcome};
use crate::yaml;

pub(super) const TABLE: &[Function] = &[
    ("trim", 1, 1, |_, a| text(a.text(0)?.trim())),
    ("nospace", 1, 1, |_, a| text(no_space(a.text(0)?))),
    ("initials", 1, 1, |_, a| text(initials(a.text(0)?))),
    ("trimAll", 2, 2, trim_all),
    ("trimall", 2, 2, trim_all),
    ("trimPrefix", 2, 2, |_, a| {
        let s = a.text(1)?;
        text(s.strip_prefix(a.text(0)?).unwrap_or(s))
    }),
    ("trimSuffix", 2, 2, |_, a| {
        let s = a.text(1)?;
        text(s.strip_suffix(a.text(0)?).unwrap_or(s))
    }),
    ("contains", 2, 2, |_, a| {
        Ok(a.text(1)?.contains(a.text(0)?).into())
    }),
    ("hasPrefix", 2, 2, |_, a| {
        Ok(a.text(1)?.starts_with(a.text(0)?).into())
    }),
    ("hasSuffix", 2, 2, |_, a| {
        Ok(a.text(1)?.ends_with(a.text(0)?).into())
    }),
    ("replace", 3, 3, |_, a| {
        let (old, new, s) = (a.text(0)?, a.text(1)?, a.text(2)?);
        let grown = s.matches(old).count().saturating_mul(new.len());
        match s.len().saturating_add(grown) > MAX_OUTPUT {
            true => Err(too_large()),
            false => text(s.replace(old, new)),
        }
    }),
    ("repeat", 2, 2, |_, a| repeat(a.int(0)?, a.text(1)?)),
    ("trunc", 2, 2, |_, a| text(truncate(a.int(0)?, a.text(1)?))),
    ("abbrev", 2, 2, |_, a| {
        text(abbreviate(0, a.int(0)?, a.text(1)?))
    }),
    ("abbrevboth", 3, 3, |_, a| {
        text(abbreviate(a.int(0)?, a.int(1)?, a.text(2)?))
    }),
    ("substr", 3, 3, |_, a| {
        substring(a.int(0)?, a.int(1)?, a.text(2)?)
    }),
    ("indent", 2, 2, |_, a| indent(a.int(0)?, a.text(1)?, "")),
    ("nindent", 2, 2, |_, a| indent(a.int(0)?, a.text(1)?, "\n")),
    ("wrap", 2, 2, |_, a| {
        wrap(a.int(0)?, "\n", a.text(1)?, false)
    }),
    ("wrapWith", 3, 3, |_, a| {
        wrap(a.int(0)?, a.text(1)?, a.text(2)?, true)
    }),
    ("quote", 0, ANY, |_, a| {
        text(each(a, |v| quote_go(&to_text(v))))
    }),
    ("squote", 0, ANY, |_, a| text(each(a, |v| format!("'{v}'")))),
    ("cat", 0, ANY, |_, a| {
        text(each(a, ToString::to_string).trim())
    }),
    ("plural", 3, 3, |_, a| {
        text(if a.int(2)? == 1 {
            a.text(0)?
        } else {
            a.text(1)?
        })
    }),
    ("toString", 1, 1, |_, a| match a.get(0) {
        bytes @ Value::Bytes(_) => Ok(bytes.clone()),
        Value::ByteSlice(bytes) => Ok(Value::text(bytes)),
        other => Ok(Value::Str(to_text(other))),
    }),
    ("toStrings", 1, 1, |_, a| {
        Ok(Value::strings(to_texts(a.get(0))))
    }),
    ("join", 2, 2, |_, a| {
        let (separator, items) = (a.text(0)?, to_texts(a.get(1)));
        let lengths = items.iter().map(|item| item.len() + separator.len());
        match lengths.sum::<usize>() > MAX_OUTPUT {
            true => Err(too_large()),
            false => text(items.join(separator)),
        }
    }),
    ("split", 2, 2, |_, a| {
        Ok(numbered(split(a.text(0)?, a.text(1)?, usize::MAX)))
    }),
    ("splitn", 3, 3, |_, a| {
        let most = usize::try_from(a.int(1)?).unwrap_or(usize::MAX);
        Ok(numbered(split(a.text(0)?, a.text(2)?, most)))
    }),
    ("splitList", 2, 2, |_, a| {
        let parts = split(a.text(0)?, a.text(1)?, usize::MAX);
        Ok(Value::strings(parts))
    }),
    ("getHostByName", 1, 1, |_, _| text("")),
];

#[allow(clippy::unnecessary_wraps)]
fn text(text: impl Into<Rc<str>>) -> Outcome {
    Ok(Value::str(text))
}

/// Formats the arguments that are set with `shape` and joins them with blanks.
fn each(args: &Args<'_>, shape: fn(&Value) -> String) -> String {
    let set = args.0.iter().filter(|v| !v.is_nil());
    set.map(shape).collect::<Vec<_>>().join(" ")
}

/// Removes blanks. As in sprig, each byte counts as a character of Latin-1, which damages other characters.
fn no_space(s: &str) -> String {
    match s.is_ascii() {
        true => s.chars().filter(|c| !c.is_whitespace()).collect(),
        false => s
            .bytes()
            .map(char::from)
            .filter(|c| !c.is_whitespace())
            .collect(),
    }
}

/// Returns the first letter of each word; of its bytes, as in [`no_space`].
fn initials(s: &str) -> String {
    let mut after_blank = true;
    let is_first = |c: &char| {
        let first = after_blank && !c.is_whitespace();
        after_blank = c.is_whitespace();
        first
    };
    s.bytes().map(char::from).filter(is_first).collect()
}

fn trim_all(_: &mut super::Context, a: &Args<'_>) -> Outcome {
    let cut = a.text(0)?;
    text(a.text(1)?.trim_matches(|c| cut.contains(c)))
}

/// The error for a string that would be larger than [`MAX_OUTPUT`].
pub(super) fn too_large() -> Error {
    Error::Wrong(format!(
        "the result would be larger than {} MiB",
        MAX_OUTPUT >> 20
    ))
}

fn repeat(count: i64, s: &str) -> Outcome {
    let count = usize::try_from(count).map_err(|_| format!("cannot repeat {count} times"))?;
    if s.len().saturating_mul(count) > MAX_OUTPUT {
        return Err(too_large());
    }
    text(s.repeat(count))
}

/// Returns the length of the longest prefix of at most `at` bytes that does not cut a character.
fn floor_boundary(s: &str, at: usize) -> usize {
    (0..=at.min(s.len()))
        .rev()
        .find(|i| s.is_char_boundary(*i))
        .unwrap_or(0)
}

fn truncate(count: i64, s: &str) -> &str {
    let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if length >= s.len() {
        s
    } else if count >= 0 {
        &s[..floor_boundary(s, length)]
    } else {
        &s[floor_boundary(s, s.len() - length)..]
    }
}

fn indent(width: i64, s: &str, before: &str) -> Outcome {
    let width = usize::try_from(width).map_err(|_| format!("cannot indent by {width}"))?;
    let lines = memchr::memchr_iter(b'\n', s.as_bytes()).count() + 1;
    if width.saturating_mul(lines).saturating_add(s.len()) > MAX_OUTPUT {
        return Err(too_large());
    }
    let mut out = String::with_capacity(before.len() + s.len() + lines * width);
    out.push_str(before);
    for line in s.split_inclusive('\n') {
        yaml::pad(&mut out, width);
        out.push_str(line);
    }
    if s.is_empty() || s.ends_with('\n') {
        yaml::pad(&mut out, width);
    }
    Ok(Value::from(out))
}

/// Splits a string. An empty separator splits it into characters.
fn split<'s>(separator: &str, s: &'s str, most: usize) -> Vec<&'s str> {
    if separator.is_empty() && most > 0 {
        let mut rest = s;
        let mut parts = Vec::new();
        while let Some(c) = rest.chars().next().filter(|_| parts.len() + 1 < most) {
            let (first, after) = rest.split_at(c.len_utf8());
            parts.push(first);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        return parts;
    }
    s.splitn(most, separator).collect()
}

fn numbered(parts: Vec<&str>) -> Value {
    let named = |(i, part): (usize, &str)| (Rc::from(format!("_{i}")), Rc::from(part));
    Value::Texts(Rc::new(parts.into_iter().enumerate().map(named).collect()))
}

/// Returns at most `width` bytes of a string, from about `offset` on, with `...` for the rest.
fn abbreviate(offset: i64, width: i64, s: &str) -> String {
    let width = usize::try_from(width).unwrap_or(0);
    let least = if offset > 0 { 7 } else { 4 };
    if width < least || s.len() <= width {
        return s.to_owned();
    }
    let offset = usize::try_from(offset).unwrap_or(0);
    let offset = offset.min(s.len() - (width - 3));
    if offset <= 4 {
        return format!("{}...", &s[..floor_boundary(s, width - 3)]);
    }
    let rest = &s[floor_boundary(s, offset)..];
    // Either the end of the string is shown, or both sides are cut off.
    if offset + width - 3 < s.len() {
        let shown = floor_boundary(rest, width.saturating_sub(6));
        return format!("...{}...", &rest[..shown]);
    }
    format!("...{}", &s[floor_boundary(s, s.len() - (width - 3))..])
}

fn substring(start: i64, end: i64, s: &str) -> Outcome {
    let outside = || Error::Wrong(format!("{start} to {end} is outside of {s:?}"));
    let at = |i: i64| usize::try_from(i).map_err(|_| outside());
    let range = if start < 0 {
        0..at(end)?
    } else if end < 0 || at(end)? > s.len() {
        at(start)?..s.len()
    } else {
        at(start)?..at(end)?
    };
    text(s.get(range).ok_or_else(outside)?)
}

/// Breaks a string into lines of at most `width` bytes; longer words only if `break_words` says so.
fn wrap(width: i64, separator: &str, s: &str, break_words: bool) -> Outcome {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let separator = if separator.is_empty() {
        "\n"
    } else {
        separator
    };
    let mut out = String::new();
    let mut rest = s;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(' ') {
            rest = after;
            continue;
        }
        let fits = floor_boundary(rest, width);
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let blank = rest[..floor_boundary(rest, width + 1)].rfind(' ');
        let (line, after) = match blank {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None if break_words => rest.split_at(fits.max(first)),
            None => match rest[fits..].find(' ') {
                Some(at) => (&rest[..fits + at], &rest[fits + at + 1..]),
                None => break,
            },
        };
        out.push_str(line);
        out.push_str(separator);
        if out.len() > MAX_OUTPUT {
            return Err(too_large());
        }
        rest = after;
    }
    out.push_str(rest);
    text(out)
}
