//! A session with an API server: sends requests, repeats those that are safe to repeat, and reports each.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::access::Access;
use super::connection::Connection;
use super::discovery::Discovery;
use super::error::{ClientError, ConnectionProblem};
use super::exchange::{build, exchange};
use super::request::{ApiRequest, RequestError};
use super::resource::{ApiResource, ObjectRef};
use crate::fields::text;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 5;
/// How often a request is sent at most if an attempt takes longer than [`SLOW`].
const SLOW_ATTEMPTS: u32 = 2;
/// From when on an attempt is slow.
const SLOW: Duration = Duration::from_secs(5);
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may ask for; a longer one is reported as an error.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The default timeout for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one cluster.
pub struct Client {
    pub(super) http: Connection,
    pub(super) field_manager: String,
    request_timeout: Duration,
    trace: Option<fn(&str)>,
    server: String,
    version: String,
    /// What the server serves, once it was asked.
    pub(super) discovery: OnceCell<Discovery>,
    /// Kinds that the cluster is going to serve.
    expected: Mutex<Vec<ApiResource>>,
    /// Objects that were created or applied.
    changed: Mutex<Vec<String>>,
}

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    field_manager: String,
    access: Access,
    request_timeout: Duration,
    trace: Option<fn(&str)>,
}

impl ClientBuilder {
    /// Reads this kubeconfig file, instead of those in `KUBECONFIG` or `~/.kube/config`.
    #[must_use]
    pub fn kubeconfig(mut self, path: Option<PathBuf>) -> ClientBuilder {
        self.access.kubeconfig = path;
        self
    }

    /// Uses this context of the kubeconfig, instead of its current one.
    #[must_use]
    pub fn context(mut self, name: Option<String>) -> ClientBuilder {
        self.access.context = name;
        self
    }

    /// Sets the timeout for a single request (zero: no timeout). The default is 30 seconds.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.request_timeout = timeout;
        self
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, name: &str) -> ClientBuilder {
        name.clone_into(&mut self.access.user_agent);
        self
    }

    /// Calls a function with a line for each request.
    #[must_use]
    pub fn trace(mut self, trace: Option<fn(&str)>) -> ClientBuilder {
        self.trace = trace;
        self
    }

    /// Lists the contexts of the kubeconfig, sorted.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn contexts(&self) -> Result<Vec<String>, ClientError> {
        Ok(self.access.contexts()?)
    }

    /// Reads the configuration as kubectl does (file, `KUBECONFIG`, `~/.kube/config`, the service account of a Pod) and
    /// asks the server for its version.
    ///
    /// # Errors
    /// No configuration was found, or the server does not answer.
    pub async fn connect(self) -> Result<Client, ClientError> {
        let http = Box::pin(self.access.connect()).await?;
        let server = http.server();
        let mut client = Client {
            http,
            field_manager: self.field_manager,
            request_timeout: self.request_timeout,
            trace: self.trace,
            server,
            version: String::new(),
            discovery: OnceCell::new(),
            expected: Mutex::new(Vec::new()),
            changed: Mutex::new(Vec::new()),
        };
        let version = client.get_path("/version", "ask for the version").await?;
        let version = version.unwrap_or_default();
        text(&version, &["gitVersion"]).clone_into(&mut client.version);
        if client.version.is_empty() {
            return Err(ClientError::NotAnApiServer {
                server: client.server,
            });
        }
        Ok(client)
    }
}

impl Client {
    /// Starts the settings of a client. What it applies belongs to this field manager (Kubernetes API concepts,
    /// "Server-Side Apply").
    pub fn builder(field_manager: &str) -> ClientBuilder {
        ClientBuilder {
            field_manager: field_manager.to_owned(),
            access: Access::default(),
            request_timeout: REQUEST_TIMEOUT,
            trace: None,
        }
    }

    /// Returns the version of the server: `v1.36.3`.
    pub fn server_version(&self) -> &str {
        &self.version
    }

    /// Returns the objects that were created or applied so far, each once.
    pub fn changed(&self) -> Vec<String> {
        self.changes().clone()
    }

    fn changes(&self) -> MutexGuard<'_, Vec<String>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a change that is about to be requested.
    pub(super) fn note_change(&self, reference: &ObjectRef) {
        let mut changed = self.changes();
        let reference = reference.to_string();
        if !changed.contains(&reference) {
            changed.push(reference);
        }
    }

    /// Drops a change that was refused.
    pub(super) fn forget_change(&self, reference: &ObjectRef) {
        let reference = reference.to_string();
        self.changes().retain(|changed| *changed != reference);
    }

    /// Registers kinds that the cluster is going to serve, so that their objects can be resolved.
    pub(crate) fn expect(&self, resources: Vec<ApiResource>) {
        self.expected_resources().extend(resources);
    }

    pub(super) fn expected_resources(&self) -> MutexGuard<'_, Vec<ApiResource>> {
        // The list is complete after a panic, too.
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is at a path, if anything is; `action` is for errors.
    ///
    /// # Errors
    /// Everything but "not found".
    pub(super) async fn get_path(
        &self,
        path: &str,
        action: &str,
    ) -> Result<Option<Value>, ClientError> {
        found(self.send(ApiRequest::get(path), action).await)
    }

    /// Sends a request, again where that is safe, until it has an answer or fails for good.
    pub(super) async fn send(
        &self,
        request: ApiRequest<'_>,
        action: &str,
    ) -> Result<Value, ClientError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let begun = Instant::now();
            let built = match build(&self.http, &request) {
                Err(RequestError::Path(reason)) => {
                    return Err(ClientError::InvalidPath {
                        action: action.to_owned(),
                        path: request.path.to_owned(),
                        reason,
                    });
                }
                built => built.map_err(|error| self.error(error, action))?,
            };
            let answer = self.within_timeout(exchange(&self.http, built)).await;
            self.report(&request, begun.elapsed(), answer.as_ref().err());
            let mut error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let RequestError::Silent { attempts, .. } = &mut error {
                *attempts = attempt;
            }
            let attempts = match begun.elapsed() < SLOW {
                true => ATTEMPTS,
                false => SLOW_ATTEMPTS,
            };
            match error.may_repeat(request.repeat, pause) {
                Some(wanted) if attempt < attempts && wanted <= LONGEST_PAUSE => {
                    tokio::time::sleep(wanted).await;
                    pause *= 2;
                    attempt += 1;
                }
                _ => return Err(self.error(error, action)),
            }
        }
    }

    /// Traces a request, if that is wanted.
    pub(super) fn report(
        &self,
        request: &ApiRequest<'_>,
        took: Duration,
        error: Option<&RequestError>,
    ) {
        let Some(trace) = self.trace else { return };
        let outcome = match error {
            None => "done".to_owned(),
            Some(RequestError::Refused(refusal)) => refusal.code.to_string(),
            Some(other) => other.to_string(),
        };
        let (method, path) = (&request.method, request.path);
        trace(&format!("{method} {path}: {outcome}, {took:.1?}"));
    }

    /// Awaits an answer for as long as a request may take.
    pub(super) async fn within_timeout<T>(
        &self,
        answer: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        if self.request_timeout.is_zero() {
            return answer.await;
        }
        let answered = tokio::time::timeout(self.request_timeout, answer).await;
        answered.unwrap_or(Err(RequestError::Silent {
            timeout: self.request_timeout,
            attempts: 1,
        }))
    }

    fn error(&self, error: RequestError, action: &str) -> ClientError {
        let action = action.to_owned();
        let server = self.server.clone();
        match error {
            RequestError::Refused(refusal) => ClientError::Refused { action, refusal },
            RequestError::Unreadable(error) => ClientError::Unreadable {
                action,
                server,
                reason: error.to_string(),
            },
            RequestError::Access(error) => ClientError::Access(error),
            other => {
                let reason = other.to_string();
                ClientError::Unreachable {
                    action,
                    server,
                    problem: match other {
                        RequestError::Silent { .. } => ConnectionProblem::RequestTimeout,
                        _ => connection_problem(&reason),
                    },
                    reason,
                }
            }
        }
    }
}

/// Turns "not found" into `None`.
pub(super) fn found(sent: Result<Value, ClientError>) -> Result<Option<Value>, ClientError> {
    match sent {
        Err(error) if error.code() == Some(404) => Ok(None),
        sent => sent.map(Some),
    }
}

fn connection_problem(reason: &str) -> ConnectionProblem {
    let reason = reason.to_lowercase();
    if reason.contains("certificate") && reason.contains("expired") {
        ConnectionProblem::CertificateExpired
    } else if reason.contains("certificate") || reason.contains("unknownissuer") {
        ConnectionProblem::CertificateMismatch
    } else {
        ConnectionProblem::NoConnection
    }
}
