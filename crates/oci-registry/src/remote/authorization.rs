//! Says to a registry who asks: with a password, or with a token that its token server gives for it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::exchange::{Failed, failure};
use super::server::Server;
use crate::auth::challenge::{self, Challenge};
use crate::auth::secret::{Credentials, Secret};
use crate::auth::token::{self, Token};
use crate::auth::{Access, Scopes};
use crate::error::Reason;
use crate::limits;

impl Server {
    /// Returns the header for a request, as far as it is known what the registry asks for. A token is valid for
    /// `at_least` more.
    pub(super) async fn authorization(
        &self,
        access: &Access,
        at_least: Duration,
    ) -> Result<Option<HeaderValue>, Reason> {
        match self.auth.challenge() {
            None => Ok(None),
            Some(Challenge::Basic) => self.basic(access).await,
            Some(challenge @ Challenge::Bearer { .. }) => {
                let scopes = access.scopes();
                self.bearer(access, &challenge, scopes, None, at_least)
                    .await
            }
        }
    }

    /// Returns the header with which to repeat a request that the registry refused with `headers`; `None` if repeating it
    /// is of no use.
    pub(super) async fn refused(
        &self,
        access: &Access,
        headers: &HeaderMap,
        sent: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Reason> {
        let chosen = challenge::choose(headers).map_err(|e| {
            Reason::Protocol(format!(
                "it answers 401 with a challenge that cannot be read: {e}"
            ))
        })?;
        let Some(chosen) = chosen else {
            return Ok(None);
        };
        self.auth.remember(&chosen);
        match &chosen {
            // The same password is refused again.
            Challenge::Basic if sent.is_some() => Ok(None),
            Challenge::Basic => self.basic(access).await,
            Challenge::Bearer { scopes, .. } => {
                let mut wanted = access.scopes();
                wanted.extend(scopes.iter().cloned());
                self.bearer(access, &chosen, wanted, sent, Duration::ZERO)
                    .await
            }
        }
    }

    async fn basic(&self, access: &Access) -> Result<Option<HeaderValue>, Reason> {
        match self.credentials(access).await? {
            Some(Credentials::Basic { user, password }) => Ok(Some(basic(&user, &password))),
            Some(Credentials::RegistryToken(token)) => Ok(Some(bearer(&token))),
            Some(Credentials::IdentityToken(_)) | None => Ok(None),
        }
    }

    async fn bearer(
        &self,
        access: &Access,
        challenge: &Challenge,
        scopes: Scopes,
        refused: Option<&HeaderValue>,
        at_least: Duration,
    ) -> Result<Option<HeaderValue>, Reason> {
        let slot = self.auth.slot(&scopes, access);
        let began = Instant::now();
        let mut held = slot.lock().await;
        if let Some(token) = &held.token {
            let header = bearer(&token.value);
            // The one that was refused may have been replaced while this request waited.
            if !token.needs_renewal(Instant::now(), at_least) && refused != Some(&header) {
                return Ok(Some(header));
            }
        }
        // One failure is that of all requests that waited for it. A token server can lock out who asks again and again.
        if let Some((at, reason)) = &held.failure
            && *at >= began
            && let Some(reason) = repeated(reason)
        {
            return Err(reason);
        }
        match self.ask_for_token(access, challenge, &scopes).await {
            Ok(token) => {
                let header = bearer(&token.value);
                held.token = Some(token);
                Ok(Some(header))
            }
            Err(reason) => {
                held.failure = repeated(&reason).map(|reason| (Instant::now(), reason));
                Err(reason)
            }
        }
    }

    async fn credentials(&self, access: &Access) -> Result<Option<Credentials>, Reason> {
        let repository = access.repository(&self.host);
        let found = self.settings.credentials.find(&repository).await;
        found.map_err(|e| Reason::Client(e.to_string()))
    }

    /// Asks the token server that a challenge names (Docker registry token and OAuth 2 specifications).
    async fn ask_for_token(
        &self,
        access: &Access,
        challenge: &Challenge,
        scopes: &Scopes,
    ) -> Result<Token, Reason> {
        let Challenge::Bearer { realm, service, .. } = challenge else {
            return Err(Reason::Protocol("it asks for no token".to_owned()));
        };
        let credentials = self.credentials(access).await?;
        // Such a token is for the registry itself.
        if let Some(Credentials::RegistryToken(token)) = credentials {
            return Ok(Token::lasting(token));
        }
        let registry = self.origin.as_ref();
        let registry =
            registry.ok_or_else(|| Reason::Client("the registry has no address".to_owned()))?;
        let verdict = self.settings.realms.judge(registry, realm);
        let verdict = verdict.map_err(|e| Reason::Realm(Box::new(e)))?;
        let credentials = credentials.filter(|_| verdict.send_credentials);
        let had_credentials = credentials.is_some();
        let host = verdict.uri.host().unwrap_or_default();
        let mut done = 0;
        loop {
            let (reason, wanted) = match self
                .request_token(
                    &verdict.uri,
                    service.as_deref(),
                    scopes,
                    credentials.as_ref(),
                )
                .await
            {
                Ok(token) => return Ok(token),
                Err(Failed::Now(reason, wanted)) => (reason, wanted),
                Err(Failed::Forever(
                    Reason::Unauthorized { message, .. } | Reason::Denied { message },
                )) => {
                    return Err(Reason::Unauthorized {
                        server: format!("the token server {host}"),
                        had_credentials,
                        message,
                    });
                }
                Err(Failed::Forever(reason)) => return Err(of_token_server(host, reason)),
            };
            let Some(pause) = self.settings.retries.pause(done) else {
                return Err(of_token_server(host, reason));
            };
            done += 1;
            tokio::time::sleep(pause.max(wanted.unwrap_or_default())).await;
        }
    }

    /// Sends one request for a token.
    async fn request_token(
        &self,
        realm: &Uri,
        service: Option<&str>,
        scopes: &Scopes,
        credentials: Option<&Credentials>,
    ) -> Result<Token, Failed> {
        let prepared = match credentials {
            Some(Credentials::IdentityToken(secret)) => {
                let form = token::refresh_form(service, scopes, secret);
                self.request(Method::POST, realm, None).map(|mut request| {
                    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                    request.headers_mut().insert(CONTENT_TYPE, form_type);
                    request.map(|()| Bytes::from(form))
                })
            }
            other => {
                let user = match other {
                    Some(Credentials::Basic { user, .. }) => Some(user.as_str()),
                    _ => None,
                };
                token::query(realm, service, scopes, user)
                    .map_err(|e| Reason::Protocol(e.to_string()))
                    .and_then(|uri| self.request(Method::GET, &uri, None))
                    .map(|mut request| {
                        if let Some(Credentials::Basic { user, password }) = other {
                            let headers = request.headers_mut();
                            headers.insert(AUTHORIZATION, basic(user, password));
                        }
                        request.map(|()| Bytes::new())
                    })
            }
        };
        let mut request = prepared.map_err(Failed::Forever)?;
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        let temporary = |reason| Failed::Now(reason, None);
        let sent = self.send(request.map(Into::into), self.silence()).await;
        let response = sent.map_err(temporary)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Failed::Forever(Reason::Protocol(
                "its token server redirects, and a redirect could take the credentials along"
                    .to_owned(),
            )));
        }
        if status != StatusCode::OK {
            return Err(failure(response, credentials.is_some()).await);
        }
        let (head, body) = response.into_parts();
        let what = "the answer of the token server";
        let read = body.read_limited(&head.headers, what, limits::TOKEN);
        let body = read.await.map_err(|reason| match reason {
            Reason::TooLarge { .. } => Failed::Forever(reason),
            reason => temporary(reason),
        })?;
        let token = Token::parse(&body, Instant::now());
        token.map_err(|e| Failed::Forever(Reason::Protocol(format!("its token server: {e}"))))
    }
}

/// Returns the same reason for another request; `None` if that request may succeed.
fn repeated(reason: &Reason) -> Option<Reason> {
    match reason {
        Reason::TokenServer { host, problem } => Some(Reason::TokenServer {
            host: host.clone(),
            problem: problem.clone(),
        }),
        Reason::Unauthorized {
            server,
            had_credentials,
            message,
        } => Some(Reason::Unauthorized {
            server: server.clone(),
            had_credentials: *had_credentials,
            message: message.clone(),
        }),
        _ => None,
    }
}

/// Returns what is wrong with a token server. As an answer of the registry, it would mean something else: that content is
/// not there, or that it helps to ask again.
fn of_token_server(host: &str, reason: Reason) -> Reason {
    let answered = |status: StatusCode, message: &str| match message {
        "" => format!("it answers {status}"),
        message => format!("it answers {status}: {message}"),
    };
    let problem = match &reason {
        Reason::NotFound { message } => answered(StatusCode::NOT_FOUND, message),
        Reason::Status { status, message } => answered(*status, message),
        Reason::Connection(_) | Reason::Silent(_) | Reason::RateLimited { .. } => {
            reason.to_string()
        }
        _ => return reason,
    };
    Reason::TokenServer {
        host: host.to_owned(),
        problem,
    }
}

fn bearer(token: &Secret) -> HeaderValue {
    secret_header(format!("Bearer {}", token.expose()))
}

fn basic(user: &str, password: &Secret) -> HeaderValue {
    let pair = format!("{user}:{}", password.expose());
    secret_header(format!("Basic {}", STANDARD.encode(pair)))
}

/// Returns a header that is not shown in `Debug`. A token is checked when it is read, and base64 is always valid.
fn secret_header(text: String) -> HeaderValue {
    let mut header =
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    header.set_sensitive(true);
    header
}
