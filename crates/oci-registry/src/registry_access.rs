//! How registries are reached, as a user says it: files with credentials and authorities, and hosts that need less.

use std::io;
use std::path::{Path, PathBuf};

use transport::{BuildError, read_certificates};

use crate::auth::CredentialStore;
use crate::place::Host;
use crate::remote::{Client, ClientBuilder};

/// How registries are reached.
#[derive(Clone, Debug, Default)]
pub struct RegistryAccess {
    /// A file with credentials; without one, those of docker and podman are used.
    pub auth_file: Option<PathBuf>,
    /// A PEM file with authorities that are trusted in addition to those of this machine.
    pub ca_file: Option<PathBuf>,
    /// Registries without TLS.
    pub insecure: Vec<Host>,
    /// Token servers that may get the credentials of any registry.
    pub token_servers: Vec<Host>,
}

/// Why no client can be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The file with credentials cannot be read.
    #[error("{}: cannot read it: {error}", .path.display())]
    AuthFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file with authorities cannot be read.
    #[error("{}: cannot read it: {error}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file with authorities has something else in it.
    #[error("{}: {error}", .path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: BuildError,
    },
    /// TLS does not run on this processor.
    #[error(transparent)]
    Client(BuildError),
}

impl RegistryAccess {
    /// Creates a client. `settings` adds what does not depend on the user, such as the name of the program.
    ///
    /// # Errors
    /// A file cannot be read or has something else in it, or TLS does not run on this processor.
    pub fn client(
        &self,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, AccessError> {
        let credentials = match &self.auth_file {
            Some(path) => {
                // The content is read when a registry wants to know who asks.
                std::fs::metadata(path).map_err(|error| AccessError::AuthFile {
                    path: path.clone(),
                    error,
                })?;
                CredentialStore::file(path.clone())
            }
            None => CredentialStore::from_environment(),
        };
        let mut builder = Client::builder()
            .credentials(credentials)
            .insecure(self.insecure.clone())
            .token_servers(self.token_servers.clone());
        let unusable = |path: &Path, error| AccessError::Authorities {
            path: path.to_owned(),
            error,
        };
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read(path).map_err(|error| AccessError::CaFile {
                path: path.clone(),
                error,
            })?;
            let authorities = read_certificates(&pem).map_err(|error| unusable(path, error))?;
            builder = builder.authorities(authorities);
        }
        settings(builder)
            .build()
            .map_err(|error| match &self.ca_file {
                Some(path) => unusable(path, error),
                None => AccessError::Client(error),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let text = folder.path().join("text");
        std::fs::write(&text, "not a certificate").unwrap();
        let with_authorities = |path: &Path| RegistryAccess {
            ca_file: Some(path.to_owned()),
            ..RegistryAccess::default()
        };
        let with_credentials = |path: &Path| RegistryAccess {
            auth_file: Some(path.to_owned()),
            ..RegistryAccess::default()
        };
        let problem = |access: RegistryAccess| match access.client(|settings| settings).err() {
            None => "none",
            Some(AccessError::AuthFile { path, .. }) if path == missing => "credentials",
            Some(AccessError::CaFile { path, .. }) if path == missing => "authorities",
            Some(AccessError::Authorities { path, .. }) if path == text => "not authorities",
            Some(_) => "another one",
        };
        assert_eq!(problem(RegistryAccess::default()), "none");
        assert_eq!(problem(with_credentials(&missing)), "credentials");
        assert_eq!(problem(with_authorities(&missing)), "authorities");
        assert_eq!(problem(with_authorities(&text)), "not authorities");
    }
}
