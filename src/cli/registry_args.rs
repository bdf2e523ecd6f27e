//! Flags that say how registries are reached.

use std::path::PathBuf;

use oci_registry::Client;

use super::exit::Failure;
use crate::ops::RegistryAccess;

/// Flags that say how registries are reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Registry")]
pub(super) struct RegistryArgs {
    #[arg(
        long,
        value_name = "PATH",
        help = "File with credentials [default: $REGISTRY_AUTH_FILE, or what docker and podman use]"
    )]
    registry_auth_file: Option<PathBuf>,
    /// PEM file with certificate authorities to trust, in addition to those of this machine
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// Registry to reach by plain HTTP (repeatable)
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
    insecure_registry: Vec<String>,
    /// Token server that may get the credentials of a registry with another domain (repeatable)
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
    token_server: Vec<String>,
}

impl RegistryArgs {
    /// Creates a client.
    ///
    /// # Errors
    /// A file cannot be read, or contains something else.
    pub fn client(&self) -> Result<Client, Failure> {
        let authorities = match &self.ca_file {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                Failure::Input(format!(
                    "--ca-file {}: cannot read it: {error}",
                    path.display()
                ))
            })?),
        };
        if let Some(path) = &self.registry_auth_file
            && let Err(error) = std::fs::metadata(path)
        {
            let path = path.display();
            return Err(Failure::Input(format!(
                "--registry-auth-file {path}: cannot read it: {error}"
            )));
        }
        let access = RegistryAccess {
            credentials: self.registry_auth_file.clone(),
            authorities,
            insecure: self.insecure_registry.clone(),
            token_servers: self.token_server.clone(),
        };
        access.client().map_err(|error| {
            Failure::Input(match &self.ca_file {
                Some(path) => format!("--ca-file {}: {error}", path.display()),
                None => error.to_string(),
            })
        })
    }
}

/// Parses the host of a registry, with a port or without.
fn host(text: &str) -> Result<String, String> {
    let is_host = format!("https://{text}/")
        .parse::<oci_registry::Uri>()
        .is_ok_and(|uri| {
            uri.authority()
                .is_some_and(|authority| authority.as_str() == text)
                && uri.host().is_some_and(|host| !host.is_empty())
                && !text.contains('@')
        });
    match is_host {
        true => Ok(text.to_owned()),
        false => Err(
            "expected a host with an optional port, such as registry.example.com:5000, \
             without https:// and without a path"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_neither_scheme_nor_path() {
        for text in [
            "localhost",
            "registry.example.com:5000",
            "127.0.0.1:80",
            "[::1]:5000",
        ] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", "https://a", "a/b", "user@a", "a:b", "a b", ":80"] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }
}
