//! The formats of strings that Helm's checker judges otherwise than the crate `boon`: URLs as Go parses them, `semver`,
//! and internationalized names, which it does not know.

use std::error::Error;
use std::net::Ipv6Addr;

use boon::{Compiler, Format};
use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;
type Check = fn(&Value) -> Outcome;

/// Registers the formats.
pub(super) fn register(compiler: &mut Compiler) {
    let formats: [(&'static str, Check); 7] = [
        ("uri", absolute_url),
        ("iri", absolute_url),
        ("uri-reference", url_reference),
        ("iri-reference", url_reference),
        ("semver", semver),
        ("idn-hostname", anything),
        ("idn-email", anything),
    ];
    for (name, func) in formats {
        compiler.register_format(Format { name, func });
    }
}

/// An unknown format says nothing about a value.
fn anything(_: &Value) -> Outcome {
    Ok(())
}

/// A version of <https://semver.org>, without a leading `v`.
fn semver(value: &Value) -> Outcome {
    match value.as_str().map(semver::Version::parse) {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(()),
    }
}

fn absolute_url(value: &Value) -> Outcome {
    match value.as_str().map(parse_url) {
        Some(Ok(false)) => Err("relative url".into()),
        Some(Err(reason)) => Err(reason.into()),
        _ => Ok(()),
    }
}

fn url_reference(value: &Value) -> Outcome {
    match value.as_str() {
        Some(text) if text.contains('\\') => Err(r"contains \".into()),
        Some(text) => parse_url(text).map(drop).map_err(Into::into),
        None => Ok(()),
    }
}

/// Checks a URL as Go's `net/url.Parse` does, which accepts more than RFC 3986. Returns whether it has a scheme.
fn parse_url(text: &str) -> Result<bool, &'static str> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("invalid control character in URL");
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    check_escapes(fragment)?;
    let (scheme, rest) = split_scheme(text)?;
    let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
    if !rest.starts_with('/') {
        let first = rest.split('/').next().unwrap_or(rest);
        return match (scheme, first.contains(':')) {
            (true, _) => Ok(true),
            (false, true) => Err("first path segment in URL cannot contain colon"),
            (false, false) => check_escapes(rest).map(|()| false),
        };
    }
    let path = match rest.strip_prefix("//") {
        Some(below) if scheme || !rest.starts_with("///") => {
            let end = below.find('/').unwrap_or(below.len());
            let (authority, path) = below.split_at(end);
            check_authority(authority)?;
            path
        }
        _ => rest,
    };
    check_escapes(path).map(|()| scheme)
}

/// Returns whether there is a scheme, and what follows it.
fn split_scheme(text: &str) -> Result<(bool, &str), &'static str> {
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme"),
            b':' => return Ok((true, &text[i + 1..])),
            _ => break,
        }
    }
    Ok((false, text))
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    const INVALID: &str = "invalid character in host name";
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((user, host)) => {
            let is_valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(is_valid) {
                return Err("invalid userinfo");
            }
            check_escapes(user)?;
            host
        }
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(address) => {
            let (address, port) = address.rsplit_once(']').ok_or("missing ']' in host")?;
            let address = address.split("%25").next().unwrap_or(address);
            if address.contains(':') && address.parse::<Ipv6Addr>().is_err() {
                return Err("invalid ipv6 address");
            }
            (address, port)
        }
        None => match host.rfind(':') {
            Some(at) => host.split_at(at),
            None => (host, ""),
        },
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err("invalid port");
    }
    if !host.starts_with('[') && name.contains(':') {
        return Err("ipv6 address not enclosed in brackets");
    }
    let may_be_in_host = |b: u8| {
        !b.is_ascii() || b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&b)
    };
    if !name.bytes().all(may_be_in_host) {
        return Err(INVALID);
    }
    // In a host, only bytes that are not ASCII are escaped.
    let is_escape = |escape: &str| {
        let digits = escape.get(..2).unwrap_or_default();
        u8::from_str_radix(digits, 16).is_ok_and(|byte| byte >= 0x80)
    };
    match name.split('%').skip(1).all(is_escape) {
        true => Ok(()),
        false => Err("invalid URL escape in host name"),
    }
}

/// Checks that two hexadecimal digits follow each percent sign.
fn check_escapes(text: &str) -> Result<(), &'static str> {
    let is_escape = |escape: &str| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match text.split('%').skip(1).all(is_escape) {
        true => Ok(()),
        false => Err("invalid URL escape"),
    }
}
