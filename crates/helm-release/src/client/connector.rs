//! The connection to an API server: TLS, HTTP/2 and proxies. It knows nothing of kubeconfigs or of releases.

use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// How long opening a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent while an answer is pending before it is pinged, and how long its reply to the
/// ping may take (HTTP/2, RFC 9113, section 6.7).
const PING: Duration = Duration::from_secs(10);

/// Installs the TLS provider of this process; returns whether the processor supports it.
///
/// A provider that the program has installed before stays.
pub(crate) fn install_tls_provider() -> bool {
    if !graviola::util::is_cpu_supported() {
        return false;
    }
    let _ = rustls_graviola::default_provider().install_default();
    true
}

/// Builds a client with one connection for all requests (HTTP/2) that sends without delay.
///
/// The client of `kube` waits for acknowledgements (Nagle's algorithm), often for 40 ms, and opens a connection for
/// each concurrent request. It is used where it can do more: proxies, and servers with another TLS name.
pub(crate) fn build_client(config: Config) -> kube::Result<Client> {
    if config.proxy_url.is_some() || config.tls_server_name.is_some() {
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    let client = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Returns the proxy for a server that the environment names, as kubectl does: none for this machine itself and for
/// what `NO_PROXY` names.
pub(crate) fn environment_proxy(server: &Uri) -> Option<Uri> {
    let variable = |name: &str| {
        let names = [name.to_owned(), name.to_lowercase()];
        let values = names.iter().filter_map(|name| std::env::var(name).ok());
        values.into_iter().find(|value| !value.is_empty())
    };
    let proxy = variable("HTTPS_PROXY")?;
    if !is_proxied(server, &proxy, &variable("NO_PROXY").unwrap_or_default()) {
        return None;
    }
    let url = match proxy.contains("://") {
        true => proxy,
        false => format!("http://{proxy}"),
    };
    url.parse().ok()
}

fn is_proxied(server: &Uri, proxy: &str, no: &str) -> bool {
    let host = server.host().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let is_here = address.map_or(host == "localhost", |ip| ip.is_loopback());
    // kubectl accepts ports, and `*` before a domain; the matcher does not.
    let port = server.port_u16().unwrap_or(443).to_string();
    let no = no.split(',').filter_map(|entry| {
        let entry = entry.trim();
        let domain = entry.strip_prefix('*').filter(|rest| rest.starts_with('.'));
        let entry = domain.unwrap_or(entry);
        match entry.rsplit_once(':') {
            Some((name, of)) if !name.contains(':') => (of == port).then_some(name),
            _ => Some(entry),
        }
    });
    let no: Vec<&str> = no.collect();
    let matcher = Matcher::builder().https(proxy).no(no.join(",")).build();
    !is_here && matcher.intercept(server).is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_used_for_other_machines_unless_no_proxy_names_them() {
        let table = [
            ("https://10.0.0.1:6443", "", true),
            ("https://10.0.0.1:6443", "10.0.0.0/8", false),
            ("https://10.0.0.1:6443", "11.0.0.0/8, 10.0.0.1,", false),
            ("https://api.example.com", "example.com", false),
            ("https://api.example.com", ".example.com", false),
            ("https://api.example.com", "ample.com", true),
            ("https://api.example.com", "*", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://localhost:6443", "", false),
            ("https://[::1]:6443", "", false),
            ("https://10.0.0.1:6443", "10.0.0.1:6443", false),
            ("https://10.0.0.1:6443", "10.0.0.1:443", true),
            ("https://api.example.com", "*.example.com", false),
            ("https://[2001:db8::1]:6443", "2001:db8::/32", false),
            ("http://10.0.0.1:8080", "", false),
        ];
        for (server, no, want) in table {
            let server = server.parse().unwrap();
            for proxy in ["http://proxy.example.com:3128", "proxy.example.com:3128"] {
                assert_eq!(
                    is_proxied(&server, proxy, no),
                    want,
                    "{server} {no:?} {proxy}"
                );
            }
        }
    }
}
