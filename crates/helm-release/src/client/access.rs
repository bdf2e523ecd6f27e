//! From a kubeconfig to a client: certificates, tokens, login programs and proxies as kubectl has them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::client::error::ClusterError;
use crate::client::request::causes;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent while an answer is awaited before it is asked whether it is there, and how
/// long it may take to say so (HTTP/2, RFC 9113, section 6.7).
const PING: Duration = Duration::from_secs(10);

/// Which cluster is meant.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// How long the server may take to answer a request; zero is without end.
    pub request_timeout: Duration,
    /// Told of each request (`--verbose`).
    pub trace: Option<fn(&str)>,
}

/// A client for the cluster that is meant, and the address of its API server.
///
/// # Errors
/// No configuration, or one that cannot be used.
pub async fn client(connection: &Connection) -> Result<(Client, String), ClusterError> {
    install_provider()?;
    let mut config = configuration(connection).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // What may take how long is decided for each request.
    config.read_timeout = None;
    config.write_timeout = None;
    // Requests are repeated where it is known which of them may be.
    config.default_retry = false;
    let server = config.cluster_url.to_string();
    let login = login(&config);
    let client = client_of(config).map_err(|e| {
        ClusterError::Configuration(format!(
            "the configuration for {server} cannot be used: {}{login}",
            causes(&e)
        ))
    })?;
    Ok((client, server))
}

fn install_provider() -> Result<(), ClusterError> {
    if !graviola::util::is_cpu_supported() {
        return Err(ClusterError::Configuration(
            "this processor has not the instructions that osm's TLS needs \
             (on x86_64: adx, aes, avx2, bmi1, bmi2 and pclmulqdq)"
                .to_owned(),
        ));
    }
    // A second installation finds the first one there, which is as well.
    let _ = rustls_graviola::default_provider().install_default();
    Ok(())
}

/// What to say of the login program if there is one.
fn login(config: &Config) -> String {
    let Some(exec) = &config.auth_info.exec else {
        return String::new();
    };
    let command = exec.command.as_deref().unwrap_or_default();
    let hint = match exec.install_hint.as_deref() {
        None | Some("") => "check that it is installed and that you are logged in",
        Some(hint) => hint,
    };
    format!("\nthe user of the context logs in with {command}: {hint}")
}

/// A client with one connection for all requests (HTTP/2), which sends at once what there is to send.
///
/// The library's own waits for the other side to acknowledge first (Nagle's algorithm), often for 40 ms, and
/// opens a connection for each request at the same time. It is used for what it has beyond this: proxies, and
/// servers by another name.
fn client_of(config: Config) -> kube::Result<Client> {
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

/// Where configurations are looked for, as kubectl does: of several files those that are there count together.
fn files(connection: &Connection) -> Vec<PathBuf> {
    if let Some(path) = &connection.kubeconfig {
        return vec![path.clone()];
    }
    let variable = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let named = std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
    let named: Vec<PathBuf> = named.collect();
    match (named.is_empty(), std::env::home_dir()) {
        (true, Some(home)) => vec![home.join(".kube").join("config")],
        _ => named,
    }
}

async fn configuration(connection: &Connection) -> Result<Config, ClusterError> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    let files = files(connection);
    let there: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    if there.is_empty() {
        let given = connection.kubeconfig.is_some() || connection.context.is_some();
        if let (false, Ok(mut config)) = (given, Config::incluster()) {
            config.proxy_url = proxy_of_environment(&config.cluster_url);
            return Ok(config);
        }
        let names = files.iter().map(|file| file.display().to_string());
        let names = names.reduce(|all, name| format!("{all}, {name}"));
        let names = names.unwrap_or_else(|| "what KUBECONFIG or HOME names".to_owned());
        return Err(ClusterError::Configuration(format!(
            "there is no configuration for a cluster: {names} is not there\n\
             give one with --kubeconfig or KUBECONFIG; without a cluster, osm install --dry-run prints the objects"
        )));
    }
    let mut kubeconfig = Kubeconfig::default();
    for file in there {
        let merged = Kubeconfig::read_from(file).and_then(|next| kubeconfig.merge(next));
        kubeconfig = merged.map_err(|e| {
            let reason = causes(&e);
            ClusterError::Configuration(format!(
                "the kubeconfig {} cannot be used: {reason}",
                file.display()
            ))
        })?;
    }
    if let Some(name) = &connection.context {
        let names: Vec<&str> = kubeconfig
            .contexts
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        if !names.contains(&name.as_str()) {
            return Err(ClusterError::Configuration(format!(
                "--context: there is no context {name} (there are: {})",
                names.join(", ")
            )));
        }
    }
    let named = named_proxy(&kubeconfig, connection.context.as_deref());
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.map_err(|e| {
        let reason = causes(&e);
        let what = match e {
            KubeconfigError::ParseNoProxy(_) => {
                "NO_PROXY cannot be used (each of its entries is a name, an address or a network, and none is empty)"
            }
            KubeconfigError::ParseProxyUrl(_) if named.is_none() => "HTTPS_PROXY cannot be used",
            _ => "the kubeconfig cannot be used",
        };
        ClusterError::Configuration(format!("{what}: {reason}"))
    })?;
    config.proxy_url = match named {
        Some(named) => named.parse().ok(),
        None => proxy_of_environment(&config.cluster_url),
    };
    Ok(config)
}

/// The proxy that the kubeconfig itself has for the cluster, which it is for whatever the environment says.
fn named_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let context = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|c| c.name == context)?;
    let cluster = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|c| c.name == *cluster)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone();
    proxy.filter(|proxy| !proxy.is_empty())
}

/// The proxy that the environment has for a server: none for this machine itself, nor for what `NO_PROXY` names, as
/// kubectl has it.
fn proxy_of_environment(server: &Uri) -> Option<Uri> {
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
    // The matcher knows neither ports nor stars before a domain, which kubectl does.
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
    fn a_proxy_is_for_servers_that_are_elsewhere_and_not_excepted() {
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
