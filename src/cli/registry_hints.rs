//! What a user can do about the errors of registries.

use oci_registry::{RealmProblem, Reason, RegistryError};

/// Returns the message of an error with a hint that names the flag or the command that helps.
pub(super) fn explain(error: &RegistryError) -> String {
    match hint(error) {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

fn hint(error: &RegistryError) -> Option<String> {
    let registry = error.what.split('/').next().unwrap_or_default();
    match &error.reason {
        Reason::Unauthorized {
            had_credentials: false,
            ..
        } => Some(format!(
            "log in with `docker login {registry}`, or give credentials with --registry-auth-file"
        )),
        Reason::Unauthorized { .. } => Some(format!(
            "log in again with `docker login {registry}`; if the token server has another domain, allow it with \
             --token-server"
        )),
        Reason::Realm(error) => match &error.why {
            RealmProblem::Unencrypted { host } => Some(format!(
                "if that is right, allow it with --insecure-registry {host}"
            )),
            RealmProblem::Private { host } => Some(format!(
                "if that is right, allow it with --token-server {host}"
            )),
            _ => None,
        },
        Reason::Connection(error) if error.is_untrusted_certificate() => {
            Some("trust the authority of the registry with --ca-file".to_owned())
        }
        Reason::Connection(error) if error.is_not_tls() => Some(format!(
            "a registry without TLS needs --insecure-registry {registry}"
        )),
        _ => None,
    }
}
