//! Where a registry sends a client on: `Location`, `Link`, redirects.

use http::Uri;
use iri_string::types::{UriAbsoluteStr, UriReferenceStr};

use crate::error::Reason;

/// Resolves a reference against the URL of the request that it is the answer to (RFC 3986, section 5): absolute, `//host`,
/// a path, or `?query`.
///
/// # Errors
/// It is not a reference, has user info, or is not http or https.
pub(crate) fn resolve(base: &Uri, location: &str) -> Result<Uri, Reason> {
    let wrong = |why: &str| Reason::Protocol(format!("it answers with a location that {why}"));
    let base = base.to_string();
    let base = UriAbsoluteStr::new(&base).map_err(|_| wrong("is not a URL"))?;
    let reference = UriReferenceStr::new(location.trim()).map_err(|_| wrong("is not a URL"))?;
    let resolved = reference.resolve_against(base).to_string();
    // A fragment is not sent.
    let resolved = resolved.split('#').next().unwrap_or_default();
    let uri: Uri = resolved.parse().map_err(|_| wrong("is not a URL"))?;
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err(wrong("contains a user"));
    }
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(wrong("is neither http nor https")),
    }
}

/// Returns the URL with one more parameter. What is in its query already stays as it is.
///
/// # Errors
/// The URL would be too long.
pub(crate) fn with_parameter(uri: &Uri, name: &str, value: &str) -> Result<Uri, Reason> {
    let separator = match uri.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    let text = format!("{uri}{separator}{name}={value}");
    text.parse()
        .map_err(|_| Reason::Protocol("it answers with a location that is too long".to_owned()))
}

/// Returns a URL for messages: without the query, which can contain secrets.
pub(crate) fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map(http::uri::Authority::as_str);
    format!("{scheme}://{}{}", authority.unwrap_or_default(), uri.path())
}

/// Returns the target of the first link to the next page (RFC 8288): `<…>; rel="next"`.
pub(crate) fn next_link(headers: &http::HeaderMap) -> Option<&str> {
    let lines = headers.get_all(http::header::LINK).into_iter();
    let links = lines.filter_map(|line| line.to_str().ok());
    links.flat_map(|line| line.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_whitespace()
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://r.example.com:5000/v2/a/b/blobs/uploads/?mount=x";

    #[test]
    fn a_location_is_resolved_like_a_link() {
        let table = [
            (
                "https://cdn.example.com/x?sig=1",
                "https://cdn.example.com/x?sig=1",
            ),
            (
                "/v2/a/b/blobs/uploads/1?state=a%2Bb",
                "https://r.example.com:5000/v2/a/b/blobs/uploads/1?state=a%2Bb",
            ),
            ("//other.example.com/x", "https://other.example.com/x"),
            (
                "?state=1",
                "https://r.example.com:5000/v2/a/b/blobs/uploads/?state=1",
            ),
            (
                "1234",
                "https://r.example.com:5000/v2/a/b/blobs/uploads/1234",
            ),
            ("../../x#part", "https://r.example.com:5000/v2/a/b/x"),
        ];
        for (location, expected) in table {
            let found = resolve(&BASE.parse().unwrap(), location).unwrap();
            assert_eq!(found.to_string(), expected, "{location}");
        }
    }

    #[test]
    fn a_location_that_is_no_web_address_is_refused() {
        for location in [
            "ftp://r.example.com/x",
            "file:///etc/passwd",
            "https://user:password@r.example.com/x",
            "https://",
            "a b",
            "\u{1b}",
        ] {
            let error = resolve(&BASE.parse().unwrap(), location)
                .unwrap_err()
                .to_string();
            assert!(!error.contains("password"), "{error}");
        }
    }

    #[test]
    fn a_parameter_is_appended_to_the_query() {
        let table = [
            ("https://r/x", "https://r/x?digest=d"),
            ("https://r/x?", "https://r/x?digest=d"),
            (
                "https://r/x?state=a%2Bb%3D",
                "https://r/x?state=a%2Bb%3D&digest=d",
            ),
        ];
        for (uri, expected) in table {
            let found = with_parameter(&uri.parse().unwrap(), "digest", "d").unwrap();
            assert_eq!(found.to_string(), expected);
        }
    }

    #[test]
    fn the_next_page_is_the_link_with_that_relation() {
        let table = [
            (
                r#"</v2/a/referrers/x?n=2>; rel="next""#,
                Some("/v2/a/referrers/x?n=2"),
            ),
            (r"</a>; rel=prev, </b>; title=t; REL=next", Some("/b")),
            (r#"</a>; rel="first next""#, Some("/a")),
            (r#"</a>; rel="nextish""#, None),
            ("next", None),
        ];
        for (text, expected) in table {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::LINK, text.parse().unwrap());
            assert_eq!(next_link(&headers), expected, "{text}");
        }
    }
}
