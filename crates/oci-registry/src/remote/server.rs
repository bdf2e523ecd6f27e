//! What is known about one registry: its address, permits and tokens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::Uri;

use super::permits::Permits;
use super::retry::Retries;
use super::timeouts::Timeouts;
use crate::auth::{CredentialStore, RealmPolicy, Session};
use crate::error::Reason;
use crate::place::{Host, Origin};

/// Called with each line of a log of the requests. Lines contain no secrets.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What is the same for all registries.
pub(crate) struct Settings {
    pub credentials: CredentialStore,
    pub realms: RealmPolicy,
    pub retries: Retries,
    pub timeouts: Timeouts,
    pub user_agent: String,
    pub log: Option<Log>,
}

impl Settings {
    pub fn log(&self, line: &str) {
        if let Some(log) = &self.log {
            log(line);
        }
    }
}

/// One registry.
pub(crate) struct Server {
    pub host: Host,
    /// Scheme, host and port.
    base: String,
    /// The same, parsed; `None` if no URL can be made of it.
    pub origin: Option<Origin>,
    pub http: transport::Client,
    pub settings: Arc<Settings>,
    pub permits: Permits,
    /// For blobs that are read, each of which needs a permit for its request, too.
    pub downloads: Permits,
    /// For blobs that are sent. These can come from the same registry: a stream waits for the one from which it comes, and
    /// never the other way round. That is why the streams to and from a registry do not share permits.
    pub uploads: Permits,
    pub auth: Session,
    /// Whether it has answered a request. One that has not may not exist.
    pub has_answered: AtomicBool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl Server {
    pub fn new(
        host: Host,
        is_insecure: bool,
        requests: usize,
        blobs: usize,
        http: transport::Client,
        settings: Arc<Settings>,
    ) -> Server {
        let scheme = if is_insecure { "http" } else { "https" };
        let base = format!("{scheme}://{}", host.address());
        let uri: Option<Uri> = base.parse().ok();
        Server {
            origin: uri.as_ref().and_then(Origin::of),
            base,
            host,
            http,
            settings,
            permits: Permits::new(requests),
            downloads: Permits::new(blobs),
            uploads: Permits::new(blobs),
            auth: Session::default(),
            has_answered: AtomicBool::new(false),
        }
    }

    /// Returns whether a URL is one of this registry, which may see its credentials.
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        self.origin.is_some() && self.origin == Origin::of(uri)
    }

    /// Returns how long a connection may be silent.
    pub fn silence(&self) -> Duration {
        self.settings.timeouts.silence
    }

    /// Returns the URL of a path of the distribution API, which begins with `/v2/`.
    pub fn uri(&self, path: &str) -> Result<Uri, Reason> {
        let text = format!("{}{path}", self.base);
        text.parse()
            .map_err(|e| Reason::Client(format!("{text} is not a URL: {e}")))
    }
}
