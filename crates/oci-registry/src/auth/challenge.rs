//! What a registry asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1; RFC 6750, section 3).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;

use super::realm::shown;

/// How a registry wants to be told who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// With user and password.
    Basic,
    /// With a token of a token server.
    Bearer {
        /// The URL of the token server, which is not judged yet.
        realm: String,
        /// The name of the registry at its token server.
        service: Option<String>,
        /// What the token has to allow.
        scopes: Vec<String>,
    },
}

impl Challenge {
    /// Returns the token server and the name of the registry there; `None` without a token server.
    pub fn server(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Challenge::Basic => None,
            Challenge::Bearer { realm, service, .. } => Some((realm, service.as_deref())),
        }
    }
}

/// Returns the best challenge of a refusal: `Bearer` before `Basic`. Other schemes are skipped. `None` if there is no
/// challenge of these schemes.
///
/// # Errors
/// Nothing can be used, and at least one header is malformed or has a `Bearer` challenge without a realm.
pub(crate) fn choose(headers: &HeaderMap) -> Result<Option<Challenge>, ChallengeError> {
    let mut basic = None;
    let mut problem = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else {
            problem.get_or_insert(ChallengeError::NotAscii);
            continue;
        };
        // Challenges before a mistake count: a proxy may append its own, which need not be right.
        for found in ChallengeParser::new(text) {
            let Ok(found) = found else {
                problem.get_or_insert_with(|| ChallengeError::Malformed(shown(text)));
                break;
            };
            if found.scheme.eq_ignore_ascii_case("Bearer") {
                match bearer(&found) {
                    Some(challenge) => return Ok(Some(challenge)),
                    None => problem = problem.or(Some(ChallengeError::NoRealm)),
                }
            } else if found.scheme.eq_ignore_ascii_case("Basic") {
                basic = Some(Challenge::Basic);
            }
        }
    }
    match (basic, problem) {
        (None, Some(problem)) => Err(problem),
        (basic, _) => Ok(basic),
    }
}

/// Returns `None` for a challenge without a realm.
fn bearer(challenge: &ChallengeRef<'_>) -> Option<Challenge> {
    let values = |wanted: &'static str| {
        let params = challenge.params.iter();
        params
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.to_unescaped())
            .filter(|value| !value.is_empty())
    };
    let scopes: Vec<String> = values("scope").collect();
    Some(Challenge::Bearer {
        realm: values("realm").next()?,
        service: values("service").next(),
        scopes: scopes
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace())
            .map(str::to_owned)
            .collect(),
    })
}

/// Why none of the challenges of a refusal can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChallengeError {
    /// The header has bytes that a challenge cannot have.
    #[error("WWW-Authenticate has characters that are not ASCII")]
    NotAscii,
    /// The header is not a list of challenges. Shown as far as it is safe.
    #[error("WWW-Authenticate is not a list of challenges (RFC 9110): {0:?}")]
    Malformed(String),
    /// The challenge names no token server.
    #[error("the Bearer challenge in WWW-Authenticate has no realm")]
    NoRealm,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn chosen(lines: &[&[u8]]) -> Result<Option<Challenge>, ChallengeError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line).unwrap());
        }
        choose(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scopes: &[&str]) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    #[test]
    fn a_token_is_preferred_to_a_password_and_other_schemes_are_skipped() {
        let simple = || bearer("https://t.example.com/token", None, &[]);
        let table: [(&[&str], Option<Challenge>); 12] = [
            (&[], None),
            (&["Negotiate"], None),
            (&["Basic realm=\"x\""], Some(Challenge::Basic)),
            (&["BASIC"], Some(Challenge::Basic)),
            (
                &["Bearer realm=\"https://t.example.com/token\""],
                Some(simple()),
            ),
            (
                &["bEARER Realm=\"https://t.example.com/token\""],
                Some(simple()),
            ),
            (
                &[
                    "Basic realm=\"x\"",
                    "Bearer realm=\"https://t.example.com/token\"",
                ],
                Some(simple()),
            ),
            (
                &[
                    "Negotiate, Basic realm=\"a, b\", Bearer realm=\"https://t.example.com/token\", Digest",
                ],
                Some(simple()),
            ),
            (
                &[
                    "Bearer realm=\"https://t.example.com/token\",service=\"r.example.com\",scope=\"repository:a/b:pull,push repository:c:pull\"",
                ],
                Some(bearer(
                    "https://t.example.com/token",
                    Some("r.example.com"),
                    &["repository:a/b:pull,push", "repository:c:pull"],
                )),
            ),
            (
                &[
                    "Bearer SERVICE=plain , Scope=\"a\", scope=\"b  c\", realm=\"https://\\t.example.com/\\\"q\\\"\"",
                ],
                Some(bearer(
                    "https://t.example.com/\"q\"",
                    Some("plain"),
                    &["a", "b", "c"],
                )),
            ),
            (
                &[
                    "Bearer realm=\"https://t.example.com/token\",service=\"\",scope=\"\",error=\"invalid_token\"",
                ],
                Some(simple()),
            ),
            (
                &[
                    "Bearer realm=\"https://t.example.com/first\"",
                    "Bearer realm=\"https://t.example.com/second\"",
                ],
                Some(bearer("https://t.example.com/first", None, &[])),
            ),
        ];
        for (lines, expected) in table {
            let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(chosen(&bytes), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn a_mistake_hides_no_challenge_that_can_be_used() {
        let table: [(&[&[u8]], Challenge); 4] = [
            (
                &[b"Basic realm=\"x\", NTLM TlRMTVNTUAAC=="],
                Challenge::Basic,
            ),
            (
                &[b"NTLM TlRMTVNTUAAC==", b"Basic realm=\"x\""],
                Challenge::Basic,
            ),
            (
                &[b"Bearer service=\"x\"", b"Basic realm=\"x\""],
                Challenge::Basic,
            ),
            (
                &[b"B\xe9arer", b"Bearer realm=\"https://t.example.com\""],
                bearer("https://t.example.com", None, &[]),
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(chosen(lines), Ok(Some(expected)), "{lines:?}");
        }
    }

    #[test]
    fn headers_without_a_usable_challenge_are_errors() {
        let malformed = |text: &str| ChallengeError::Malformed(text.to_owned());
        let table: [(&[u8], ChallengeError); 7] = [
            (b"", malformed("")),
            (b",", malformed(",")),
            (b"Bearer realm=\"open", malformed("Bearer realm=\"open")),
            (
                b"Bearer realm=\"https://u:marker-secret@t.example.com/?k=marker-secret",
                malformed("Bearer realm=\"https://t.example.com/"),
            ),
            (b"Bearer", ChallengeError::NoRealm),
            (b"Bearer realm=\"\"", ChallengeError::NoRealm),
            (b"Basic realm=\"\xfc\"", ChallengeError::NotAscii),
        ];
        for (line, expected) in table {
            assert_eq!(chosen(&[line]), Err(expected), "{line:?}");
        }
    }

    #[test]
    fn no_header_causes_a_panic() {
        let whole = b"Bearer realm=\"https://t.example.com/\\\"\",service=a b , scope=\"x\\y\" ,, Basic realm=\t=\"\xff\"";
        let bytes: Vec<u8> = (0x20..=0xff).filter(|&byte| byte != 0x7f).collect();
        let mut tried = 0;
        for start in 0..whole.len() {
            for end in start..=whole.len() {
                let _ = chosen(&[&whole[start..end]]);
                tried += 1;
            }
            for &byte in &bytes {
                let mut changed = whole.to_vec();
                changed[start] = byte;
                let _ = chosen(&[&changed]);
                tried += 1;
            }
        }
        assert!(tried > 10_000);
    }
}
