//! What man pages and the reference say about commands besides their help: exit codes, environment variables, files, and
//! the values of the chart.

use clap::Command;

pub use super::completion::Shell;
use super::settings::{SETTINGS, Setting};
pub use crate::mesh::value_docs::{ValueDoc, ValueDocs};

/// The exit codes of every command, and their meaning.
pub const EXIT_CODES: [(u8, &str); 3] = [
    (0, "done"),
    (1, "the operation failed or what was verified does not hold"),
    (2, "wrong usage or input"),
];

/// A variable or a file: its name, what it is, and the id of a flag that every command has that uses it.
type Used = (&'static str, &'static str, Option<&'static str>);

/// The variables that are not those of flags.
const VARIABLES: [Used; 8] = [
    (
        "OSM_CONFIG",
        "Path of the configuration file, instead of ~/.osm/config.yaml",
        Some("kubeconfig"),
    ),
    (
        "KUBECONFIG",
        "Paths of kubeconfig files, as for kubectl; --kubeconfig overrides it",
        Some("kubeconfig"),
    ),
    (
        "REGISTRY_AUTH_FILE",
        "File with credentials for registries; --registry-auth-file overrides it",
        Some("registry_auth_file"),
    ),
    (
        "DOCKER_CONFIG",
        "Folder of config.json, the file of docker with credentials for registries",
        Some("registry_auth_file"),
    ),
    (
        "HTTPS_PROXY",
        "Proxy for the API server and for registries; HTTP_PROXY for plain HTTP",
        Some("verbose"),
    ),
    (
        "NO_PROXY",
        "Hosts that are reached without a proxy, separated by commas",
        Some("verbose"),
    ),
    (
        "SSL_CERT_FILE",
        "PEM file with the certificate authorities of this machine",
        Some("verbose"),
    ),
    (
        "NO_COLOR",
        "If it is set, messages have no colors; --color overrides it",
        None,
    ),
];

/// The files that commands read.
const FILES: [Used; 4] = [
    (
        "~/.osm/config.yaml",
        "Configuration file: install.namespace, install.kind and install.distribution",
        Some("kubeconfig"),
    ),
    (
        "~/.kube/config",
        "Kubeconfig file, if neither --kubeconfig nor KUBECONFIG is set",
        Some("kubeconfig"),
    ),
    (
        "$XDG_RUNTIME_DIR/containers/auth.json",
        "Credentials for registries, as podman stores them",
        Some("registry_auth_file"),
    ),
    (
        "~/.docker/config.json",
        "Credentials for registries, as docker stores them",
        Some("registry_auth_file"),
    ),
];

/// Returns the whole command line. The help of a flag does not name its variable, see [`variable`].
pub fn command_line() -> Command {
    super::command()
}

/// Returns the variable that sets what a flag sets, by the id of the flag.
pub fn variable(id: &str) -> Option<&'static str> {
    let found = SETTINGS.iter().find(|setting| setting.id() == id);
    found.map(|setting| setting.variable)
}

/// Returns the variables that have an effect on a command, and what each is.
pub fn variables(command: &Command) -> Vec<(&'static str, String)> {
    let of_flag = |setting: &Setting| {
        let is_used = has(command, setting.id());
        is_used.then(|| (setting.variable, format!("Default of {}", setting.flag())))
    };
    let others = VARIABLES
        .iter()
        .filter(|(_, _, flag)| is_used(command, *flag));
    let others = others.map(|(name, meaning, _)| (*name, (*meaning).to_owned()));
    SETTINGS.iter().filter_map(of_flag).chain(others).collect()
}

/// Returns the files that a command may read, and what each is.
pub fn files(command: &Command) -> Vec<(&'static str, &'static str)> {
    let used = FILES.iter().filter(|(_, _, flag)| is_used(command, *flag));
    used.map(|(name, meaning, _)| (*name, *meaning)).collect()
}

fn is_used(command: &Command, flag: Option<&str>) -> bool {
    flag.is_none_or(|flag| has(command, flag))
}

/// Returns whether a command shows a flag in its help.
fn has(command: &Command, id: &str) -> bool {
    let mut shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.any(|arg| arg.get_id() == id)
}
