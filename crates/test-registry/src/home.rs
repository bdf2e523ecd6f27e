//! A home folder for crane, skopeo and cosign: whom they trust, and their credentials.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use test_cluster::{Folder, Output, run};

use super::tls::authority_certificate;

/// The file with the authority of all servers here.
const AUTHORITY: &str = "authority.pem";
/// Docker's file of credentials.
const CREDENTIALS: &str = "config.json";

/// A home folder. Programs that run in it trust the authority of this process only, and have the credentials that are
/// written to it. It is removed when this is dropped or when this process ends.
pub struct Home {
    folder: Folder,
}

impl Home {
    /// Creates a home without credentials.
    pub fn new() -> Self {
        let folder = Folder::create();
        std::fs::write(folder.path().join(AUTHORITY), authority_certificate()).unwrap();
        let home = Self { folder };
        home.write(&json!({"auths": {}}));
        home
    }

    /// Returns the folder, which is also the folder that the programs run in.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the file with the authority that has signed the certificates of all servers here (PEM).
    pub fn authority_file(&self) -> PathBuf {
        self.path().join(AUTHORITY)
    }

    /// Returns Docker's file of credentials.
    pub fn credentials_file(&self) -> PathBuf {
        self.path().join(CREDENTIALS)
    }

    /// Adds a user and a password for a registry.
    pub fn log_in(&self, host: &str, user: &str, password: &str) -> &Self {
        let auth = STANDARD.encode(format!("{user}:{password}"));
        self.add(host, json!({ "auth": auth }))
    }

    /// Adds an identity token for a registry.
    pub fn add_identity_token(&self, host: &str, token: &str) -> &Self {
        self.add(host, json!({ "identitytoken": token }))
    }

    fn add(&self, host: &str, entry: Value) -> &Self {
        let text = std::fs::read(self.credentials_file()).unwrap();
        let mut credentials: Value = serde_json::from_slice(&text).unwrap();
        credentials["auths"][host] = entry;
        self.write(&credentials);
        self
    }

    fn write(&self, credentials: &Value) {
        std::fs::write(self.credentials_file(), credentials.to_string()).unwrap();
    }

    /// Runs the real crane until it ends.
    #[track_caller]
    pub fn crane(&self, arguments: &[&str]) -> Output {
        self.run("OSM_TEST_CRANE", arguments)
    }

    /// Runs the real skopeo until it ends.
    #[track_caller]
    pub fn skopeo(&self, arguments: &[&str]) -> Output {
        self.run("OSM_TEST_SKOPEO", arguments)
    }

    /// Runs the real cosign until it ends. The password of its private keys is empty.
    #[track_caller]
    pub fn cosign(&self, arguments: &[&str]) -> Output {
        self.run("OSM_TEST_COSIGN", arguments)
    }

    #[track_caller]
    fn run(&self, variable: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program(variable));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("DOCKER_CONFIG", self.path())
            .env("SSL_CERT_FILE", self.authority_file())
            .env("COSIGN_PASSWORD", "")
            .env("COSIGN_YES", "true");
        run(&mut command, "")
    }
}

/// Returns the program that an environment variable names.
#[track_caller]
pub(crate) fn program(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
        .into()
}
