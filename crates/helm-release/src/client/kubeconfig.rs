//! Kubeconfig files: how they are read, merged and searched for a context, as kubectl does it.

use std::collections::BTreeMap;
use std::path::Path;

use helm_chart::yaml::{self, Numbers};
use serde_json::Value;

use super::sections::Section;

/// The key of a cluster's extension that login programs get.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// The content of one kubeconfig file, or of several that were merged. Whatever is empty is absent.
#[derive(Debug, Default)]
pub(super) struct Kubeconfig {
    current_context: String,
    contexts: BTreeMap<String, Context>,
    clusters: BTreeMap<String, Cluster>,
    users: BTreeMap<String, User>,
}

/// Which cluster and which user belong together.
#[derive(Debug, Default)]
struct Context {
    cluster: String,
    user: String,
}

/// How a cluster is reached.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Cluster {
    pub server: String,
    pub tls_server_name: String,
    pub insecure_skip_tls_verify: bool,
    pub certificate_authority: String,
    pub certificate_authority_data: Vec<u8>,
    pub proxy_url: String,
    pub disable_compression: bool,
    /// What login programs are told about the cluster.
    pub exec_config: Value,
}

/// Who the user is, and how that is proved.
#[derive(Debug, Default, Clone)]
pub(super) struct User {
    pub client_certificate: String,
    pub client_certificate_data: Vec<u8>,
    pub client_key: String,
    pub client_key_data: Vec<u8>,
    pub token: String,
    pub token_file: String,
    pub username: String,
    pub password: String,
    pub impersonate: Impersonation,
    pub auth_provider: Option<AuthProvider>,
    pub exec: Option<Exec>,
}

/// As whom the user acts (Kubernetes documentation, "User impersonation").
#[derive(Debug, Default, Clone)]
pub(super) struct Impersonation {
    pub user: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: Vec<(String, Vec<String>)>,
}

/// A way to log in that is compiled into clients.
#[derive(Debug, Clone)]
pub(super) struct AuthProvider {
    pub name: String,
    pub id_token: String,
}

/// A login program (Kubernetes documentation, "client-go credential plugins").
#[derive(Debug, Default, Clone)]
pub(super) struct Exec {
    pub api_version: String,
    pub command: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub install_hint: String,
    pub provide_cluster_info: bool,
    pub interactive_mode: String,
}

/// Why a context cannot be chosen.
#[derive(Debug)]
pub(super) enum ChoiceError {
    /// There is no context of this name.
    UnknownContext(String),
    /// Something else is missing.
    Missing(String),
}

impl Kubeconfig {
    /// Reads the text of a file. Relative paths in it are relative to `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Kubeconfig, String> {
        let parsed = yaml::parse(text, Numbers::Exact).map_err(|e| e.to_string())?;
        let top = Section::new(&parsed, "")?;
        let (version, kind) = (top.string("apiVersion")?, top.string("kind")?);
        if !matches!(version.as_str(), "" | "v1") || !matches!(kind.as_str(), "" | "Config") {
            return Err(format!(
                "it is {kind} of {version}, not a kubeconfig (Config of v1)"
            ));
        }
        let path = |path: String| match path.is_empty() {
            true => path,
            // An absolute path replaces the folder.
            false => folder.join(path).display().to_string(),
        };
        Ok(Kubeconfig {
            current_context: top.string("current-context")?,
            contexts: named(top, "contexts", "context", |context| {
                Ok(Context {
                    cluster: context.string("cluster")?,
                    user: context.string("user")?,
                })
            })?,
            clusters: named(top, "clusters", "cluster", |cluster| {
                Cluster::read(cluster, &path)
            })?,
            users: named(top, "users", "user", |user| User::read(user, &path))?,
        })
    }

    /// Adds what another file has in addition.
    pub fn merge(&mut self, other: Kubeconfig) {
        if self.current_context.is_empty() {
            self.current_context = other.current_context;
        }
        for (name, context) in other.contexts {
            self.contexts.entry(name).or_insert(context);
        }
        for (name, cluster) in other.clusters {
            self.clusters.entry(name).or_insert(cluster);
        }
        for (name, user) in other.users {
            self.users.entry(name).or_insert(user);
        }
    }

    /// Returns whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.current_context.is_empty()
            && self.contexts.is_empty()
            && self.clusters.is_empty()
            && self.users.is_empty()
    }

    /// Lists the names of the contexts.
    pub fn contexts(&self) -> Vec<String> {
        self.contexts.keys().cloned().collect()
    }

    /// Returns the cluster and the user of a context; without a name, of the current context.
    pub fn choose(&self, context: Option<&str>) -> Result<(Cluster, User), ChoiceError> {
        let chosen = context.filter(|name| !name.is_empty());
        let name = chosen.unwrap_or(&self.current_context);
        if name.is_empty() {
            return Err(ChoiceError::Missing(
                "it has no current context (current-context)".to_owned(),
            ));
        }
        let context = self.contexts.get(name);
        let context = context.ok_or_else(|| ChoiceError::UnknownContext(name.to_owned()))?;
        let cluster = self.clusters.get(&context.cluster).ok_or_else(|| {
            ChoiceError::Missing(format!(
                "the context {name} names the cluster {:?}, which does not exist",
                context.cluster
            ))
        })?;
        if cluster.server.is_empty() {
            let reason = format!("the cluster {} has no server", context.cluster);
            return Err(ChoiceError::Missing(reason));
        }
        // A user who does not exist has no credentials.
        let user = self.users.get(&context.user).cloned().unwrap_or_default();
        Ok((cluster.clone(), user))
    }
}

/// Reads a list of named entries: `[{name: a, context: {…}}]`.
fn named<T>(
    top: Section<'_>,
    list: &str,
    key: &str,
    read: impl Fn(Section<'_>) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    let mut entries = BTreeMap::new();
    for (index, entry) in top.list(list)?.iter().enumerate() {
        let place = format!("{list}[{index}]");
        let section = Section::new(entry, &place)?;
        let name = section.string("name")?;
        let place = format!("{list}[{name}]");
        let entry = read(Section::new(section.value(key), &place)?)?;
        if entries.insert(name, entry).is_some() {
            return Err(format!("{place}: there are two of this name"));
        }
    }
    Ok(entries)
}

impl Cluster {
    fn read(section: Section<'_>, path: &impl Fn(String) -> String) -> Result<Cluster, String> {
        let mut exec_config = Value::Null;
        for extension in section.list("extensions")? {
            let extension = Section::new(extension, "extensions")?;
            if extension.string("name")? == EXEC_EXTENSION {
                exec_config = extension.value("extension").clone();
            }
        }
        Ok(Cluster {
            server: section.string("server")?,
            tls_server_name: section.string("tls-server-name")?,
            insecure_skip_tls_verify: section.bool("insecure-skip-tls-verify")?,
            certificate_authority: path(section.string("certificate-authority")?),
            certificate_authority_data: section.bytes("certificate-authority-data")?,
            proxy_url: section.string("proxy-url")?,
            disable_compression: section.bool("disable-compression")?,
            exec_config,
        })
    }
}

impl User {
    /// Returns whether the user has a client certificate.
    pub fn has_client_certificate(&self) -> bool {
        !self.client_certificate.is_empty() || !self.client_certificate_data.is_empty()
    }

    fn read(section: Section<'_>, path: &impl Fn(String) -> String) -> Result<User, String> {
        let auth_provider = match section.value("auth-provider") {
            Value::Null => None,
            provider => {
                let provider = Section::new(provider, "auth-provider")?;
                let config = Section::new(provider.value("config"), "auth-provider.config")?;
                Some(AuthProvider {
                    name: provider.string("name")?,
                    id_token: config.string("id-token")?,
                })
            }
        };
        let exec = match section.value("exec") {
            Value::Null => None,
            exec => Some(Exec::read(Section::new(exec, "exec")?, path)?),
        };
        Ok(User {
            client_certificate: path(section.string("client-certificate")?),
            client_certificate_data: section.bytes("client-certificate-data")?,
            client_key: path(section.string("client-key")?),
            client_key_data: section.bytes("client-key-data")?,
            token: section.string("token")?,
            token_file: path(section.string("tokenFile")?),
            username: section.string("username")?,
            password: section.string("password")?,
            impersonate: Impersonation {
                user: section.string("as")?,
                uid: section.string("as-uid")?,
                groups: section.strings("as-groups")?,
                extra: section.string_lists("as-user-extra")?,
            },
            auth_provider,
            exec,
        })
    }
}

impl Exec {
    fn read(section: Section<'_>, path: &impl Fn(String) -> String) -> Result<Exec, String> {
        let command = section.string("command")?;
        let mut env = Vec::new();
        for variable in section.list("env")? {
            let variable = Section::new(variable, "exec.env")?;
            env.push((variable.string("name")?, variable.string("value")?));
        }
        Ok(Exec {
            api_version: section.string("apiVersion")?,
            // A plain name is looked up in PATH.
            command: match command.contains(std::path::MAIN_SEPARATOR) {
                true => path(command),
                false => command,
            },
            args: section.strings("args")?,
            env,
            install_hint: section.string("installHint")?,
            provide_cluster_info: section.bool("provideClusterInfo")?,
            interactive_mode: section.string("interactiveMode")?,
        })
    }
}
