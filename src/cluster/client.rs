//! The connection to an API server: configuration, requests, retries.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::Stream;
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::WatchEvent;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::error::ClusterError;
use super::kinds::{Kind, Place, group_path, text};

/// The field manager of what is applied (Kubernetes API concepts, "Server-Side Apply").
pub const FIELD_MANAGER: &str = "osm";

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(40);
/// How often a request is sent at most.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Which cluster is meant.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
}

/// A cluster that answers.
pub struct Cluster {
    client: Client,
    /// The address of the API server, for messages.
    pub server: String,
    /// The server's version: `v1.36.3`.
    pub version: String,
    /// Kinds that are not Kubernetes' own, once asked for.
    kinds: Mutex<Vec<Kind>>,
}

/// Whether a request may be sent again after one that failed without an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// The same request twice does what it does once.
    Idempotent,
    /// Only if the server says that it did nothing.
    IfRefused,
}

impl Cluster {
    /// Reads the configuration as kubectl does (flag, `KUBECONFIG`, `~/.kube/config`, the Pod's own
    /// account) and asks the server for its version.
    ///
    /// # Errors
    /// No configuration, or a server that does not answer.
    pub async fn connect(connection: &Connection) -> Result<Cluster, ClusterError> {
        install_provider()?;
        let mut config = configuration(connection).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        // Requests are repeated here, where it is known which of them may be.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|e| {
            ClusterError::Configuration(format!(
                "the configuration for {server} cannot be used: {}",
                causes(&e)
            ))
        })?;
        let mut cluster = Cluster {
            client,
            server,
            version: String::new(),
            kinds: Mutex::new(Vec::new()),
        };
        let version = cluster.get_path("/version", "ask for the version").await?;
        let version = version.unwrap_or_default();
        text(&version, &["gitVersion"]).clone_into(&mut cluster.version);
        if cluster.version.is_empty() {
            return Err(ClusterError::State(format!(
                "{}: this is no Kubernetes API server: it has no version",
                cluster.server
            )));
        }
        Ok(cluster)
    }

    /// The place of an object, asking the cluster for kinds that are not Kubernetes' own.
    ///
    /// `namespace` is for namespaced objects that name none.
    ///
    /// # Errors
    /// A kind that the cluster does not have.
    pub async fn place_of(&self, object: &Value, namespace: &str) -> Result<Place, ClusterError> {
        let (api_version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let kind = match Kind::built_in(api_version, kind) {
            Some(kind) => kind,
            None => self.discover(api_version, kind).await?,
        };
        let own = text(object, &["metadata", "namespace"]);
        let namespace = match (kind.namespaced, own) {
            (false, _) => "",
            (true, "") => namespace,
            (true, own) => own,
        };
        Ok(kind.at(namespace, text(object, &["metadata", "name"])))
    }

    async fn discover(&self, api_version: &str, kind: &str) -> Result<Kind, ClusterError> {
        let known = |kinds: &[Kind]| {
            let found = kinds
                .iter()
                .find(|k| k.api_version == api_version && k.name == kind);
            found.cloned()
        };
        let lock = || {
            self.kinds
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        if let Some(kind) = known(&lock()) {
            return Ok(kind);
        }
        let doing = format!("ask for the kinds of {api_version}");
        let listed = self.get_path(&group_path(api_version), &doing).await?;
        let resources = listed.as_ref().and_then(|l| l.get("resources")?.as_array());
        let found = resources.into_iter().flatten().find(|resource| {
            text(resource, &["kind"]) == kind && !text(resource, &["name"]).contains('/')
        });
        let Some(found) = found else {
            return Err(ClusterError::NoKind {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            });
        };
        let kind = Kind {
            api_version: api_version.to_owned().into(),
            name: kind.to_owned().into(),
            plural: text(found, &["name"]).to_owned().into(),
            namespaced: found.get("namespaced") == Some(&Value::Bool(true)),
        };
        lock().push(kind.clone());
        Ok(kind)
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// Everything but "not found".
    pub async fn get(&self, place: &Place) -> Result<Option<Value>, ClusterError> {
        self.get_path(&place.path(), &format!("read {place}")).await
    }

    /// What is at a path, if anything is; `doing` is for errors.
    ///
    /// # Errors
    /// Everything but "not found".
    pub async fn get_path(&self, path: &str, doing: &str) -> Result<Option<Value>, ClusterError> {
        let repeat = Repeat::Idempotent;
        let sent = self.send(Method::GET, path, None, doing, repeat).await;
        found(sent)
    }

    /// The objects of a kind in a namespace (in all if it is empty) with these labels, and the
    /// version of the list, to watch from.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn list(
        &self,
        kind: &Kind,
        namespace: &str,
        labels: &str,
    ) -> Result<(Vec<Value>, String), ClusterError> {
        let path = format!("{}?labelSelector={}", kind.path(namespace), encoded(labels));
        let doing = format!("list {}", kind.plural);
        let mut list = self.get_path(&path, &doing).await?.unwrap_or_default();
        let version = text(&list, &["metadata", "resourceVersion"]).to_owned();
        let items = match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok((items, version))
    }

    /// Creates an object; `None` if there is one of that name already.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn create(
        &self,
        place: &Place,
        object: &Value,
    ) -> Result<Option<Value>, ClusterError> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}",
            place.kind.path(&place.namespace)
        );
        let doing = format!("create {place}");
        let body = Some((JSON, object));
        let sent = self.send(Method::POST, &path, body, &doing, Repeat::IfRefused);
        match sent.await {
            Err(error) if is_reason(&error, "AlreadyExists") => Ok(None),
            sent => sent.map(Some),
        }
    }

    /// Applies an object: afterwards the fields that it names have its values.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn apply(&self, place: &Place, object: &Value) -> Result<Value, ClusterError> {
        self.apply_with(place, object, "").await
    }

    /// As [`Cluster::apply`], without storing it.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn apply_dry(&self, place: &Place, object: &Value) -> Result<Value, ClusterError> {
        self.apply_with(place, object, "&dryRun=All").await
    }

    async fn apply_with(
        &self,
        place: &Place,
        object: &Value,
        more: &str,
    ) -> Result<Value, ClusterError> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}&force=true{more}",
            place.path()
        );
        let doing = format!("apply {place}");
        let body = Some(("application/apply-patch+yaml", object));
        self.send(Method::PATCH, &path, body, &doing, Repeat::Idempotent)
            .await
    }

    /// Changes an object: what the patch names is replaced, `null` removes (RFC 7386).
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn merge(&self, place: &Place, patch: &Value) -> Result<Value, ClusterError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", place.path());
        let doing = format!("change {place}");
        let body = Some(("application/merge-patch+json", patch));
        self.send(Method::PATCH, &path, body, &doing, Repeat::Idempotent)
            .await
    }

    /// Deletes an object and, in the background, what belongs to it; `false` if it is not there.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn delete(&self, place: &Place) -> Result<bool, ClusterError> {
        let options = json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
        });
        let body = Some((JSON, &options));
        let doing = format!("delete {place}");
        let path = place.path();
        let sent = self
            .send(Method::DELETE, &path, body, &doing, Repeat::Idempotent)
            .await;
        Ok(found(sent)?.is_some())
    }

    /// Posts to a path that answers questions (access reviews).
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn ask(
        &self,
        path: &str,
        question: &Value,
        doing: &str,
    ) -> Result<Value, ClusterError> {
        let body = Some((JSON, question));
        self.send(Method::POST, path, body, doing, Repeat::Idempotent)
            .await
    }

    /// What happens to the objects of a kind in a namespace with these labels, from a version on;
    /// nothing if the watch cannot be started.
    pub async fn watch(
        &self,
        kind: &Kind,
        namespace: &str,
        labels: &str,
        version: &str,
    ) -> Option<impl Stream<Item = Result<WatchEvent<Value>, kube::Error>> + use<>> {
        let path = format!(
            "{}?watch=true&resourceVersion={version}&labelSelector={}&timeoutSeconds=240",
            kind.path(namespace),
            encoded(labels)
        );
        let request = Request::get(path).body(Vec::new()).ok()?;
        self.client.request_events::<Value>(request).await.ok()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
        doing: &str,
        repeat: Repeat,
    ) -> Result<Value, ClusterError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let mut request = Request::builder().method(method.clone()).uri(path);
            let bytes = match body {
                Some((content_type, body)) => {
                    request = request.header("Content-Type", content_type);
                    body.to_string().into_bytes()
                }
                None => Vec::new(),
            };
            let request = request.body(bytes).map_err(|e| {
                ClusterError::State(format!(
                    "cannot {doing}: no request can be made of {path}: {e}"
                ))
            })?;
            let error = match self.client.request::<Value>(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match may_repeat(&error, repeat, pause) {
                Some(wanted) if attempt < ATTEMPTS => {
                    tokio::time::sleep(wanted.min(LONGEST_PAUSE)).await;
                    pause *= 2;
                    attempt += 1;
                }
                _ => return Err(self.error(error, doing)),
            }
        }
    }

    fn error(&self, error: kube::Error, doing: &str) -> ClusterError {
        match error {
            kube::Error::Api(status) => ClusterError::Refused {
                doing: doing.to_owned(),
                status,
            },
            other => {
                let reason = causes(&other);
                ClusterError::Unreachable {
                    doing: doing.to_owned(),
                    server: self.server.clone(),
                    hint: connection_hint(&reason),
                    reason,
                }
            }
        }
    }
}

const JSON: &str = "application/json";

/// The pause after which a failed request may be sent again: `pause`, or what the server wants.
fn may_repeat(error: &kube::Error, repeat: Repeat, pause: Duration) -> Option<Duration> {
    let kube::Error::Api(status) = error else {
        let broke = matches!(
            error,
            kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_)
        );
        let certificate = causes(error).contains("certificate");
        return (broke && !certificate && repeat == Repeat::Idempotent).then_some(pause);
    };
    let wanted = status.details.as_ref().map(|d| d.retry_after_seconds);
    let wanted = wanted.filter(|seconds| *seconds > 0);
    let pause = wanted.map_or(pause, |seconds| Duration::from_secs(u64::from(seconds)));
    match status.code {
        429 | 503 => Some(pause),
        500 | 502 | 504 if repeat == Repeat::Idempotent => Some(pause),
        _ => None,
    }
}

fn is_reason(error: &ClusterError, reason: &str) -> bool {
    matches!(error, ClusterError::Refused { status, .. } if status.reason == reason)
}

fn found(sent: Result<Value, ClusterError>) -> Result<Option<Value>, ClusterError> {
    match sent {
        Err(error) if error.code() == Some(404) => Ok(None),
        sent => sent.map(Some),
    }
}

/// An error with all its causes, each said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

fn connection_hint(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    if reason.contains("certificate") && reason.contains("expired") {
        "a certificate has expired: renew it, or fetch the cluster's configuration again"
    } else if reason.contains("certificate") || reason.contains("unknownissuer") {
        "the certificates do not fit: check certificate-authority and the server's name in the configuration"
    } else {
        "check that the cluster runs and that the context is the right one (kubectl config get-contexts)"
    }
}

/// Escapes what has a meaning in a query (RFC 3986, section 3.4).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b'/' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn install_provider() -> Result<(), ClusterError> {
    if !graviola::util::is_cpu_supported() {
        return Err(ClusterError::Configuration(
            "this processor has not the instructions that osm's TLS needs \
             (on x86_64: adx, aes, avx2, bmi1, bmi2 and pclmulqdq)"
                .to_owned(),
        ));
    }
    // A second installation finds the first one there, which is as well.
    let _ = rustls_graviola::default_provider().install_default();
    Ok(())
}

async fn configuration(connection: &Connection) -> Result<Config, ClusterError> {
    let wrong = |e: &dyn std::error::Error| ClusterError::Configuration(causes(e));
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    let read = match &connection.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let given = connection.kubeconfig.is_some() || connection.context.is_some();
            if let (false, Ok(config)) = (given, Config::incluster()) {
                return Ok(config);
            }
            return Err(ClusterError::Configuration(format!(
                "there is no configuration for a cluster: {}\n\
                 give one with --kubeconfig or KUBECONFIG; without a cluster, osm install --dry-run prints the objects",
                causes(&error)
            )));
        }
    };
    if let Some(name) = &connection.context {
        let names: Vec<&str> = kubeconfig
            .contexts
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        if !names.contains(&name.as_str()) {
            let near = image_pins::nearest(name, names.iter().copied())
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            return Err(ClusterError::Configuration(format!(
                "--context: there is no context {name}{near} (there are: {})",
                names.join(", ")
            )));
        }
    }
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|e| wrong(&e))
}
