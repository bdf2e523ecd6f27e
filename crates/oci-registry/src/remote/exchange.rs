//! One request to a registry: permits, authorization, redirects, retries, time limits.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use transport::Payload;

use super::body::Body;
use super::location::{next_link, resolve, shown};
use super::permits::Permit;
use super::rate_limit::RateLimit;
use super::retry::{RetryAfter, is_temporary};
use super::server::Server;
use crate::auth::Access;
use crate::error::Reason;
use crate::limits;
use crate::server_text::message_of;

/// A request that can be sent again.
#[derive(Clone)]
pub(super) struct Call {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub access: Access,
    /// Whether it goes to any server that a manifest names: a public one, which is not told who asks.
    pub is_public: bool,
    /// How much longer than usual the server may take to answer.
    pub more_time: Duration,
}

impl Call {
    pub fn new(method: Method, uri: Uri, access: &Access) -> Call {
        Call {
            method,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            access: access.clone(),
            is_public: false,
            more_time: Duration::ZERO,
        }
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Call {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// Returns how long it may take to send the body and to wait for the answer, after which a silent connection counts as
    /// broken.
    fn time_limit(&self, silence: Duration) -> Duration {
        let to_send = Duration::from_secs(self.body.len() as u64 / limits::SLOWEST);
        silence + self.more_time + to_send
    }
}

/// An answer of a registry that is not an error. The permit is kept while the body is read.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The URL that it comes from, after redirects.
    pub uri: Uri,
    pub body: Body,
    _permit: Permit,
}

impl Answer {
    /// Reads the whole body.
    pub async fn read(self, what: &'static str, limit: u64) -> Result<Bytes, Reason> {
        self.body.read_limited(&self.headers, what, limit).await
    }

    /// Returns a header as text.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why one attempt failed.
pub(super) enum Failed {
    /// It can succeed later, after this pause at least.
    Now(Reason, Option<Duration>),
    Forever(Reason),
}

impl Server {
    /// Sends a request until it succeeds or cannot.
    ///
    /// # Errors
    /// The registry refuses it, does not have it, or cannot be reached.
    pub(super) async fn exchange(&self, call: &Call) -> Result<Answer, Reason> {
        let mut done = 0;
        loop {
            let (reason, wanted) = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Forever(reason)) => return Err(reason),
                Err(Failed::Now(reason, wanted)) => (reason, wanted),
            };
            if done == 0 && !call.body.is_empty() && matches!(reason, Reason::Connection(_)) {
                // A registry that refuses a token while it is sent a body closes the connection.
                self.auth.forget_tokens();
            }
            let Some(pause) = self.settings.retries.pause(done) else {
                return Err(reason);
            };
            done += 1;
            tokio::time::sleep(pause.max(wanted.unwrap_or_default())).await;
        }
    }

    /// Sends a request once.
    pub(super) async fn attempt(&self, call: &Call) -> Result<Answer, Failed> {
        let permit = self.permits.acquire().await;
        let (response, uri, is_known) = match self.authorized(call).await {
            Ok(found) => found,
            // A registry that never answered does not come back after a pause.
            Err(Reason::Connection(error))
                if error.is_connect() && !self.has_answered.load(Ordering::Relaxed) =>
            {
                return Err(Failed::Forever(Reason::Connection(error)));
            }
            Err(reason @ (Reason::Connection(_) | Reason::Silent(_))) => {
                return Err(Failed::Now(reason, None));
            }
            Err(reason) => return Err(Failed::Forever(reason)),
        };
        if !response.status().is_success() {
            return Err(self.failed(response, is_known).await);
        }
        self.permits.count_good_answer();
        self.uploads.count_good_answer();
        accepted(response, uri, permit).map_err(Failed::Forever)
    }

    /// Returns what an answer that is an error means for the next attempt, and slows down if the registry wants that.
    pub(super) async fn failed(&self, response: Response<Body>, had_credentials: bool) -> Failed {
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.permits.halve();
            self.uploads.halve();
        }
        failure(response, had_credentials).await
    }

    /// Sends a request with a token, and once more with another one if the registry wants that. Returns the answer, its URL,
    /// and whether the registry was told who asks.
    async fn authorized(&self, call: &Call) -> Result<(Response<Body>, Uri, bool), Reason> {
        if call.is_public {
            let (response, uri) = self.redirected(call, None).await?;
            return Ok((response, uri, false));
        }
        let access = &call.access;
        let first = self.authorization(access, Duration::ZERO).await?;
        let (response, uri) = self.redirected(call, first.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_origin_of(&uri) {
            return Ok((response, uri, first.is_some()));
        }
        let next = self
            .refused(access, response.headers(), first.as_ref())
            .await?;
        match next {
            Some(next) => {
                let (response, uri) = self.redirected(call, Some(&next)).await?;
                Ok((response, uri, true))
            }
            None => Ok((response, uri, first.is_some())),
        }
    }

    /// Sends a request and follows redirects. Only the server of the first URL gets the authorization.
    async fn redirected(
        &self,
        call: &Call,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response<Body>, Uri), Reason> {
        let mut uri = call.uri.clone();
        for _ in 0..=limits::REDIRECTS {
            if call.is_public {
                self.settings.realms.check_layer_url(&uri.to_string())?;
            }
            let mut request = self.request(call.method.clone(), &uri, authorization)?;
            for (name, value) in &call.headers {
                request.headers_mut().append(name, value.clone());
            }
            // Some registries do not accept these methods without a length.
            if call.body.is_empty() && matches!(call.method, Method::POST | Method::PUT) {
                let zero = HeaderValue::from_static("0");
                request.headers_mut().insert(CONTENT_LENGTH, zero);
            }
            let request = request.map(|()| Payload::from(call.body.clone()));
            let response = self.send(request, call.time_limit(self.silence())).await?;
            let is_redirect = match response.status().as_u16() {
                307 | 308 => true,
                // Such a redirect turns other methods into GET.
                301..=303 => matches!(call.method, Method::GET | Method::HEAD),
                _ => false,
            };
            let target = response.headers().get(LOCATION);
            let (true, Some(target)) = (is_redirect, target.and_then(|to| to.to_str().ok())) else {
                return Ok((response, uri));
            };
            uri = follow(&uri, target)?;
        }
        Err(Reason::TooMany {
            what: "redirects",
            limit: limits::REDIRECTS,
        })
    }

    /// Starts a request. Only the registry itself gets the authorization.
    pub(crate) fn request(
        &self,
        method: Method,
        uri: &Uri,
        authorization: Option<&HeaderValue>,
    ) -> Result<Request<()>, Reason> {
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(USER_AGENT, self.settings.user_agent.as_str())
            .header(ACCEPT_ENCODING, "identity");
        if let (true, Some(authorization)) = (self.is_origin_of(uri), authorization) {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
            .body(())
            .map_err(|e| Reason::Client(format!("the request cannot be made: {e}")))
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        request: Request<Payload>,
        patience: Duration,
    ) -> Result<Response<Body>, Reason> {
        let label = format!("{} {}", request.method(), shown(request.uri()));
        let is_own = self.is_origin_of(request.uri());
        let began = Instant::now();
        let sent = tokio::time::timeout(patience, self.http.send(request)).await;
        let took = began.elapsed();
        let outcome = match sent {
            Err(_) => Err(Reason::Silent(patience)),
            Ok(Err(error)) => Err(Reason::Connection(error)),
            Ok(Ok(response)) => {
                // Token servers and stores answer, too.
                self.has_answered.fetch_or(is_own, Ordering::Relaxed);
                Ok(response.map(|body| Body::new(body, self.silence())))
            }
        };
        let result = match &outcome {
            Ok(response) => match RateLimit::read(response.headers()) {
                Some(limit) => format!("{} ({limit})", response.status()),
                None => response.status().to_string(),
            },
            Err(reason) => reason.to_string(),
        };
        self.settings.log(&format!("{label}: {result}, {took:.1?}"));
        outcome
    }

    /// Returns the URL of the page after an answer, if the list goes on.
    pub(super) fn next_page(&self, answer: &Answer) -> Result<Option<Uri>, Reason> {
        let Some(next) = next_link(&answer.headers) else {
            return Ok(None);
        };
        let next = follow(&answer.uri, next)?;
        match self.is_origin_of(&next) {
            true => Ok(Some(next)),
            false => Err(Reason::Protocol(
                "the next page of a list is at another server".to_owned(),
            )),
        }
    }
}

/// Returns where a redirect, or the location of an upload, leads.
pub(super) fn follow(from: &Uri, target: &str) -> Result<Uri, Reason> {
    let to = resolve(from, target)?;
    match (from.scheme_str(), to.scheme_str()) {
        (Some("https"), Some("http")) => Err(Reason::Redirect {
            to: shown(&to),
            why: "it is not encrypted",
        }),
        _ => Ok(to),
    }
}

/// Checks the head of an answer that is not an error.
pub(super) fn accepted(
    response: Response<Body>,
    uri: Uri,
    permit: Permit,
) -> Result<Answer, Reason> {
    let (head, body) = response.into_parts();
    let encoding = head.headers.get(CONTENT_ENCODING);
    if let Some(encoding) =
        encoding.filter(|name| !name.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(Reason::Encoded(encoding));
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        uri,
        body,
        _permit: permit,
    })
}

/// Returns whether content exists that was looked for with this answer.
pub(super) fn exists(answer: Result<Answer, Reason>) -> Result<bool, Reason> {
    match answer {
        Ok(_) => Ok(true),
        Err(Reason::NotFound { .. }) => Ok(false),
        Err(reason) => Err(reason),
    }
}

/// Returns the same before content is sent. Artifactory denies access to what does not exist; whether that is the reason
/// shows when it is sent.
pub(super) fn exists_at_target(answer: Result<Answer, Reason>) -> Result<bool, Reason> {
    match exists(answer) {
        Err(Reason::Denied { .. }) => Ok(false),
        exists => exists,
    }
}

/// Returns what an answer that is an error means for the next attempt.
pub(super) async fn failure(response: Response<Body>, had_credentials: bool) -> Failed {
    let is_temporary = is_temporary(response.status());
    let after = RetryAfter::read(response.headers(), SystemTime::now());
    let reason = refusal(response, had_credentials).await;
    match (is_temporary, after) {
        (true, Some(RetryAfter::TooLong(again))) => Failed::Forever(postponed(reason, again)),
        (true, Some(RetryAfter::Pause(pause))) => Failed::Now(reason, Some(pause)),
        (true, None) => Failed::Now(reason, None),
        (false, _) => Failed::Forever(reason),
    }
}

/// Returns what a registry refuses until a time that is too far away to wait for.
fn postponed(reason: Reason, again: SystemTime) -> Reason {
    let (message, left) = match reason {
        Reason::RateLimited { message, left, .. } => (message, left),
        Reason::Status { message, .. } => (message, None),
        other => return other,
    };
    let again = Some(again);
    Reason::RateLimited {
        message,
        left,
        again,
    }
}

/// Returns what an answer that is an error means, to a request with or without credentials.
pub(crate) async fn refusal(response: Response<Body>, had_credentials: bool) -> Reason {
    let (head, body) = response.into_parts();
    let read = body.read_start(limits::ERROR_BODY).await;
    let message = message_of(&read);
    match head.status {
        StatusCode::NOT_FOUND => Reason::NotFound { message },
        StatusCode::FORBIDDEN => Reason::Denied { message },
        StatusCode::UNAUTHORIZED => Reason::Unauthorized {
            server: "the registry".to_owned(),
            had_credentials,
            message,
        },
        StatusCode::TOO_MANY_REQUESTS => Reason::RateLimited {
            message,
            left: RateLimit::read(&head.headers),
            again: None,
        },
        status => Reason::Status { status, message },
    }
}

#[cfg(test)]
mod tests {
    use test_registry::LyingRegistry;

    use super::*;
    use crate::place::Host;
    use crate::remote::Client;

    #[test]
    fn a_redirect_from_https_to_http_is_refused() {
        let table = [
            (
                "https://r.example.com/x",
                "https://s.example.com/y?k=secret",
                true,
            ),
            (
                "http://r.example.com/x",
                "https://s.example.com/y?k=secret",
                true,
            ),
            (
                "http://r.example.com/x",
                "http://s.example.com/y?k=secret",
                true,
            ),
            (
                "https://r.example.com/x",
                "//s.example.com/y?k=secret",
                true,
            ),
            (
                "https://r.example.com/x",
                "http://s.example.com/y?k=secret",
                false,
            ),
            (
                "https://r.example.com/x",
                "HTTP://r.example.com/y?k=secret",
                false,
            ),
        ];
        for (from, to, is_followed) in table {
            let followed = follow(&from.parse().unwrap(), to);
            assert_eq!(followed.is_ok(), is_followed, "{from} {to}");
            if let Err(reason) = followed {
                let reason = reason.to_string();
                assert!(reason.ends_with("/y: it is not encrypted"), "{reason}");
            }
        }
    }

    #[tokio::test]
    async fn a_registry_has_answered_only_if_it_was_the_registry_itself() {
        let (registry, other) = (LyingRegistry::start(), LyingRegistry::start());
        let host = Host::new(&registry.address());
        let client = Client::builder().insecure(vec![host.clone()]);
        let server = client.build().unwrap().server(&host);
        for (address, has_answered) in [(other.address(), false), (registry.address(), true)] {
            let uri = format!("http://{address}/").parse().unwrap();
            let request = server.request(Method::GET, &uri, None).unwrap();
            let request = request.map(|()| Payload::from(Bytes::new()));
            let sent = server.send(request, Duration::from_mins(1)).await;
            assert_eq!(sent.unwrap().status(), StatusCode::NOT_FOUND);
            let found = server.has_answered.load(Ordering::Relaxed);
            assert_eq!(found, has_answered, "{address}");
        }
    }

    #[test]
    fn a_slow_connection_has_time_for_a_large_body() {
        let uri = Uri::from_static("https://r.example.com/v2/");
        let mut call = Call::new(Method::PUT, uri, &Access::push("a"));
        let silence = Duration::from_mins(1);
        assert_eq!(call.time_limit(silence), silence);
        call.body = vec![0; 4 << 20].into();
        call.more_time = Duration::from_secs(3);
        assert_eq!(call.time_limit(silence), Duration::from_secs(60 + 3 + 256));
    }
}
