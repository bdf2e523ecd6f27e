//! Finds the cluster and the credentials, as kubectl does: kubeconfig files, contexts, login programs, proxies.

use std::path::PathBuf;

use http::HeaderValue;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::causes::causes;
use super::connector::{CONNECT_TIMEOUT, build_client, environment_proxy, install_tls_provider};

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

/// Why a client for a cluster cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The TLS implementation does not run on this processor.
    #[error(
        "this processor lacks instructions that TLS needs \
         (on x86_64: adx, aes, avx2, bmi1, bmi2 and pclmulqdq)"
    )]
    UnsupportedProcessor,
    /// None of the files exists.
    #[error("no configuration for a cluster found: {} does not exist", join(files))]
    NoConfiguration {
        /// Where it was looked for; empty if neither `KUBECONFIG` nor `HOME` names a file.
        files: Vec<PathBuf>,
    },
    /// A kubeconfig cannot be read, or something in it is wrong.
    #[error("the kubeconfig {}cannot be used: {reason}", file.as_ref().map_or_else(String::new, |file| format!("{} ", file.display())))]
    Kubeconfig {
        /// The file, if it is known which one.
        file: Option<PathBuf>,
        /// What is wrong.
        reason: String,
    },
    /// The kubeconfig does not have the context that was asked for.
    #[error("the kubeconfig has no context {name}")]
    UnknownContext {
        /// The context.
        name: String,
        /// The contexts that exist.
        contexts: Vec<String>,
    },
    /// `HTTPS_PROXY` is not a valid address.
    #[error("HTTPS_PROXY cannot be used: {reason}")]
    InvalidProxy {
        /// What is wrong.
        reason: String,
    },
    /// `NO_PROXY` is not a valid list.
    #[error(
        "NO_PROXY cannot be used (each entry must be a name, an address or a network): {reason}"
    )]
    InvalidNoProxy {
        /// What is wrong.
        reason: String,
    },
    /// Certificates, keys or the login program do not work.
    #[error("the configuration for {server} cannot be used: {reason}")]
    Unusable {
        /// The address of the API server.
        server: String,
        /// What is wrong.
        reason: String,
        /// The login program of the user, if there is one.
        login: Option<LoginProgram>,
    },
}

/// The program by which a user of a kubeconfig logs in (`exec`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginProgram {
    /// The command.
    pub command: String,
    /// What the kubeconfig says about installing it (`installHint`); empty if it says nothing.
    pub install_hint: String,
}

fn join(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    match names.is_empty() {
        true => "a file named by KUBECONFIG or HOME".to_owned(),
        false => names.join(", "),
    }
}

impl Access {
    /// Builds a client; returns it with the address of the API server.
    ///
    /// # Errors
    /// No configuration was found, or it cannot be used.
    pub async fn client(&self) -> Result<(Client, String), AccessError> {
        if !install_tls_provider() {
            return Err(AccessError::UnsupportedProcessor);
        }
        let mut config = self.configuration().await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Each request has its own timeout.
        config.read_timeout = None;
        config.write_timeout = None;
        // Requests are repeated where it is known which of them are safe to repeat.
        config.default_retry = false;
        if let (false, Ok(agent)) = (
            self.user_agent.is_empty(),
            HeaderValue::from_str(&self.user_agent),
        ) {
            config.headers.push((http::header::USER_AGENT, agent));
        }
        let server = config.cluster_url.to_string();
        let login = config.auth_info.exec.as_ref().map(|exec| LoginProgram {
            command: exec.command.clone().unwrap_or_default(),
            install_hint: exec.install_hint.clone().unwrap_or_default(),
        });
        match build_client(config) {
            Ok(client) => Ok((client, server)),
            Err(error) => Err(AccessError::Unusable {
                server,
                reason: causes(&error),
                login,
            }),
        }
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

    async fn configuration(&self) -> Result<Config, AccessError> {
        let files = self.files();
        if !files.iter().any(|file| file.exists()) {
            let is_chosen = self.kubeconfig.is_some() || self.context.is_some();
            if let (false, Ok(mut config)) = (is_chosen, Config::incluster()) {
                config.proxy_url = environment_proxy(&config.cluster_url);
                return Ok(config);
            }
            return Err(AccessError::NoConfiguration { files });
        }
        let mut kubeconfig = Kubeconfig::default();
        for file in files.into_iter().filter(|file| file.exists()) {
            let merged = Kubeconfig::read_from(&file).and_then(|next| kubeconfig.merge(next));
            kubeconfig = merged.map_err(|error| AccessError::Kubeconfig {
                reason: causes(&error),
                file: Some(file),
            })?;
        }
        if let Some(name) = &self.context {
            let contexts = kubeconfig.contexts.iter().map(|c| c.name.clone());
            let contexts: Vec<String> = contexts.collect();
            if !contexts.contains(name) {
                return Err(AccessError::UnknownContext {
                    name: name.clone(),
                    contexts,
                });
            }
        }
        let own_proxy = kubeconfig_proxy(&kubeconfig, self.context.as_deref());
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|error| {
            let reason = causes(&error);
            match error {
                KubeconfigError::ParseNoProxy(_) => AccessError::InvalidNoProxy { reason },
                KubeconfigError::ParseProxyUrl(_) if own_proxy.is_none() => {
                    AccessError::InvalidProxy { reason }
                }
                _ => AccessError::Kubeconfig { file: None, reason },
            }
        })?;
        config.proxy_url = match own_proxy {
            Some(proxy) => proxy.parse().ok(),
            None => environment_proxy(&config.cluster_url),
        };
        Ok(config)
    }
}

/// Returns the proxy that the kubeconfig names for the cluster. It takes precedence over the environment.
fn kubeconfig_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let context = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|c| c.name == context)?;
    let cluster = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|c| c.name == *cluster)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.clone();
    proxy.filter(|proxy| !proxy.is_empty())
}
