//! One request to an API server: what is sent, what came back, and whether it may be sent again.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use crate::client::error::Refusal;
use crate::client::resource::text;
use crate::time::shown;

pub const JSON: &str = "application/json";

/// Whether a request may be sent again after one that failed without an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The same request twice does what it does once.
    Idempotent,
    /// Only if the server says that it did nothing.
    IfRefused,
}

/// A request.
pub struct ApiRequest<'s> {
    pub method: Method,
    pub path: &'s str,
    pub accept: &'static str,
    /// Its media type, and what is sent as JSON.
    pub body: Option<(&'static str, &'s Value)>,
    pub repeat: Repeat,
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server refused, or could not do it.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The connection.
    #[error(transparent)]
    Broke(#[from] kube::Error),
    /// What came is no JSON.
    #[error("what it answered is not JSON: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Nothing came.
    #[error("it did not answer within {} (--request-timeout)", shown(*.0))]
    Silent(Duration),
}

impl<'s> ApiRequest<'s> {
    pub fn get(path: &'s str) -> ApiRequest<'s> {
        ApiRequest {
            method: Method::GET,
            path,
            accept: JSON,
            body: None,
            repeat: Repeat::Idempotent,
        }
    }

    pub fn request(&self) -> Result<Request<Vec<u8>>, http::Error> {
        let request = Request::builder()
            .method(self.method.clone())
            .uri(self.path)
            .header(header::ACCEPT, self.accept);
        match self.body {
            Some((content_type, body)) => request
                .header(header::CONTENT_TYPE, content_type)
                .body(body.to_string().into_bytes()),
            None => request.body(Vec::new()),
        }
    }
}

/// Sends a request, and reads the whole answer.
///
/// # Errors
/// An answer that is no success, or none.
pub async fn exchange(client: &Client, request: Request<Vec<u8>>) -> Result<Value, RequestError> {
    let answer = client.send(request.map(Body::from)).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect_bytes().await?;
    match head.status.is_success() {
        true => Ok(serde_json::from_slice(&body)?),
        false => Err(RequestError::Refused(refusal(
            head.status,
            &head.headers,
            &body,
        ))),
    }
}

/// What an answer that is no success says: the server's Status (Kubernetes API conventions, "Response Status
/// ApiResource"), or the words of something that stands before the server.
fn refusal(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = String::from_utf8_lossy(body);
    let first = words.lines().next().unwrap_or_default();
    let message = match text(&answer, &["message"]) {
        // A page for a browser says nothing in its first line.
        "" if first.is_empty() || first.starts_with(['<', '{']) => {
            format!("the answer was {code}")
        }
        "" => format!("the answer was {code}: {first}"),
        message => message.to_owned(),
    };
    // The header (RFC 9110, section 10.2.3; a date in it is not understood), and the Status for itself.
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
    /// The pause after which the request may be sent again: `pause`, or what the server wants.
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
            RequestError::Silent(_) => is_idempotent.then_some(pause),
            RequestError::Broke(
                kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_),
            ) => {
                let certificate = causes(self).contains("certificate");
                (is_idempotent && !certificate).then_some(pause)
            }
            RequestError::Broke(_) | RequestError::Unreadable(_) => None,
        }
    }
}

/// An error with all its causes, each said once.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code, the words and the seconds of the pause that an answer gives.
    fn judged(code: u16, retry_after: Option<&str>, body: &str) -> (u16, String, u64) {
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
    fn a_refusal_has_its_code_whatever_the_body_is() {
        let never = u64::MAX;
        let table = [
            (
                judged(
                    403,
                    None,
                    r#"{"kind": "Status", "message": "no", "code": 403}"#,
                ),
                (403, "no", never),
            ),
            (
                judged(
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
                judged(
                    429,
                    None,
                    r#"{"message": "slow", "details": {"retryAfterSeconds": 3}}"#,
                ),
                (429, "slow", 3),
            ),
            (
                judged(
                    503,
                    Some("Fri, 31 Dec 1999 23:59:59 GMT"),
                    r#"{"error": 1}"#,
                ),
                (503, "the answer was 503 Service Unavailable", 0),
            ),
            (
                judged(502, Some("5"), "<html>"),
                (502, "the answer was 502 Bad Gateway", never),
            ),
        ];
        for ((code, message, pause), want) in table {
            assert_eq!((code, message.as_str(), pause), want);
        }
    }
}
