//! An API server that is spoken with: objects, kinds and watches, each request again where it may be.

pub mod access;
pub mod error;
pub mod request;
pub mod resource;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use http::Method;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::{Value, json};

use crate::client::access::Connection;
use crate::client::error::ClusterError;
use crate::client::request::{ApiRequest, JSON, Repeat, RequestError, causes, exchange};
use crate::client::resource::{ApiResource, EVENT, ObjectRef, group_path, text};
use helm_chart::Lookup;

/// The field manager of what is applied (Kubernetes API concepts, "Server-Side Apply").
pub const FIELD_MANAGER: &str = "osm";

/// How often a request is sent at most.
const ATTEMPTS: u32 = 5;
/// How often a request is sent at most if the server takes long.
const SLOW_ATTEMPTS: u32 = 2;
/// What long is.
const LONG: Duration = Duration::from_secs(5);
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may ask for; who asks for more is told of as an error.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a watch lasts before it is begun anew.
const WATCH: Duration = Duration::from_secs(30);
/// How much later than that the server may end it.
const LATE: Duration = Duration::from_secs(5);

/// A cluster that answers.
pub struct Cluster {
    client: Client,
    request_timeout: Duration,
    trace: Option<fn(&str)>,
    /// The address of the API server, for messages.
    pub server: String,
    /// The server's version: `v1.36.3`.
    pub version: String,
    /// Kinds that are not Kubernetes' own, once asked for.
    kinds: Mutex<Vec<ApiResource>>,
    /// What was changed.
    changed: Mutex<Vec<String>>,
}

/// What became of an object that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There was none.
    Absent,
    /// It is gone.
    Gone,
    /// It is there until its finalizers, or its Pod's containers, have ended.
    Going,
}

impl Cluster {
    /// Reads the configuration as kubectl does (flag, `KUBECONFIG`, `~/.kube/config`, the Pod's own
    /// account) and asks the server for its version.
    ///
    /// # Errors
    /// No configuration, or a server that does not answer.
    pub async fn connect(connection: &Connection) -> Result<Cluster, ClusterError> {
        let (client, server) = access::client(connection).await?;
        let mut cluster = Cluster {
            client,
            request_timeout: connection.request_timeout,
            trace: connection.trace,
            server,
            version: String::new(),
            kinds: Mutex::new(Vec::new()),
            changed: Mutex::new(Vec::new()),
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

    /// The API versions that the server serves: `v1`, `apps/v1`, and with a kind `apps/v1/Deployment`.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn api_versions(&self) -> Result<Vec<String>, ClusterError> {
        let ask = |path: &'static str| async move {
            let request = ApiRequest {
                accept: DISCOVERY,
                ..ApiRequest::get(path)
            };
            self.send(request, "ask for the API versions").await
        };
        let (core, groups) = tokio::join!(ask("/api"), ask("/apis"));
        let mut versions = [served(&core?), served(&groups?)].concat();
        let has_kind = |version: &String| !matches!(version.matches('/').count(), 0 | 1);
        if !versions.iter().any(has_kind) {
            // An older server tells the kinds of each version by itself.
            for version in versions.clone() {
                let doing = format!("ask for the kinds of {version}");
                let listed = match self.get_path(&group_path(&version), &doing).await {
                    // Others answer for some groups, and may be out of order.
                    Err(error) if error.code().is_some_and(|code| code != 401) => continue,
                    listed => listed?.unwrap_or_default(),
                };
                let kinds = list(&listed, "resources")
                    .iter()
                    .map(|r| text(r, &["kind"]));
                versions.extend(kinds.map(|kind| format!("{version}/{kind}")));
            }
        }
        Ok(versions)
    }

    /// The newest warning that the cluster has of an object, as its reason and its message.
    pub async fn warning(&self, reference: &ObjectRef) -> Option<(String, String)> {
        let fields = format!("involvedObject.name={},type=Warning", reference.name);
        let path = format!(
            "{}?fieldSelector={}",
            EVENT.path(&reference.namespace),
            encoded(&fields)
        );
        // Events explain; where they cannot be read, there is only less to tell.
        let found = self.get_path(&path, "list events").await.ok()??;
        let newest = list(&found, "items").iter().max_by_key(|event| {
            let time = |key: &str| text(event, &[key]).to_owned();
            time("eventTime").max(time("lastTimestamp"))
        })?;
        let of = |key: &str| text(newest, &[key]).to_owned();
        Some((of("reason"), of("message")))
    }

    /// What was created or applied so far, each once.
    pub fn changed(&self) -> Vec<String> {
        self.changes().clone()
    }

    fn changes(&self) -> MutexGuard<'_, Vec<String>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a change that is about to be asked for.
    fn note_change(&self, reference: &ObjectRef) {
        let mut changed = self.changes();
        let reference = reference.to_string();
        if !changed.contains(&reference) {
            changed.push(reference);
        }
    }

    /// The place of an object, asking the cluster for kinds that are not Kubernetes' own.
    ///
    /// `namespace` is for namespaced objects that name none.
    ///
    /// # Errors
    /// A kind that the cluster does not have.
    pub async fn resolve(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<ObjectRef, ClusterError> {
        let (api_version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let kind = match ApiResource::built_in(api_version, kind) {
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

    /// As [`Cluster::resolve`]; none for a kind that the cluster does not have, whose objects are gone with it.
    ///
    /// A version that the cluster serves no more is another one now: the objects are still there.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn resolve_if_served(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<Option<ObjectRef>, ClusterError> {
        match self.resolve(object, namespace).await {
            Err(ClusterError::NoKind { .. }) => {}
            reference => return reference.map(Some),
        }
        let Some((group, _)) = text(object, &["apiVersion"]).split_once('/') else {
            return Ok(None);
        };
        let path = format!("/apis/{group}");
        let served = self.get_path(&path, "ask for the versions of a group");
        let served = served.await?.unwrap_or_default();
        let mut object = object.clone();
        for version in list(&served, "versions") {
            object["apiVersion"] = text(version, &["groupVersion"]).into();
            match self.resolve(&object, namespace).await {
                Err(ClusterError::NoKind { .. }) => {}
                reference => return reference.map(Some),
            }
        }
        Ok(None)
    }

    /// Takes note of kinds that the cluster is going to have.
    pub fn expect(&self, kinds: Vec<ApiResource>) {
        self.known_kinds().extend(kinds);
    }

    fn known_kinds(&self) -> MutexGuard<'_, Vec<ApiResource>> {
        // What is in there is whole after a panic, too.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn discover(&self, api_version: &str, kind: &str) -> Result<ApiResource, ClusterError> {
        let known = self.known_kinds().iter().find_map(|known| {
            let is_meant = known.api_version == api_version && known.kind == kind;
            is_meant.then(|| known.clone())
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let doing = format!("ask for the kinds of {api_version}");
        let listed = self.get_path(&group_path(api_version), &doing).await?;
        let listed = listed.unwrap_or_default();
        let found = list(&listed, "resources").iter().find(|resource| {
            text(resource, &["kind"]) == kind && !text(resource, &["name"]).contains('/')
        });
        let Some(found) = found else {
            return Err(ClusterError::NoKind {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            });
        };
        let kind = ApiResource {
            api_version: api_version.to_owned().into(),
            kind: kind.to_owned().into(),
            plural: text(found, &["name"]).to_owned().into(),
            namespaced: found.get("namespaced") == Some(&Value::Bool(true)),
        };
        self.known_kinds().push(kind.clone());
        Ok(kind)
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// Everything but "not found".
    pub async fn get(&self, reference: &ObjectRef) -> Result<Option<Value>, ClusterError> {
        self.get_path(&reference.path(), &format!("read {reference}"))
            .await
    }

    /// What is at a path, if anything is; `doing` is for errors.
    ///
    /// # Errors
    /// Everything but "not found".
    pub async fn get_path(&self, path: &str, doing: &str) -> Result<Option<Value>, ClusterError> {
        found(self.send(ApiRequest::get(path), doing).await)
    }

    /// The objects of a kind in a namespace (in all if it is empty) with these labels, and the
    /// version of the list, to watch from.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn list(
        &self,
        kind: &ApiResource,
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

    /// What a template looks up: an object, or a list; an empty object if there is none.
    ///
    /// # Errors
    /// A kind that the cluster does not have, and what the server refuses.
    pub async fn look_up(&self, lookup: &Lookup) -> Result<Value, ClusterError> {
        let object = json!({"apiVersion": lookup.api_version, "kind": lookup.kind,
            "metadata": {"name": lookup.name}});
        let reference = self.resolve(&object, &lookup.namespace).await?;
        if !lookup.name.is_empty() {
            return Ok(self.get(&reference).await?.unwrap_or_else(|| json!({})));
        }
        let doing = format!("list {}", reference.resource.plural);
        let path = reference.resource.path(&reference.namespace);
        let Some(mut found) = self.get_path(&path, &doing).await? else {
            // Its CRD is still to come.
            return Ok(json!({"items": []}));
        };
        // The server tells the items of a list without their kind, for it is the list's.
        if let Some(Value::Array(items)) = found.get_mut("items") {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.insert("apiVersion".to_owned(), json!(lookup.api_version));
                item.insert("kind".to_owned(), json!(lookup.kind));
            }
        }
        Ok(found)
    }

    /// Creates an object; `None` if there is one of that name already.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn create(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Option<Value>, ClusterError> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}",
            reference.resource.path(&reference.namespace)
        );
        let doing = format!("create {reference}");
        self.note_change(reference);
        let request = ApiRequest {
            method: Method::POST,
            body: Some((JSON, object)),
            repeat: Repeat::IfRefused,
            ..ApiRequest::get(&path)
        };
        match self.send(request, &doing).await {
            Err(error) if is_reason(&error, "AlreadyExists") => {
                self.changes()
                    .retain(|changed| *changed != reference.to_string());
                Ok(None)
            }
            sent => sent.map(Some),
        }
    }

    /// Applies an object: afterwards the fields that it names have its values.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn apply(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        self.apply_with(reference, object, "").await
    }

    /// As [`Cluster::apply`], without storing it.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn apply_dry(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        self.apply_with(reference, object, "&dryRun=All").await
    }

    async fn apply_with(
        &self,
        reference: &ObjectRef,
        object: &Value,
        more: &str,
    ) -> Result<Value, ClusterError> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}&force=true{more}",
            reference.path()
        );
        let doing = format!("apply {reference}");
        if more.is_empty() {
            self.note_change(reference);
        }
        let request = ApiRequest {
            method: Method::PATCH,
            body: Some(("application/apply-patch+yaml", object)),
            ..ApiRequest::get(&path)
        };
        self.send(request, &doing).await
    }

    /// Changes an object: what the patch names is replaced, `null` removes (RFC 7386).
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn merge(&self, reference: &ObjectRef, patch: &Value) -> Result<Value, ClusterError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", reference.path());
        let doing = format!("change {reference}");
        let request = ApiRequest {
            method: Method::PATCH,
            body: Some(("application/merge-patch+json", patch)),
            ..ApiRequest::get(&path)
        };
        self.send(request, &doing).await
    }

    /// Deletes an object and, in the background, what belongs to it.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn delete(&self, reference: &ObjectRef) -> Result<Deleted, ClusterError> {
        if reference.name.is_empty() {
            // That would be the path of all objects of the kind.
            return Ok(Deleted::Absent);
        }
        let options = json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
        });
        let path = reference.path();
        let request = ApiRequest {
            method: Method::DELETE,
            body: Some((JSON, &options)),
            ..ApiRequest::get(&path)
        };
        let sent = self.send(request, &format!("delete {reference}")).await;
        Ok(match found(sent)? {
            None => Deleted::Absent,
            // The answer is the object itself if something has to happen before it goes, and of some kinds always.
            Some(answer) if text(&answer, &["kind"]) == "Status" => Deleted::Gone,
            Some(_) => Deleted::Going,
        })
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
        let request = ApiRequest {
            method: Method::POST,
            body: Some((JSON, question)),
            ..ApiRequest::get(path)
        };
        self.send(request, doing).await
    }

    /// What happens to the objects of a kind in a namespace with these labels, from a version on;
    /// nothing if the watch cannot be started.
    pub async fn watch(
        &self,
        kind: &ApiResource,
        namespace: &str,
        labels: &str,
        version: &str,
    ) -> Option<impl Stream<Item = Result<WatchEvent<Value>, kube::Error>> + use<>> {
        let path = format!(
            "{}?watch=true&resourceVersion={version}&labelSelector={}&timeoutSeconds={}",
            kind.path(namespace),
            encoded(labels),
            WATCH.as_secs()
        );
        let (begun, sent) = (Instant::now(), ApiRequest::get(&path));
        let request = sent.request().ok()?;
        let started = async { Ok(self.client.request_events::<Value>(request).await?) };
        let started = self.answer(started).await;
        self.tell(&sent, begun.elapsed(), started.as_ref().err());
        // The server ends it, unless the connection is dead and nobody says so.
        Some(started.ok()?.take_until(tokio::time::sleep(WATCH + LATE)))
    }

    async fn send(&self, sent: ApiRequest<'_>, doing: &str) -> Result<Value, ClusterError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let begun = Instant::now();
            let request = sent.request().map_err(|e| {
                let path = sent.path;
                ClusterError::State(format!(
                    "cannot {doing}: no request can be made of {path}: {e}"
                ))
            })?;
            let answer = self.answer(exchange(&self.client, request)).await;
            self.tell(&sent, begun.elapsed(), answer.as_ref().err());
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let attempts = match begun.elapsed() < LONG {
                true => ATTEMPTS,
                false => SLOW_ATTEMPTS,
            };
            match error.may_repeat(sent.repeat, pause) {
                Some(wanted) if attempt < attempts && wanted <= LONGEST_PAUSE => {
                    tokio::time::sleep(wanted).await;
                    pause *= 2;
                    attempt += 1;
                }
                _ => return Err(self.error(error, doing)),
            }
        }
    }

    /// Tells of a request if that is wanted (`--verbose`).
    fn tell(&self, sent: &ApiRequest<'_>, took: Duration, error: Option<&RequestError>) {
        let Some(trace) = self.trace else { return };
        let outcome = match error {
            None => "done".to_owned(),
            Some(RequestError::Refused(refusal)) => refusal.code.to_string(),
            Some(other) => causes(other),
        };
        let (method, path) = (&sent.method, sent.path);
        trace(&format!("{method} {path}: {outcome}, {took:.1?}"));
    }

    /// Awaits an answer for as long as one may take.
    async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        if self.request_timeout.is_zero() {
            return asked.await;
        }
        let answered = tokio::time::timeout(self.request_timeout, asked).await;
        answered.unwrap_or(Err(RequestError::Silent(self.request_timeout)))
    }

    fn error(&self, error: RequestError, doing: &str) -> ClusterError {
        match error {
            RequestError::Refused(refusal) => ClusterError::Refused {
                doing: doing.to_owned(),
                refusal,
            },
            RequestError::Unreadable(_) => {
                let server = &self.server;
                ClusterError::State(format!(
                    "cannot {doing}: {server}: {error}\n\
                     check that this is the address of an API server, and not of something before it"
                ))
            }
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

/// All groups with their kinds in one answer (Kubernetes API concepts, "Aggregated discovery"), or at least
/// the groups.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What an answer to a question for API versions names: groups, versions, and kinds if it has them.
fn served(answer: &Value) -> Vec<String> {
    // The core group has no groups around its versions if there are no kinds.
    let core = answer.get("versions").map(|_| answer);
    let groups = list(answer, "groups").iter().chain(list(answer, "items"));
    let mut versions = Vec::new();
    for group in core.into_iter().chain(groups) {
        let name = match text(group, &["metadata", "name"]) {
            "" => text(group, &["name"]),
            name => name,
        };
        for version in list(group, "versions") {
            let short = match version {
                Value::String(version) => version,
                _ => text(version, &["version"]),
            };
            let full = match name {
                "" => short.to_owned(),
                name => format!("{name}/{short}"),
            };
            for resource in list(version, "resources") {
                let kind = text(resource, &["responseKind", "kind"]);
                versions.push(format!("{full}/{kind}"));
            }
            versions.push(full);
        }
    }
    versions
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let items = value.get(key).and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

fn is_reason(error: &ClusterError, reason: &str) -> bool {
    matches!(error, ClusterError::Refused { refusal, .. } if refusal.reason == reason)
}

fn found(sent: Result<Value, ClusterError>) -> Result<Option<Value>, ClusterError> {
    match sent {
        Err(error) if error.code() == Some(404) => Ok(None),
        sent => sent.map(Some),
    }
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
