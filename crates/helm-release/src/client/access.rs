//! Finds the cluster and the credentials, as kubectl does: kubeconfig files, contexts, login programs, proxies.

use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use transport::{Identity, Proxy, Trust, environment_proxy, read_certificates};

use super::access_error::AccessError;
use super::connection::{Connection, Prepared};
use super::credentials::{Credentials, check_user, impersonation_headers};
use super::kubeconfig::{ChoiceError, Cluster, Kubeconfig, User};
use super::login::Login;
use super::server::{Server, without_credentials, without_query};

/// Where Kubernetes puts the credentials of a Pod (Kubernetes documentation, "Accessing the API from a Pod").
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Which cluster is meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// The kubeconfig file; without one the files in `KUBECONFIG`, then `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; without one its current context.
    pub context: Option<String>,
    /// The `User-Agent` header; none if it is empty.
    pub user_agent: String,
}

impl Access {
    /// Prepares a connection to the API server; the user's login program, if there is one, runs.
    ///
    /// # Errors
    /// No configuration was found, or it cannot be used.
    pub async fn connect(&self) -> Result<Connection, AccessError> {
        let (cluster, user) = self.configuration()?;
        let prepared = self.prepare(&cluster, &user)?;
        Connection::new(prepared).await
    }

    /// Checks what a cluster and a user say, and prepares a connection from it. Nothing is sent, and no program runs.
    ///
    /// # Errors
    /// Something cannot be used.
    pub(super) fn prepare(&self, cluster: &Cluster, user: &User) -> Result<Prepared, AccessError> {
        let in_kubeconfig = |reason: String| AccessError::Kubeconfig { file: None, reason };
        let server = Server::parse(&cluster.server).map_err(|reason| {
            let shown = without_credentials(&cluster.server);
            in_kubeconfig(format!("the server {shown:?}: {reason}"))
        })?;
        let proxy = proxy(cluster, &server)?;
        let mut headers = impersonation_headers(&user.impersonate).map_err(in_kubeconfig)?;
        if let Some(agent) = self.agent() {
            headers.insert(header::USER_AGENT, agent);
        }
        check_user(user).map_err(in_kubeconfig)?;
        let authorities = authorities(cluster).map_err(in_kubeconfig)?;
        let login = login(cluster, user, authorities.as_deref()).map_err(in_kubeconfig)?;
        let mut settings = transport::Client::builder().proxy(proxy);
        let mut credentials = Credentials::None;
        // kubectl does not send credentials to servers without TLS either.
        if server.is_https() {
            credentials = Credentials::of(user, login).map_err(in_kubeconfig)?;
            let name = &cluster.tls_server_name;
            settings = settings
                .trust(trust(cluster, authorities.as_deref()).map_err(in_kubeconfig)?)
                .identity(identity(user).map_err(in_kubeconfig)?)
                .server_name((!name.is_empty()).then(|| name.clone()));
        }
        Ok(Prepared {
            server,
            headers,
            credentials,
            settings,
            accepts_gzip: !cluster.disable_compression,
        })
    }

    fn agent(&self) -> Option<HeaderValue> {
        let agent = Some(&self.user_agent).filter(|agent| !agent.is_empty())?;
        HeaderValue::from_str(agent).ok()
    }

    /// Lists where the configuration is looked for, as kubectl does: the files that exist are merged.
    fn files(&self) -> Vec<PathBuf> {
        if let Some(path) = &self.kubeconfig {
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

    /// Returns the names of the contexts.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn contexts(&self) -> Result<Vec<String>, AccessError> {
        let found = Access::merged(&self.files())?;
        Ok(found.map(|found| found.contexts()).unwrap_or_default())
    }

    /// Merges the files that exist. Returns `None` if none does.
    fn merged(files: &[PathBuf]) -> Result<Option<Kubeconfig>, AccessError> {
        let mut merged: Option<Kubeconfig> = None;
        for file in files {
            let broken = |reason: String| AccessError::Kubeconfig {
                reason,
                file: Some(file.clone()),
            };
            let bytes = match fs::read(file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.map_err(|e| broken(e.to_string()))?,
            };
            let text = String::from_utf8(bytes).map_err(|_| broken("it is not UTF-8".into()))?;
            let folder = file.parent().unwrap_or(Path::new(""));
            let read = Kubeconfig::parse(&text, folder).map_err(broken)?;
            merged.get_or_insert_default().merge(read);
        }
        Ok(merged)
    }

    /// Returns the chosen cluster and user.
    fn configuration(&self) -> Result<(Cluster, User), AccessError> {
        let files = self.files();
        let merged = Access::merged(&files)?;
        let is_chosen = self.kubeconfig.is_some() || self.context.is_some();
        let is_missing = merged.as_ref().is_none_or(Kubeconfig::is_empty);
        let inside = (is_missing && !is_chosen).then(in_cluster).flatten();
        if let Some(inside) = inside {
            return Ok(inside);
        }
        let Some(kubeconfig) = merged else {
            return Err(AccessError::NoConfiguration { files });
        };
        let chosen = kubeconfig.choose(self.context.as_deref());
        chosen.map_err(|error| match error {
            ChoiceError::UnknownContext(name) => AccessError::UnknownContext {
                name,
                contexts: kubeconfig.contexts(),
            },
            ChoiceError::Missing(reason) => AccessError::Kubeconfig { file: None, reason },
        })
    }
}

/// Returns the configuration of a Pod with a service account; `None` outside of a cluster.
fn in_cluster() -> Option<(Cluster, User)> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host,
    };
    let folder = Path::new(SERVICE_ACCOUNT);
    let (token, authority) = (folder.join("token"), folder.join("ca.crt"));
    if !token.is_file() {
        return None;
    }
    let cluster = Cluster {
        server: format!("https://{host}:{port}"),
        certificate_authority: match authority.is_file() {
            true => authority.display().to_string(),
            false => String::new(),
        },
        ..Cluster::default()
    };
    let user = User {
        token_file: token.display().to_string(),
        ..User::default()
    };
    Some((cluster, user))
}

/// Returns the proxy for a server: that of the kubeconfig, or that of the environment.
fn proxy(cluster: &Cluster, server: &Server) -> Result<Option<Proxy>, AccessError> {
    if !cluster.proxy_url.is_empty() {
        let proxy = cluster.proxy_url.parse::<Proxy>();
        return proxy.map(Some).map_err(|e| AccessError::Kubeconfig {
            file: None,
            reason: format!("proxy-url: {e}"),
        });
    }
    let found = server.uri("/").ok().and_then(|uri| environment_proxy(&uri));
    let Some(found) = found else { return Ok(None) };
    let proxy = found.proxy.map_err(|error| AccessError::InvalidProxy {
        variable: found.variable,
        reason: error.to_string(),
    });
    proxy.map(Some)
}

/// Returns what the kubeconfig has under a key: the data, or the content of a file; `None` if it has neither.
fn data_or_file(key: &str, data: &[u8], file: &str) -> Result<Option<Vec<u8>>, String> {
    match (data.is_empty(), file.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(data.to_owned())),
        (true, false) => match fs::read(file) {
            Ok(content) => Ok(Some(content)),
            Err(error) => Err(format!("{key} {file}: {error}")),
        },
        (false, false) => Err(format!(
            "it has {key} and {key}-data: only one of them is allowed"
        )),
    }
}

/// Returns the certificates of the authorities that sign the server's, PEM.
fn authorities(cluster: &Cluster) -> Result<Option<Vec<u8>>, String> {
    let (data, file) = (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    );
    data_or_file("certificate-authority", data, file)
}

fn trust(cluster: &Cluster, authorities: Option<&[u8]>) -> Result<Trust, String> {
    match (cluster.insecure_skip_tls_verify, authorities) {
        (true, None) => Ok(Trust::Anyone),
        (true, Some(_)) => Err(
            "it has insecure-skip-tls-verify and a certificate-authority: only one of them is \
             allowed"
                .to_owned(),
        ),
        (false, None) => Ok(Trust::System),
        (false, Some(pem)) => match read_certificates(pem) {
            Ok(certificates) => Ok(Trust::Authorities(certificates)),
            Err(error) => Err(format!("certificate-authority: {error}")),
        },
    }
}

fn identity(user: &User) -> Result<Option<Identity>, String> {
    let (data, file) = (&user.client_certificate_data, &user.client_certificate);
    let Some(certificate) = data_or_file("client-certificate", data, file)? else {
        return Ok(None);
    };
    let Some(key) = data_or_file("client-key", &user.client_key_data, &user.client_key)? else {
        return Err("it has a client-certificate, but no client-key".to_owned());
    };
    let identity = Identity::from_pem(&certificate, &key);
    identity
        .map(Some)
        .map_err(|e| format!("client-certificate and client-key: {e}"))
}

/// Returns the login program of a user.
fn login(
    cluster: &Cluster,
    user: &User,
    authorities: Option<&[u8]>,
) -> Result<Option<Login>, String> {
    let Some(exec) = user.exec.clone() else {
        return Ok(None);
    };
    let mut told = Map::new();
    let mut tell = |key: &str, value: Value| told.insert(key.to_owned(), value);
    tell("server", json!(without_query(&cluster.server)));
    if !cluster.tls_server_name.is_empty() {
        tell("tls-server-name", json!(cluster.tls_server_name));
    }
    if cluster.insecure_skip_tls_verify {
        tell("insecure-skip-tls-verify", json!(true));
    }
    if let Some(pem) = authorities {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(pem);
        tell("certificate-authority-data", json!(encoded));
    }
    if !cluster.proxy_url.is_empty() {
        tell("proxy-url", json!(cluster.proxy_url));
    }
    if cluster.disable_compression {
        tell("disable-compression", json!(true));
    }
    // client-go always writes it.
    tell("config", cluster.exec_config.clone());
    Login::new(exec, Value::Object(told)).map(Some)
}
