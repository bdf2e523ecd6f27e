//! Addresses of proxies.

use std::str::FromStr;

use base64::Engine as _;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// A proxy between this machine and a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) kind: ProxyKind,
    /// Scheme, host and port.
    pub(crate) address: Uri,
    /// User and password.
    credentials: Option<(String, String)>,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// HTTP, with tunnels for TLS (RFC 9110, section 9.3.6).
    Http,
    /// HTTP over TLS.
    Https,
    /// SOCKS version 5 (RFC 1928); the proxy resolves names.
    Socks5,
}

/// Why a text is not the address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// The scheme is missing, or is another one.
    #[error("the scheme must be http, https or socks5")]
    Scheme,
    /// The host is missing.
    #[error("it has no host")]
    NoHost,
    /// The host or the port is not valid.
    #[error("host and port are not valid: {0}")]
    Address(String),
}

impl std::fmt::Debug for Proxy {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.address)
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    /// Parses `scheme://user:password@host:port`; user, password and port may be missing, and a path is ignored.
    fn from_str(text: &str) -> Result<Proxy, InvalidProxy> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy::Scheme)?;
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err(InvalidProxy::Scheme),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') {
            return Err(InvalidProxy::NoHost);
        }
        let parsed: http::uri::Authority = host
            .parse()
            .map_err(|e: http::uri::InvalidUri| InvalidProxy::Address(e.to_string()))?;
        let port = match host.strip_prefix(parsed.host()).unwrap_or_default() {
            "" | ":" => port,
            _ => parsed.port_u16().ok_or_else(|| {
                InvalidProxy::Address("the port is not a number up to 65535".to_owned())
            })?,
        };
        let scheme = match kind {
            ProxyKind::Https => "https",
            ProxyKind::Http | ProxyKind::Socks5 => "http",
        };
        let address = Uri::builder()
            .scheme(scheme)
            .authority(format!("{}:{port}", parsed.host()))
            .path_and_query("/")
            .build()
            .map_err(|e| InvalidProxy::Address(e.to_string()))?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            (decode(user), decode(password))
        });
        Ok(Proxy {
            kind,
            address,
            credentials,
        })
    }
}

impl Proxy {
    /// Returns the credentials for `Proxy-Authorization` (RFC 9110, section 11.7.2).
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns user and password.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        self.credentials.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_proxy_has_a_scheme_a_host_and_a_default_port() {
        let table = [
            ("http://proxy:3128", Ok("http://proxy:3128/")),
            ("HTTP://proxy", Ok("http://proxy:80/")),
            ("https://proxy/path?a=b", Ok("https://proxy:443/")),
            ("socks5://[::1]", Ok("http://[::1]:1080/")),
            ("http://us%40er:p:w@proxy:1", Ok("http://proxy:1/")),
            ("proxy:3128", Err(InvalidProxy::Scheme)),
            ("ftp://proxy", Err(InvalidProxy::Scheme)),
            ("http://", Err(InvalidProxy::NoHost)),
            ("http://:3128", Err(InvalidProxy::NoHost)),
        ];
        for (text, want) in table {
            let parsed = text.parse::<Proxy>().map(|proxy| proxy.address.to_string());
            assert_eq!(parsed, want.map(str::to_owned), "{text}");
        }
        for text in ["http://proxy:x", "http://pro xy", "http://proxy:99999"] {
            let parsed = text.parse::<Proxy>();
            assert!(matches!(parsed, Err(InvalidProxy::Address(_))), "{text}");
        }
        let proxy: Proxy = "http://us%40er:p:w@proxy".parse().unwrap();
        let credentials = proxy.credentials().unwrap();
        assert_eq!(credentials, ("us@er".to_owned(), "p:w".to_owned()));
        assert_eq!(format!("{proxy:?}"), "http://proxy:80/");
    }
}
