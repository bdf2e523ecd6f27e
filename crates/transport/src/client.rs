//! The client and its settings.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::Body;
use crate::connector::{Connector, TlsSettings};
use crate::error::{BuildError, SendError};
use crate::proxy::{Proxy, ProxyKind};
use crate::tls::{Identity, Trust, client_config};

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent while an answer is pending before it is pinged, and how long its reply to the
/// ping may take (HTTP/2, RFC 9113, section 6.7).
const PING: Duration = Duration::from_secs(10);

/// An HTTP client. It keeps connections open and shares them between requests; copies share them, too.
#[derive(Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    /// For a proxy that reads the requests to servers without TLS.
    proxy_authorization: Option<HeaderValue>,
}

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    trust: Trust,
    identity: Option<Identity>,
    server_name: Option<String>,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
}

impl ClientBuilder {
    /// Sets which servers are trusted. The default is [`Trust::System`].
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> ClientBuilder {
        self.trust = trust;
        self
    }

    /// Presents a client certificate to servers that ask for one.
    #[must_use]
    pub fn identity(mut self, identity: Option<Identity>) -> ClientBuilder {
        self.identity = identity;
        self
    }

    /// Expects this name in the certificate of the server, instead of the host in its URL.
    #[must_use]
    pub fn server_name(mut self, name: Option<String>) -> ClientBuilder {
        self.server_name = name;
        self
    }

    /// Sends requests through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Option<Proxy>) -> ClientBuilder {
        self.proxy = proxy;
        self
    }

    /// Sets how long each step of opening a connection may take. The default is 10 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.connect_timeout = timeout;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// A certificate, a key or the TLS name cannot be used, or TLS does not run on this processor.
    pub fn build(self) -> Result<Client, BuildError> {
        let server = client_config(&self.trust, self.identity, &[b"h2", b"http/1.1"])?;
        let server_name = match self.server_name {
            None => None,
            Some(name) => match name.clone().try_into() {
                Ok(valid) => Some(valid),
                Err(_) => return Err(BuildError::ServerName { name }),
            },
        };
        let proxy_tls = match &self.proxy {
            Some(proxy) if proxy.kind == ProxyKind::Https => {
                Some(Arc::new(client_config(&self.trust, None, &[b"http/1.1"])?))
            }
            _ => None,
        };
        let tls = TlsSettings {
            server: Arc::new(server),
            server_name,
            proxy: proxy_tls,
        };
        let proxy_authorization = self.proxy.as_ref().and_then(Proxy::authorization);
        let connector = Connector::new(tls, self.proxy, self.connect_timeout);
        let http = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(connector);
        Ok(Client {
            http,
            proxy_authorization,
        })
    }
}

impl Client {
    /// Starts the settings of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            trust: Trust::default(),
            identity: None,
            server_name: None,
            proxy: None,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Sends a request, whose URI has to be absolute, and returns the answer as soon as its header is there.
    ///
    /// Nothing limits the time that this takes once the connection is open.
    ///
    /// # Errors
    /// The connection cannot be established, or breaks.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, SendError> {
        let is_http = request.uri().scheme_str() == Some("http");
        if let (true, Some(authorization)) = (is_http, &self.proxy_authorization) {
            let headers = request.headers_mut();
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let sent = self.http.request(request.map(Full::new)).await;
        let answer = sent.map_err(|error| SendError(Box::new(error)))?;
        Ok(answer.map(Body::from))
    }
}
