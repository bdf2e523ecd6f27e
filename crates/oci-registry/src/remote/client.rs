//! The client and its settings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::CertificateDer;
use transport::Trust;

use super::download::BlobReader;
use super::retry::Retries;
use super::server::{Log, Server, Settings};
use super::timeouts::Timeouts;
use crate::auth::{CredentialStore, RealmPolicy, RealmProblem};
use crate::error::{Reason, RegistryError};
use crate::model::Descriptor;
use crate::place::{Host, Repository};

/// A client for any number of registries. Copies share connections, tokens and limits.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: transport::Client,
    insecure: Vec<Host>,
    requests: usize,
    blobs: usize,
    settings: Arc<Settings>,
    servers: Mutex<HashMap<Host, Arc<Server>>>,
}

/// Settings of a [`Client`].
pub struct ClientBuilder {
    authorities: Vec<CertificateDer<'static>>,
    insecure: Vec<Host>,
    token_servers: Vec<Host>,
    requests: usize,
    blobs: usize,
    credentials: CredentialStore,
    retries: Retries,
    timeouts: Timeouts,
    user_agent: String,
    log: Option<Log>,
}

impl Client {
    /// Starts the settings of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            authorities: Vec::new(),
            insecure: Vec::new(),
            token_servers: Vec::new(),
            requests: 12,
            blobs: 6,
            credentials: CredentialStore::none(),
            retries: Retries::default(),
            timeouts: Timeouts::default(),
            user_agent: concat!("oci-registry/", env!("CARGO_PKG_VERSION")).to_owned(),
            log: None,
        }
    }

    /// Opens a blob of a repository.
    ///
    /// # Errors
    /// The address of the registry is not valid. Whether the registry has the blob shows at [`BlobReader::chunk`].
    pub async fn blob(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<BlobReader, RegistryError> {
        BlobReader::open(self.server(repository.host()), repository, blob).await
    }

    /// Opens a layer that is not in a registry, at the first of its URLs that has it.
    pub(crate) async fn blob_elsewhere(
        &self,
        blob: &Descriptor,
    ) -> Result<BlobReader, RegistryError> {
        let mut first = None;
        for url in &blob.urls {
            let opened = match self.0.settings.realms.check_layer_url(url) {
                Ok(uri) => {
                    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
                    let server = self.server(&Host::new(authority));
                    BlobReader::open_elsewhere(server, uri, blob).await
                }
                Err(refused) => Err(Reason::from(refused).at(blob.digest)),
            };
            match opened {
                Ok(reader) => return Ok(reader),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let nowhere = || {
            let (url, why) = (String::new(), RealmProblem::NotUrl);
            Reason::LayerUrl { url, why }.at(blob.digest)
        };
        Err(first.unwrap_or_else(nowhere))
    }

    pub(crate) fn server(&self, host: &Host) -> Arc<Server> {
        let servers = self.0.servers.lock();
        let mut servers = servers.unwrap_or_else(PoisonError::into_inner);
        let server = servers.entry(host.clone()).or_insert_with(|| {
            Arc::new(Server::new(
                host.clone(),
                self.0.insecure.contains(host),
                self.0.requests,
                self.0.blobs,
                self.0.http.clone(),
                Arc::clone(&self.0.settings),
            ))
        });
        Arc::clone(server)
    }
}

impl ClientBuilder {
    /// Trusts these authorities in addition to those of this machine.
    #[must_use]
    pub fn authorities(mut self, authorities: Vec<CertificateDer<'static>>) -> ClientBuilder {
        self.authorities = authorities;
        self
    }

    /// Speaks plain HTTP with these registries, and only with these.
    #[must_use]
    pub fn insecure(mut self, hosts: Vec<Host>) -> ClientBuilder {
        self.insecure = hosts;
        self
    }

    /// Sends credentials to these hosts, too, if a registry names one of them as its token server.
    #[must_use]
    pub fn token_servers(mut self, hosts: Vec<Host>) -> ClientBuilder {
        self.token_servers = hosts;
        self
    }

    /// Sets how many blobs are read from a registry, and how many are sent to it, at the same time. The default is 6.
    #[must_use]
    pub fn concurrency(mut self, blobs: usize) -> ClientBuilder {
        self.blobs = blobs.max(1);
        self
    }

    /// Sets how many other requests a registry gets at the same time. The default is 12, and at least one for each blob.
    #[must_use]
    pub fn requests(mut self, requests: usize) -> ClientBuilder {
        self.requests = requests;
        self
    }

    /// Sets where credentials come from. By default there are none.
    #[must_use]
    pub fn credentials(mut self, credentials: CredentialStore) -> ClientBuilder {
        self.credentials = credentials;
        self
    }

    /// Sets how often a request is sent again. The default is [`Retries::default`].
    #[must_use]
    pub fn retries(mut self, retries: Retries) -> ClientBuilder {
        self.retries = retries;
        self
    }

    /// Sets how long a registry may take. The default is [`Timeouts::default`].
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> ClientBuilder {
        self.timeouts = timeouts;
        self
    }

    /// Sets the header `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: &str) -> ClientBuilder {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Calls `log` with a line for each request. Lines contain no secrets.
    #[must_use]
    pub fn log(mut self, log: Log) -> ClientBuilder {
        self.log = Some(log);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// TLS does not run on this processor, or the authorities cannot be used.
    pub fn build(self) -> Result<Client, transport::BuildError> {
        let trust = match self.authorities.is_empty() {
            true => Trust::System,
            false => Trust::SystemAnd(self.authorities),
        };
        let http = transport::Client::builder()
            .trust(trust)
            .environment_proxies()
            .http1_only()
            .connect_timeout(self.timeouts.connect)
            .build()?;
        let realms = RealmPolicy {
            insecure: self.insecure.iter().cloned().collect(),
            token_servers: self.token_servers.into_iter().collect(),
        };
        let settings = Settings {
            credentials: self.credentials,
            realms,
            retries: self.retries,
            timeouts: self.timeouts,
            user_agent: self.user_agent,
            log: self.log,
        };
        Ok(Client(Arc::new(Inner {
            http,
            insecure: self.insecure,
            requests: self.requests.max(self.blobs),
            blobs: self.blobs,
            settings: Arc::new(settings),
            servers: Mutex::default(),
        })))
    }
}
