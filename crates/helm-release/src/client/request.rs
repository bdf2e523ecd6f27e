//! One request to an API server: what is sent, what came back, and whether it is safe to repeat.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value;
use transport::SendError;

use super::access_error::AccessError;
use super::error::Refusal;
use crate::fields::text;
use crate::time::format_duration;

/// All characters but the unreserved ones (RFC 3986, section 2.3).
pub const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The media type of JSON.
pub const JSON: &str = "application/json";

/// Whether a request may be sent again after it failed without an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Sending it twice has the effect of sending it once.
    Idempotent,
    /// Only after an answer that says that nothing was done.
    IfRefused,
}

/// A request to an API server.
pub struct ApiRequest<'s> {
    /// The HTTP method.
    pub method: Method,
    /// The path, with its query.
    pub path: &'s str,
    /// The media types that are accepted.
    pub accept: &'static str,
    /// The media type of the body, and the body, which is sent as JSON.
    pub body: Option<(&'static str, &'s Value)>,
    /// Whether it may be repeated.
    pub repeat: Repeat,
}

/// Why a request has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server refused it, or failed.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The connection broke.
    #[error(transparent)]
    Broke(#[from] SendError),
    /// The login program failed.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The path is not valid.
    #[error("{0}")]
    Path(String),
    /// A compressed answer cannot be unpacked.
    #[error("the compressed answer cannot be unpacked: {0}")]
    Compression(std::io::Error),
    /// A line of a watch is too long.
    #[error("a line of the answer is too long")]
    LongLine,
    /// The answer is not JSON.
    #[error("the answer is not JSON: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// No answer came within the timeout.
    #[error("it did not answer within {}{}", format_duration(*.timeout), tried(*.attempts))]
    Silent {
        /// The timeout.
        timeout: Duration,
        /// How often the request was sent.
        attempts: u32,
    },
}

fn tried(attempts: u32) -> String {
    match attempts {
        1 => String::new(),
        attempts => format!(", {attempts} times in a row"),
    }
}

impl<'s> ApiRequest<'s> {
    /// A request to read what is at a path.
    pub fn get(path: &'s str) -> ApiRequest<'s> {
        ApiRequest {
            method: Method::GET,
            path,
            accept: JSON,
            body: None,
            repeat: Repeat::Idempotent,
        }
    }
}

/// Reads an answer that is not a success: the `Status` of the server (Kubernetes API conventions, "Response Status
/// Kind"), or the plain text of a proxy in front of it.
pub fn refusal(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = String::from_utf8_lossy(body);
    let first = words.lines().next().unwrap_or_default();
    let message = match text(&answer, &["message"]) {
        // The first line of an HTML page or of JSON is of no use.
        "" if first.is_empty() || first.starts_with(['<', '{']) => {
            format!("the answer was {code}")
        }
        "" => format!("the answer was {code}: {first}"),
        message => message.to_owned(),
    };
    // The header (RFC 9110, section 10.2.3; dates are ignored) and the Status may both have it.
    let header = headers.get(header::RETRY_AFTER);
    let header = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let details = answer.pointer("/details/retryAfterSeconds");
    let seconds = header.max(details.and_then(Value::as_u64));
    Refusal {
        code: code.as_u16(),
        reason: text(&answer, &["reason"]).to_owned(),
        message,
        retry_after: seconds.map(Duration::from_secs),
    }
}

impl RequestError {
    /// Returns the pause after which the request may be sent again: `pause`, or longer if the server asks for it.
    pub fn may_repeat(&self, repeat: Repeat, pause: Duration) -> Option<Duration> {
        let is_idempotent = repeat == Repeat::Idempotent;
        match self {
            RequestError::Refused(refusal) => {
                let pause = refusal.retry_after.unwrap_or_default().max(pause);
                match refusal.code {
                    429 | 503 => Some(pause),
                    500 | 502 | 504 if is_idempotent => Some(pause),
                    _ => None,
                }
            }
            RequestError::Silent { .. } => is_idempotent.then_some(pause),
            RequestError::Broke(error) => {
                let is_certificate = error.to_string().contains("certificate");
                (is_idempotent && !is_certificate).then_some(pause)
            }
            RequestError::Compression(_) | RequestError::LongLine => is_idempotent.then_some(pause),
            RequestError::Access(_) | RequestError::Path(_) | RequestError::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code, the message and the pause in seconds that are read from an answer.
    fn refused(code: u16, retry_after: Option<&str>, body: &str) -> (u16, String, u64) {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, value.parse().expect("a header"));
        }
        let code = StatusCode::from_u16(code).expect("a status");
        let refusal = refusal(code, &headers, body.as_bytes());
        let (code, message) = (refusal.code, refusal.message.clone());
        let failed = RequestError::Refused(refusal);
        let pause = failed.may_repeat(Repeat::IfRefused, Duration::ZERO);
        (code, message, pause.map_or(u64::MAX, |p| p.as_secs()))
    }

    #[test]
    fn a_refusal_keeps_its_code_whatever_the_body_is() {
        let never = u64::MAX;
        let table = [
            (
                refused(
                    403,
                    None,
                    r#"{"kind": "Status", "message": "no", "code": 403}"#,
                ),
                (403, "no", never),
            ),
            (
                refused(
                    429,
                    Some("7"),
                    "Too many requests, please try again later.\n",
                ),
                (
                    429,
                    "the answer was 429 Too Many Requests: Too many requests, please try again later.",
                    7,
                ),
            ),
            (
                refused(
                    429,
                    None,
                    r#"{"message": "slow", "details": {"retryAfterSeconds": 3}}"#,
                ),
                (429, "slow", 3),
            ),
            (
                refused(
                    503,
                    Some("Fri, 31 Dec 1999 23:59:59 GMT"),
                    r#"{"error": 1}"#,
                ),
                (503, "the answer was 503 Service Unavailable", 0),
            ),
            (
                refused(502, Some("5"), "<html>"),
                (502, "the answer was 502 Bad Gateway", never),
            ),
        ];
        for ((code, message, pause), want) in table {
            assert_eq!((code, message.as_str(), pause), want);
        }
    }
}
