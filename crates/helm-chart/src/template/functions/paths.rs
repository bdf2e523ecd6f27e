//! Functions on paths and URLs.

use std::rc::Rc;

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::super::value::Value;
use super::args::Args;
use super::encoding::RESERVED;
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("base", 1, 1, |_, a| Ok(Value::str(base(a.text(0)?)))),
    ("osBase", 1, 1, |_, a| Ok(Value::str(base(a.text(0)?)))),
    ("dir", 1, 1, |_, a| Ok(Value::from(dir(a.text(0)?)))),
    ("osDir", 1, 1, |_, a| Ok(Value::from(dir(a.text(0)?)))),
    ("clean", 1, 1, |_, a| Ok(Value::from(clean(a.text(0)?)))),
    ("osClean", 1, 1, |_, a| Ok(Value::from(clean(a.text(0)?)))),
    ("ext", 1, 1, |_, a| Ok(Value::str(ext(a.text(0)?)))),
    ("osExt", 1, 1, |_, a| Ok(Value::str(ext(a.text(0)?)))),
    ("isAbs", 1, 1, |_, a| Ok(a.text(0)?.starts_with('/').into())),
    ("osIsAbs", 1, 1, |_, a| {
        Ok(a.text(0)?.starts_with('/').into())
    }),
    ("urlParse", 1, 1, url_parse),
    ("urlJoin", 1, 1, url_join),
];

fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|p| *p != "..") => _ = kept.pop(),
            ".." if rooted => {}
            part => kept.push(part),
        }
    }
    match (rooted, kept.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None if path.is_empty() => ".",
        Some("") | None => "/",
        Some(base) => base,
    }
}

fn dir(path: &str) -> String {
    clean(
        path.rsplit_once('/')
            .map_or("", |(before, _)| match before {
                "" => "/",
                before => before,
            }),
    )
}

fn ext(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.rfind('.').and_then(|at| base.get(at..)).unwrap_or("")
}

/// Splits a URL into its parts (RFC 3986, section 3) and decodes their escapes.
fn url_parse(_: &mut Context, a: &Args<'_>) -> Outcome {
    let url = a.text(0)?;
    let wrong = |what: &str| Error::Wrong(format!("{url:?} is not a URL: {what}"));
    if url.contains(|c: char| c.is_ascii_control()) {
        return Err(wrong("it contains a control character"));
    }
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some(("", _)) => return Err(wrong("the scheme is missing")),
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        Some((first, _)) if !first.contains(['/', '?']) => {
            return Err(wrong("the first segment of its path contains a colon"));
        }
        _ => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_opaque = !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/');
    let (opaque, rest) = if is_opaque { (rest, "") } else { ("", rest) };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let hostname = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let foreign = |c: char| c.is_ascii() && (c == ' ' || r"\^`{|}".contains(c));
    if host.contains(foreign) {
        return Err(wrong("its host contains an invalid character"));
    }
    let plain = |text: &str| unescape(text).ok_or_else(|| wrong("an escape (%) is invalid"));
    let parts = [
        ("scheme", scheme),
        ("host", plain(host)?),
        ("hostname", plain(hostname)?),
        ("path", plain(path)?),
        ("query", query.to_owned()),
        ("opaque", opaque.to_owned()),
        ("fragment", plain(fragment)?),
        ("userinfo", userinfo.to_owned()),
    ];
    Ok(Value::dict(
        parts.map(|(name, part)| (Rc::from(name), Value::from(part))),
    ))
}

/// Decodes the escapes of a part of a URL; `None` if an escape is invalid or the result is not UTF-8.
fn unescape(text: &str) -> Option<String> {
    let is_escape = |rest: &[u8]| {
        rest.iter()
            .take(2)
            .filter(|b| b.is_ascii_hexdigit())
            .count()
            == 2
    };
    let mut escapes = memchr::memchr_iter(b'%', text.as_bytes());
    if !escapes.all(|at| text.as_bytes().get(at + 1..).is_some_and(is_escape)) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

// The characters that Go escapes in each part of a URL (`net/url`), which are fewer than RFC 3986 wants.
const IN_HOST: &AsciiSet = &without(RESERVED, b"!$&'()*+,;=:[]<>\"");
const IN_PATH: &AsciiSet = &without(RESERVED, b"$&+,/:;=@!'()*");
const IN_FRAGMENT: &AsciiSet = &IN_PATH.remove(b'?');

const fn without(set: &AsciiSet, allowed: &[u8]) -> AsciiSet {
    match allowed {
        [] => set.union(AsciiSet::EMPTY),
        [first, rest @ ..] => without(&set.remove(*first), rest),
    }
}

fn url_join(_: &mut Context, a: &Args<'_>) -> Outcome {
    let dict = a.dict(0)?;
    let dict = dict.borrow();
    let part = |name: &str| match dict.get(name) {
        None => Ok(String::new()),
        Some(Value::Str(part)) => Ok(part.to_string()),
        Some(other) => {
            let kind = other.kind();
            Err(Error::Wrong(format!(
                "the part {name:?} must be a string, not a {kind}"
            )))
        }
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (opaque, userinfo, query) = (part("opaque")?, part("userinfo")?, part("query")?);
    let fragment = part("fragment")?;
    let mut url = String::new();
    if !scheme.is_empty() {
        url = format!("{scheme}:");
    }
    if opaque.is_empty() {
        if !host.is_empty() || !userinfo.is_empty() {
            url.push_str("//");
            if !userinfo.is_empty() {
                url.push_str(&userinfo);
                url.push('@');
            }
            url.extend(utf8_percent_encode(&host, IN_HOST));
            if !path.is_empty() && !path.starts_with('/') {
                url.push('/');
            }
        }
        url.extend(utf8_percent_encode(&path, IN_PATH));
    } else {
        url.push_str(&opaque);
    }
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    if !fragment.is_empty() {
        url = format!("{url}#{}", utf8_percent_encode(&fragment, IN_FRAGMENT));
    }
    Ok(Value::from(url))
}
