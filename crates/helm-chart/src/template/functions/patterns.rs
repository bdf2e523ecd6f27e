//! Functions on regular expressions.

use regex::{NoExpand, Regex, Replacer};

use super::super::limits::MAX_OUTPUT;
use super::super::value::{ListType, Value};
use super::args::Args;
use super::strings::too_large;
use super::{Context, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("regexMatch", 2, 2, |context, a| {
        // An invalid pattern matches nothing.
        let (pattern, s) = (a.text(0)?, a.text(1)?);
        Ok(context
            .pattern(pattern)
            .is_ok_and(|regex| regex.is_match(s))
            .into())
    }),
    ("mustRegexMatch", 2, 2, regex_match),
    ("regexFind", 2, 2, regex_find),
    ("mustRegexFind", 2, 2, regex_find),
    ("regexFindAll", 3, 3, regex_find_all),
    ("mustRegexFindAll", 3, 3, regex_find_all),
    ("regexReplaceAll", 3, 3, regex_replace),
    ("mustRegexReplaceAll", 3, 3, regex_replace),
    ("regexReplaceAllLiteral", 3, 3, regex_replace_literal),
    ("mustRegexReplaceAllLiteral", 3, 3, regex_replace_literal),
    ("regexSplit", 3, 3, regex_split),
    ("mustRegexSplit", 3, 3, regex_split),
    ("regexQuoteMeta", 1, 1, |_, a| {
        Ok(Value::from(quote_meta(a.text(0)?)))
    }),
];

fn regex_match(context: &mut Context, a: &Args<'_>) -> Outcome {
    Ok(context.pattern(a.text(0)?)?.is_match(a.text(1)?).into())
}

fn regex_find(context: &mut Context, a: &Args<'_>) -> Outcome {
    let found = context.pattern(a.text(0)?)?.find(a.text(1)?);
    Ok(Value::str(found.map_or("", |found| found.as_str())))
}

/// Converts a limit of sprig: a negative one means all results.
fn limit(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn regex_find_all(context: &mut Context, a: &Args<'_>) -> Outcome {
    let (s, n) = (a.text(1)?, limit(a.int(2)?));
    let found = context.pattern(a.text(0)?)?.find_iter(s).take(n);
    let found: Vec<&str> = found.map(|f| f.as_str()).collect();
    Ok(match found.is_empty() {
        true => Value::nil_list(ListType::NilStrings),
        false => Value::strings(found),
    })
}

fn regex_replace(context: &mut Context, a: &Args<'_>) -> Outcome {
    replace_all(context.pattern(a.text(0)?)?, a.text(1)?, a.text(2)?)
}

fn regex_replace_literal(context: &mut Context, a: &Args<'_>) -> Outcome {
    let with = NoExpand(a.text(2)?);
    replace_all(context.pattern(a.text(0)?)?, a.text(1)?, with)
}

fn replace_all(pattern: &Regex, s: &str, mut with: impl Replacer) -> Outcome {
    let (mut out, mut end) = (String::new(), 0);
    for captures in pattern.captures_iter(s) {
        let found = captures.get_match();
        out.push_str(&s[end..found.start()]);
        with.replace_append(&captures, &mut out);
        end = found.end();
        if out.len() > MAX_OUTPUT {
            return Err(too_large());
        }
    }
    out.push_str(&s[end..]);
    Ok(Value::from(out))
}

/// Splits a string at the matches. An empty match at the start is ignored.
fn regex_split(context: &mut Context, a: &Args<'_>) -> Outcome {
    let (pattern, s, n) = (a.text(0)?, a.text(1)?, a.int(2)?);
    if n == 0 {
        return Ok(Value::nil_list(ListType::NilStrings));
    }
    if s.is_empty() && !pattern.is_empty() {
        return Ok(Value::strings([""]));
    }
    let most = limit(n);
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in context.pattern(pattern)?.find_iter(s) {
        if parts.len() + 1 >= most {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(s.get(start..end).unwrap_or_default());
        }
        start = found.end();
    }
    if end != s.len() {
        parts.push(s.get(start..).unwrap_or_default());
    }
    Ok(Value::strings(parts))
}

/// Escapes the special characters of regular expressions (Go's `regexp.QuoteMeta`).
fn quote_meta(s: &str) -> String {
    s.chars().fold(String::new(), |mut out, c| {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
