//! The client and its settings.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri, header};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::Body;
use crate::connector::{Connector, Proxies, TlsSettings};
use crate::environment::environment_proxy;
use crate::error::{BuildError, SendError};
use crate::payload::Payload;
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
    http: hyper_util::client::legacy::Client<Connector, Payload>,
    proxies: Proxies,
}

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    trust: Trust,
    identity: Option<Identity>,
    server_name: Option<String>,
    proxies: Proxies,
    is_http1_only: bool,
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
        self.proxies = proxy.map_or(Proxies::None, Proxies::One);
        self
    }

    /// Sends requests through the proxies that the environment names for their servers, as [`environment_proxy`] returns
    /// them.
    #[must_use]
    pub fn environment_proxies(mut self) -> ClientBuilder {
        self.proxies = Proxies::Environment;
        self
    }

    /// Speaks HTTP/1.1 even to servers that know HTTP/2. Large uploads are faster: each has a connection of its own.
    #[must_use]
    pub fn http1_only(mut self) -> ClientBuilder {
        self.is_http1_only = true;
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
        let protocols: &[&[u8]] = match self.is_http1_only {
            true => &[b"http/1.1"],
            false => &[b"h2", b"http/1.1"],
        };
        let server = client_config(&self.trust, self.identity, protocols)?;
        let server_name = match self.server_name {
            None => None,
            Some(name) => match name.clone().try_into() {
                Ok(valid) => Some(valid),
                Err(_) => return Err(BuildError::ServerName { name }),
            },
        };
        let has_proxy_tls = match &self.proxies {
            Proxies::None => false,
            Proxies::One(proxy) => proxy.kind == ProxyKind::Https,
            Proxies::Environment => true,
        };
        let proxy_tls = match has_proxy_tls {
            true => Some(Arc::new(client_config(&self.trust, None, &[b"http/1.1"])?)),
            false => None,
        };
        let tls = TlsSettings {
            server: Arc::new(server),
            server_name,
            proxy: proxy_tls,
        };
        let connector = Connector::new(tls, self.proxies.clone(), self.connect_timeout);
        let http = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(connector);
        Ok(Client {
            http,
            proxies: self.proxies,
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
            proxies: Proxies::None,
            is_http1_only: false,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Sends a request, whose URI has to be absolute, and returns the answer as soon as its header is there.
    ///
    /// Nothing limits the time that this takes once the connection is open.
    ///
    /// # Errors
    /// The connection cannot be established, or breaks.
    pub async fn send(
        &self,
        request: Request<impl Into<Payload>>,
    ) -> Result<Response<Body>, SendError> {
        let mut request = request.map(Into::into);
        if let Some(authorization) = self.proxy_authorization(request.uri()) {
            let headers = request.headers_mut();
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        let sent = self.http.request(request).await;
        let answer = sent.map_err(|error| SendError(Box::new(error)))?;
        Ok(answer.map(Body::from))
    }

    /// Returns the credentials for a proxy that reads the request, because the server has no TLS.
    fn proxy_authorization(&self, server: &Uri) -> Option<HeaderValue> {
        if server.scheme_str() != Some("http") {
            return None;
        }
        match &self.proxies {
            Proxies::None => None,
            Proxies::One(proxy) => proxy.authorization(),
            Proxies::Environment => environment_proxy(server)?.proxy.ok()?.authorization(),
        }
    }
}
