//! Opens connections: TCP, through a proxy if there is one, and TLS on top.

use std::future::Ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::environment::environment_proxy;
use crate::proxy::{InvalidProxy, Proxy, ProxyKind};
use crate::stream::{BoxStream, Established};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The TLS configuration of servers and, without a client certificate, of proxies.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    pub server: Arc<ClientConfig>,
    /// The name that the certificate of the server must have; without one, the host of the URL.
    pub server_name: Option<ServerName<'static>>,
    /// For a proxy that is reached with TLS.
    pub proxy: Option<Arc<ClientConfig>>,
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    tls: TlsSettings,
    proxies: Proxies,
    timeout: Duration,
}

/// Which proxies are used.
#[derive(Clone, Debug)]
pub(crate) enum Proxies {
    None,
    One(Proxy),
    /// Those that the environment names, which depend on the server.
    Environment,
}

impl Proxies {
    fn for_server(&self, server: &Uri) -> Result<Option<Proxy>, InvalidVariable> {
        match self {
            Proxies::None => Ok(None),
            Proxies::One(proxy) => Ok(Some(proxy.clone())),
            Proxies::Environment => match environment_proxy(server) {
                None => Ok(None),
                Some(found) => found.proxy.map(Some).map_err(|reason| InvalidVariable {
                    variable: found.variable,
                    reason,
                }),
            },
        }
    }
}

/// The environment names a proxy that is not one.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {variable} is not the address of a proxy: {reason}")]
struct InvalidVariable {
    variable: &'static str,
    #[source]
    reason: InvalidProxy,
}

/// There is no connection to a proxy.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {address}: {reason}")]
struct ProxyUnreachable {
    address: Uri,
    #[source]
    reason: BoxError,
}

/// Establishing a connection took too long.
#[derive(Debug, thiserror::Error)]
#[error("{what} did not finish within {timeout:?}")]
struct TooLate {
    what: &'static str,
    timeout: Duration,
}

impl Connector {
    /// A connector; TCP, the request to a proxy and TLS may each take `timeout`.
    pub fn new(tls: TlsSettings, proxies: Proxies, timeout: Duration) -> Connector {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // Small requests must not wait for acknowledgements (Nagle's algorithm).
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEP_ALIVE));
        http.set_connect_timeout(Some(timeout));
        Connector {
            http,
            tls,
            proxies,
            timeout,
        }
    }

    async fn connect(mut self, server: Uri) -> Result<Established, BoxError> {
        let is_https = server.scheme_str() == Some("https");
        let default_port = if is_https { 443 } else { 80 };
        let host = server.host().ok_or("the URL has no host")?.to_owned();
        let port = server.port_u16().unwrap_or(default_port);
        let target: Uri = format!("http://{host}:{port}/").parse()?;

        let mut is_proxied = false;
        let stream: BoxStream = match self.proxies.for_server(&server)? {
            None => self.tcp(target).await?,
            Some(proxy) => {
                let opened = self.tcp(proxy.address.clone()).await;
                let to_proxy = opened.map_err(|reason| ProxyUnreachable {
                    address: proxy.address.clone(),
                    reason,
                })?;
                let to_proxy = match (proxy.kind, self.tls.proxy.clone()) {
                    (ProxyKind::Https, Some(config)) => {
                        let name = server_name(proxy.address.host().unwrap_or_default())?;
                        self.tls(config, name, to_proxy).await?.0
                    }
                    _ => to_proxy,
                };
                is_proxied = !is_https && proxy.kind != ProxyKind::Socks5;
                match is_proxied {
                    true => to_proxy,
                    false => self.tunnel(&proxy, target, to_proxy).await?,
                }
            }
        };
        let (stream, is_http2) = match is_https {
            false => (stream, false),
            true => {
                let name = match self.tls.server_name.clone() {
                    Some(name) => name,
                    None => server_name(&host)?,
                };
                self.tls(Arc::clone(&self.tls.server), name, stream).await?
            }
        };
        Ok(Established {
            stream: TokioIo::new(stream),
            is_http2,
            is_proxied,
        })
    }

    async fn tcp(&mut self, address: Uri) -> Result<BoxStream, BoxError> {
        let connected = self.http.call(address).await?;
        Ok(Box::new(connected.into_inner()))
    }

    /// Returns the stream, and whether the server chose HTTP/2.
    async fn tls(
        &self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        stream: BoxStream,
    ) -> Result<(BoxStream, bool), BoxError> {
        let handshake = TlsConnector::from(config).connect(name, stream);
        let stream = self.in_time("the TLS handshake", handshake).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), is_http2))
    }

    async fn tunnel(
        &self,
        proxy: &Proxy,
        target: Uri,
        stream: BoxStream,
    ) -> Result<BoxStream, BoxError> {
        let opened = Opened(Some(TokioIo::new(stream)));
        let address = proxy.address.clone();
        let stream = match proxy.kind {
            ProxyKind::Http | ProxyKind::Https => {
                let mut tunnel = Tunnel::new(address, opened);
                if let Some(authorization) = proxy.authorization() {
                    tunnel = tunnel.with_auth(authorization);
                }
                self.in_time("the proxy", tunnel.call(target)).await?
            }
            ProxyKind::Socks5 => {
                let mut socks = SocksV5::new(address, opened);
                if let Some((user, password)) = proxy.credentials() {
                    socks = socks.with_auth(user, password);
                }
                self.in_time("the proxy", socks.call(target)).await?
            }
        };
        Ok(stream.into_inner())
    }

    async fn in_time<T, E: Into<BoxError>>(
        &self,
        what: &'static str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BoxError> {
        let timeout = self.timeout;
        match tokio::time::timeout(timeout, step).await {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(TooLate { what, timeout }.into()),
        }
    }
}

/// How long a connection is idle before TCP probes it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

fn server_name(host: &str) -> Result<ServerName<'static>, BoxError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(ServerName::try_from(host.to_owned())?)
}

impl Service<Uri> for Connector {
    type Response = Established;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Established, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        Box::pin(self.clone().connect(server))
    }
}

/// A connection to a proxy that is open already, as the service that tunnels expect.
struct Opened(Option<TokioIo<BoxStream>>);

impl Service<Uri> for Opened {
    type Response = TokioIo<BoxStream>;
    type Error = BoxError;
    type Future = Ready<Result<TokioIo<BoxStream>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(self.0.take().ok_or_else(|| "the connection is used".into()))
    }
}
