//! A token: how it is asked for, and what a token server answers (Docker registry token and OAuth 2 specifications).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::json::JsonError;
use super::secret::Secret;

/// How this program calls itself at token servers.
const CLIENT: &str = env!("CARGO_PKG_NAME");
/// How long a token is valid if the server does not say it.
const USUAL_LIFE: Duration = Duration::from_mins(1);
/// After this time, a new token is asked for in any case.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// All but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A token for a registry.
#[derive(Debug)]
pub(crate) struct Token {
    /// The token. It can be in a header.
    pub value: Secret,
    /// `None`: as long as the program runs.
    expires: Option<Instant>,
}

impl Token {
    /// Reads the answer of a token server that arrived at `now`. The time that it was issued at is not used: the clocks can
    /// differ.
    ///
    /// # Errors
    /// It is not JSON, or has no token that a header can contain.
    pub fn parse(answer: &[u8], now: Instant) -> Result<Token, TokenError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<Value>,
        }
        let answer: Answer =
            serde_json::from_slice(answer).map_err(|e| TokenError::Json(JsonError::new(&e)))?;
        let token = [answer.token, answer.access_token]
            .into_iter()
            .flatten()
            .find(|token| !token.is_empty())
            .ok_or(TokenError::NoToken)?;
        let value = Secret::new(token);
        if !value.is_visible_ascii() {
            return Err(TokenError::NotHeader);
        }
        Ok(Token {
            value,
            expires: Some(now + life(answer.expires_in.as_ref())),
        })
    }

    /// Returns a token that is never renewed.
    pub fn lasting(value: Secret) -> Token {
        Token {
            value,
            expires: None,
        }
    }

    /// Returns whether it is valid for less than `at_least`, or no longer.
    pub fn needs_renewal(&self, now: Instant, at_least: Duration) -> bool {
        self.expires.is_some_and(|expires| {
            let left = expires.saturating_duration_since(now);
            left.is_zero() || left < at_least
        })
    }
}

/// Returns how long a token is valid. Some servers write the seconds as a string.
fn life(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(seconds)) => seconds.as_f64(),
        Some(Value::String(seconds)) => seconds.trim().parse().ok(),
        _ => None,
    };
    match seconds {
        Some(seconds) if seconds >= 1.0 => {
            Duration::from_secs_f64(seconds.min(LONGEST_LIFE.as_secs_f64()))
        }
        _ => USUAL_LIFE,
    }
}

/// Returns the URL of a request for a token (Docker registry token specification, "Requesting a Token"). A query that the
/// realm has stays.
///
/// # Errors
/// The URL would be too long.
pub(crate) fn query(
    realm: &Uri,
    service: Option<&str>,
    scopes: &BTreeSet<String>,
    account: Option<&str>,
) -> Result<Uri, TokenError> {
    let parameters = service
        .map(|service| ("service", service))
        .into_iter()
        .chain(scopes.iter().map(|scope| ("scope", scope.as_str())))
        .chain([("client_id", CLIENT)])
        .chain(account.map(|account| ("account", account)));
    let parameters = encoded(parameters);
    let separator = match realm.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    format!("{realm}{separator}{parameters}")
        .parse()
        .map_err(|_| TokenError::TooLong)
}

/// Returns the form that asks for a token with an identity token (Docker registry OAuth 2 specification).
pub(crate) fn refresh_form(
    service: Option<&str>,
    scopes: &BTreeSet<String>,
    secret: &Secret,
) -> String {
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let scope = scopes.join(" ");
    let parameters = [("grant_type", "refresh_token")]
        .into_iter()
        .chain(service.map(|service| ("service", service)))
        .chain((!scope.is_empty()).then_some(("scope", scope.as_str())))
        .chain([("client_id", CLIENT), ("refresh_token", secret.expose())]);
    encoded(parameters)
}

fn encoded<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let parameters: Vec<String> = parameters
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, RESERVED)))
        .collect();
    parameters.join("&")
}

/// Why an answer contains no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The answer is not JSON, or has other types.
    #[error("the answer is malformed: {0}")]
    Json(JsonError),
    /// The answer has no token.
    #[error("the answer has neither `token` nor `access_token`")]
    NoToken,
    /// The token has characters that a header cannot have.
    #[error("the token contains characters that a header must not contain")]
    NotHeader,
    /// The URL to ask would be too long.
    #[error("the URL of the request for a token is too long")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "marker-secret";

    fn scopes(scopes: &[&str]) -> BTreeSet<String> {
        scopes.iter().map(|&scope| scope.to_owned()).collect()
    }

    #[test]
    fn an_answer_has_its_token_in_either_field() {
        let table = [
            r#"{"token":"marker-secret"}"#,
            r#"{"access_token":"marker-secret","issued_at":"2001-01-01T00:00:00Z"}"#,
            r#"{"token":"","access_token":"marker-secret","refresh_token":"x"}"#,
            r#"{"token":null,"access_token":"marker-secret","expires_in":null}"#,
            r#"{"token":"marker-secret","access_token":"other","scope":["a"]}"#,
        ];
        let now = Instant::now();
        for answer in table {
            let token = Token::parse(answer.as_bytes(), now).unwrap();
            assert_eq!(token.value.expose(), SECRET, "{answer}");
            assert!(!format!("{token:?}").contains(SECRET));
        }
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let table = [
            ("", 60),
            (r#","expires_in":300"#, 300),
            (r#","expires_in":"300""#, 300),
            (r#","expires_in":300.0"#, 300),
            (r#","expires_in":20"#, 20),
            (r#","expires_in":0"#, 60),
            (r#","expires_in":-5"#, 60),
            (r#","expires_in":"soon""#, 60),
            (r#","expires_in":[300]"#, 60),
            (r#","expires_in":18446744073709551615"#, 86400),
            (r#","expires_in":1e300"#, 86400),
        ];
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (field, seconds) in table {
            let answer = format!(r#"{{"token":"{SECRET}"{field}}}"#);
            let token = Token::parse(answer.as_bytes(), now).unwrap();
            let life = Duration::from_secs(seconds);
            assert!(!token.needs_renewal(now, Duration::ZERO), "{field}");
            assert!(
                !token.needs_renewal(now + life.saturating_sub(second), Duration::ZERO),
                "{field}"
            );
            assert!(token.needs_renewal(now + life, Duration::ZERO), "{field}");
            assert!(
                token.needs_renewal(now + life * 2, Duration::ZERO),
                "{field}"
            );
            assert!(!token.needs_renewal(now, life), "{field}");
            assert!(token.needs_renewal(now + second, life), "{field}");
        }
        let lasting = Token::lasting(Secret::new(SECRET.to_owned()));
        assert!(!lasting.needs_renewal(now + LONGEST_LIFE * 365, LONGEST_LIFE));
    }

    #[test]
    fn an_answer_without_a_usable_token_is_an_error_that_does_not_quote_it() {
        let json = |line, column, is_syntax| {
            TokenError::Json(JsonError {
                line,
                column,
                is_syntax,
            })
        };
        let table = [
            ("", json(1, 0, true)),
            ("{\n\"token\":\"marker-secret\"", json(2, 23, true)),
            ("<html>marker-secret", json(1, 1, true)),
            ("\"marker-secret\"", json(1, 15, false)),
            (r#"{"token":{"marker-secret":1}}"#, json(1, 9, false)),
            (r"{}", TokenError::NoToken),
            (
                r#"{"token":"","access_token":"","x":"marker-secret"}"#,
                TokenError::NoToken,
            ),
            (
                r#"{"token":"marker-secret\r\nX: y"}"#,
                TokenError::NotHeader,
            ),
            (r#"{"token":"marker-secret x"}"#, TokenError::NotHeader),
            (r#"{"token":"marker-secret\u0000"}"#, TokenError::NotHeader),
            (r#"{"token":"marker-secret ü"}"#, TokenError::NotHeader),
        ];
        for (answer, expected) in table {
            let error = Token::parse(answer.as_bytes(), Instant::now()).unwrap_err();
            assert_eq!(error, expected, "{answer}");
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        }
        assert_eq!(
            json(2, 23, true).to_string(),
            "the answer is malformed: line 2, column 23: not valid JSON"
        );
    }

    #[test]
    fn a_query_keeps_that_of_the_realm_and_encodes_what_it_adds() {
        type Case = (
            &'static str,
            Option<&'static str>,
            &'static [&'static str],
            Option<&'static str>,
            &'static str,
        );
        let table: [Case; 5] = [
            (
                "https://t.example.com",
                None,
                &[],
                None,
                "https://t.example.com/?client_id=oci-registry",
            ),
            (
                "https://t.example.com/token",
                Some("r.example.com:5000"),
                &["repository:a/b:pull,push", "repository:c:pull"],
                Some("jane"),
                "https://t.example.com/token?service=r.example.com%3A5000&scope=repository%3Aa%2Fb%3Apull%2Cpush\
                 &scope=repository%3Ac%3Apull&client_id=oci-registry&account=jane",
            ),
            (
                "https://t.example.com/token?tenant=a%20b",
                Some("a&b=c#d"),
                &[],
                Some("J\u{fc}+ %"),
                "https://t.example.com/token?tenant=a%20b&service=a%26b%3Dc%23d&client_id=oci-registry\
                 &account=J%C3%BC%2B%20%25",
            ),
            (
                "https://t.example.com/token?",
                None,
                &["s"],
                None,
                "https://t.example.com/token?scope=s&client_id=oci-registry",
            ),
            (
                "https://t.example.com/token",
                Some("-._~"),
                &[],
                None,
                "https://t.example.com/token?service=-._~&client_id=oci-registry",
            ),
        ];
        for (realm, service, wanted, account, expected) in table {
            let found = query(&realm.parse().unwrap(), service, &scopes(wanted), account);
            assert_eq!(found.unwrap().to_string(), expected);
        }
        let long = "x".repeat(70_000);
        let realm = Uri::from_static("https://t.example.com/token");
        assert_eq!(
            query(&realm, Some(&long), &scopes(&[]), None),
            Err(TokenError::TooLong)
        );
    }

    #[test]
    fn a_form_for_an_identity_token_encodes_all_values() {
        let secret = Secret::new("marker+secret/=&".to_owned());
        assert_eq!(
            refresh_form(
                Some("r.example.com"),
                &scopes(&["repository:a:pull", "repository:b:pull,push"]),
                &secret
            ),
            "grant_type=refresh_token&service=r.example.com&scope=repository%3Aa%3Apull%20repository%3Ab%3Apull%2Cpush\
             &client_id=oci-registry&refresh_token=marker%2Bsecret%2F%3D%26"
        );
        assert_eq!(
            refresh_form(None, &scopes(&[]), &secret),
            "grant_type=refresh_token&client_id=oci-registry&refresh_token=marker%2Bsecret%2F%3D%26"
        );
    }
}
