//! Login programs: `exec` in a kubeconfig (Kubernetes documentation, "client-go credential plugins").

use std::io::IsTerminal as _;
use std::process::Stdio;

use helm_chart::yaml::{self, Numbers};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::process::Command;

use super::access_error::LoginProgram;
use super::authorization::bearer;
use super::kubeconfig::Exec;
use super::sections::Section;
use crate::time::{parse_time, unix_seconds};

/// The versions of the protocol.
const BETA: &str = "client.authentication.k8s.io/v1beta1";
const STABLE: &str = "client.authentication.k8s.io/v1";
/// The longest part of an unexpected output that is shown, in characters.
const SHOWN: usize = 80;

/// A login program that can run.
#[derive(Debug)]
pub(super) struct Login {
    exec: Exec,
    mode: InteractiveMode,
    /// What the program is told about the cluster.
    cluster: Option<Value>,
}

/// Whether a login program may ask the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InteractiveMode {
    Never,
    IfAvailable,
    Always,
}

/// What a login program returned.
#[derive(Debug)]
pub(super) struct Granted {
    /// The `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// A client certificate and its key, both PEM.
    pub certificate: Option<(String, String)>,
    /// When it expires, in seconds since the Unix epoch.
    expires: Option<u64>,
}

impl Granted {
    /// Returns whether it has expired.
    pub fn has_expired(&self) -> bool {
        self.expires.is_some_and(|time| time < unix_seconds())
    }
}

/// Why a login program gave no credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    #[error("the login program needs a terminal (interactiveMode: Always), and there is none")]
    NoTerminal,
    #[error("the login program {command} cannot be run: {reason}")]
    NotRun {
        command: String,
        reason: std::io::Error,
    },
    #[error("the login program {command} failed: {status}")]
    Failed { command: String, status: String },
    #[error("the output of the login program {command} cannot be used: {reason}")]
    Output { command: String, reason: String },
}

impl Login {
    /// Checks the settings of a login program; `cluster` is what it is told about the cluster, if it wants that.
    ///
    /// # Errors
    /// Something is missing or unknown.
    pub fn new(exec: Exec, cluster: Value) -> Result<Login, String> {
        if exec.command.is_empty() {
            return Err("exec has no command".to_owned());
        }
        if exec.env.iter().any(|(name, _)| name.is_empty()) {
            return Err("a variable in exec.env has no name".to_owned());
        }
        let version = exec.api_version.as_str();
        if !matches!(version, BETA | STABLE) {
            return Err(format!(
                "exec has the apiVersion {version:?}; {STABLE} and {BETA} are supported"
            ));
        }
        let mode = match exec.interactive_mode.as_str() {
            "" if version == BETA => InteractiveMode::IfAvailable,
            "" => {
                return Err(format!(
                    "exec has no interactiveMode, which {STABLE} requires: Never, IfAvailable or \
                     Always"
                ));
            }
            "Never" => InteractiveMode::Never,
            "IfAvailable" => InteractiveMode::IfAvailable,
            "Always" => InteractiveMode::Always,
            other => {
                return Err(format!(
                    "exec has the interactiveMode {other:?}; expected Never, IfAvailable or Always"
                ));
            }
        };
        let cluster = exec.provide_cluster_info.then_some(cluster);
        Ok(Login {
            exec,
            mode,
            cluster,
        })
    }

    /// Returns what the user may need to know about the program.
    pub fn program(&self) -> LoginProgram {
        LoginProgram {
            command: self.exec.command.clone(),
            install_hint: self.exec.install_hint.clone(),
        }
    }

    /// Runs the program. Its messages go to standard error, and it can read from a terminal.
    ///
    /// # Errors
    /// It cannot be run, fails, or returns no credentials.
    pub async fn run(&self) -> Result<Granted, LoginError> {
        let has_terminal = std::io::stdin().is_terminal();
        let is_interactive = match self.mode {
            InteractiveMode::Never => false,
            InteractiveMode::IfAvailable => has_terminal,
            InteractiveMode::Always if has_terminal => true,
            InteractiveMode::Always => return Err(LoginError::NoTerminal),
        };
        let mut spec = json!({"interactive": is_interactive});
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({
            "kind": "ExecCredential", "apiVersion": self.exec.api_version, "spec": spec,
        });
        let command = || self.exec.command.clone();
        let variables = self.exec.env.iter().map(|(name, value)| (name, value));
        let not_run = |reason| LoginError::NotRun {
            command: command(),
            reason,
        };
        let child = Command::new(&self.exec.command)
            .args(&self.exec.args)
            .envs(variables)
            .env("KUBERNETES_EXEC_INFO", info.to_string())
            .stdin(match is_interactive {
                true => Stdio::inherit(),
                false => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(not_run)?;
        let output = child.wait_with_output().await.map_err(not_run)?;
        if !output.status.success() {
            return Err(LoginError::Failed {
                command: command(),
                status: output.status.to_string(),
            });
        }
        granted(&output.stdout, &self.exec.api_version).map_err(|reason| LoginError::Output {
            command: command(),
            reason,
        })
    }
}

/// Reads the output of a login program, which may be YAML.
fn granted(output: &[u8], version: &str) -> Result<Granted, String> {
    let text = str::from_utf8(output).map_err(|_| "it is not UTF-8".to_owned())?;
    let parsed = match serde_json::from_str(text) {
        Ok(parsed) => parsed,
        Err(_) => yaml::parse(text, Numbers::Exact).map_err(|e| e.to_string())?,
    };
    if let Value::String(text) = &parsed {
        let start: String = text.chars().take(SHOWN).collect();
        return Err(format!("it is not an ExecCredential: {start:?}"));
    }
    let top = Section::new(&parsed, "")?;
    let (kind, found) = (top.string("kind")?, top.string("apiVersion")?);
    // client-go does not need the kind.
    if !matches!(kind.as_str(), "" | "ExecCredential") || found != version {
        return Err(format!(
            "it is {kind:?} of {found:?}, not ExecCredential of {version}, as the kubeconfig says"
        ));
    }
    if top.value("status").is_null() {
        return Err("it has no status".to_owned());
    }
    let status = Section::new(top.value("status"), "status")?;
    let token = status.string("token")?;
    let certificate = status.string("clientCertificateData")?;
    let key = status.string("clientKeyData")?;
    if certificate.is_empty() != key.is_empty() {
        return Err("it has a certificate or a key, but not both".to_owned());
    }
    if token.is_empty() && certificate.is_empty() {
        return Err("it has neither a token nor a certificate".to_owned());
    }
    let expires = match status.value("expirationTimestamp") {
        Value::Null => None,
        _ => {
            let text = status.string("expirationTimestamp")?;
            let time = parse_time(&text);
            Some(time.ok_or_else(|| format!("expirationTimestamp is not a time: {text:?}"))?)
        }
    };
    Ok(Granted {
        authorization: match token.is_empty() {
            true => None,
            false => Some(bearer(&token)?),
        },
        certificate: (!certificate.is_empty()).then_some((certificate, key)),
        expires,
    })
}
