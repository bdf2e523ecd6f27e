//! Reads, lists, watches and changes objects.

use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use http::Method;
use percent_encoding::{AsciiSet, PercentEncode, utf8_percent_encode};
use serde_json::{Value, json};

use super::error::ClientError;
use super::exchange::{build, start};
use super::request::{ApiRequest, JSON, RESERVED, Repeat, RequestError};
use super::resource::{ApiResource, EVENT, ObjectRef};
use super::session::{Client, found};
use super::watch::{WatchEvent, events};
use crate::fields::{list, text};

/// What is escaped in a query.
const QUERY: &AsciiSet = &RESERVED.remove(b',').remove(b'/');
/// How long a watch lasts before it is started anew.
const WATCH: Duration = Duration::from_secs(30);
/// How much later the server may end a watch.
const WATCH_GRACE: Duration = Duration::from_secs(5);

/// What became of an object that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It did not exist.
    Absent,
    /// It is gone.
    Gone,
    /// It exists until its finalizers have run or its containers have ended.
    Terminating,
}

impl Client {
    /// Reads an object; `None` if it does not exist.
    ///
    /// # Errors
    /// The server refuses the request.
    pub async fn get(&self, reference: &ObjectRef) -> Result<Option<Value>, ClientError> {
        self.get_path(&reference.path(), &format!("read {reference}"))
            .await
    }

    /// Lists the objects of a kind that match a label query, in a namespace or, if it is empty, in all.
    ///
    /// # Errors
    /// The server refuses the request.
    pub async fn list(
        &self,
        resource: &ApiResource,
        namespace: &str,
        labels: &str,
    ) -> Result<Vec<Value>, ClientError> {
        let listed = self.list_to_watch(resource, namespace, labels).await;
        listed.map(|(items, _)| items)
    }

    /// As [`Client::list`], with the resource version of the list, from which a watch can start.
    ///
    /// # Errors
    /// The server refuses the request.
    pub(crate) async fn list_to_watch(
        &self,
        resource: &ApiResource,
        namespace: &str,
        labels: &str,
    ) -> Result<(Vec<Value>, String), ClientError> {
        let path = format!(
            "{}?labelSelector={}",
            resource.path(namespace),
            query(labels)
        );
        let action = format!("list {}", resource.plural);
        let mut list = self.get_path(&path, &action).await?.unwrap_or_default();
        let version = text(&list, &["metadata", "resourceVersion"]).to_owned();
        let items = match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok((items, version))
    }

    /// Watches the objects of a kind in a namespace that match a label query, from a resource version on; `None` if
    /// the watch cannot be started.
    pub(crate) async fn watch(
        &self,
        resource: &ApiResource,
        namespace: &str,
        labels: &str,
        version: &str,
    ) -> Option<impl Stream<Item = Result<WatchEvent, RequestError>> + use<>> {
        let path = format!(
            "{}?watch=true&resourceVersion={version}&labelSelector={}&timeoutSeconds={}",
            resource.path(namespace),
            query(labels),
            WATCH.as_secs()
        );
        let (begun, request) = (Instant::now(), ApiRequest::get(&path));
        let built = build(&self.http, &request).ok()?;
        let started = self.within_timeout(start(&self.http, built)).await;
        self.report(&request, begun.elapsed(), started.as_ref().err());
        // The server ends the watch, unless the connection is dead.
        let end = tokio::time::sleep(WATCH + WATCH_GRACE);
        Some(events(started.ok()?.into_body()).take_until(end))
    }

    /// Returns the reason and the message of the newest warning about an object.
    pub(crate) async fn newest_warning(&self, reference: &ObjectRef) -> Option<(String, String)> {
        let fields = format!("involvedObject.name={},type=Warning", reference.name);
        let path = format!(
            "{}?fieldSelector={}",
            EVENT.path(&reference.namespace),
            query(&fields)
        );
        // Events only explain: an error here must not hide the failure that they explain.
        let found = self.get_path(&path, "list events").await.ok()??;
        let newest = list(&found, "items").iter().max_by_key(|event| {
            let time = |key: &str| text(event, &[key]).to_owned();
            time("eventTime").max(time("lastTimestamp"))
        })?;
        let field = |key: &str| text(newest, &[key]).to_owned();
        Some((field("reason"), field("message")))
    }

    /// Creates an object; `None` if one of that name exists.
    ///
    /// # Errors
    /// The server refuses the request.
    pub(crate) async fn create(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Option<Value>, ClientError> {
        let path = format!(
            "{}?fieldManager={}",
            reference.resource.path(&reference.namespace),
            query(&self.field_manager)
        );
        let action = format!("create {reference}");
        self.note_change(reference);
        let request = ApiRequest {
            method: Method::POST,
            body: Some((JSON, object)),
            repeat: Repeat::IfRefused,
            ..ApiRequest::get(&path)
        };
        match self.send(request, &action).await {
            Err(ClientError::Refused { refusal, .. }) if refusal.reason == "AlreadyExists" => {
                self.forget_change(reference);
                Ok(None)
            }
            created => created.map(Some),
        }
    }

    /// Applies an object on the server side: afterwards the fields that it has are set and owned.
    ///
    /// # Errors
    /// The server refuses the request.
    pub(crate) async fn apply(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Value, ClientError> {
        self.note_change(reference);
        self.apply_with(reference, object, "").await
    }

    /// Returns what applying an object would store, and stores nothing.
    ///
    /// # Errors
    /// The server refuses the request.
    pub(crate) async fn apply_dry_run(
        &self,
        reference: &ObjectRef,
        object: &Value,
    ) -> Result<Value, ClientError> {
        self.apply_with(reference, object, "&dryRun=All").await
    }

    async fn apply_with(
        &self,
        reference: &ObjectRef,
        object: &Value,
        parameters: &str,
    ) -> Result<Value, ClientError> {
        let path = format!(
            "{}?fieldManager={}&force=true{parameters}",
            reference.path(),
            query(&self.field_manager)
        );
        let request = ApiRequest {
            method: Method::PATCH,
            body: Some(("application/apply-patch+yaml", object)),
            ..ApiRequest::get(&path)
        };
        self.send(request, &format!("apply {reference}")).await
    }

    /// Merges a patch into an object: fields of the patch are set, `null` removes them (RFC 7386).
    ///
    /// # Errors
    /// The object does not exist, or the server refuses the request.
    pub async fn merge(&self, reference: &ObjectRef, patch: &Value) -> Result<Value, ClientError> {
        let path = format!(
            "{}?fieldManager={}",
            reference.path(),
            query(&self.field_manager)
        );
        let request = ApiRequest {
            method: Method::PATCH,
            body: Some(("application/merge-patch+json", patch)),
            ..ApiRequest::get(&path)
        };
        self.send(request, &format!("change {reference}")).await
    }

    /// Deletes an object and, in the background, what it owns.
    ///
    /// # Errors
    /// The server refuses the request.
    pub async fn delete(&self, reference: &ObjectRef) -> Result<Deleted, ClientError> {
        if reference.name.is_empty() {
            // This would be the path of all objects of the kind.
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
            // The answer is the object itself if it still has to terminate, and always for some kinds.
            Some(answer) if text(&answer, &["kind"]) == "Status" => Deleted::Gone,
            Some(_) => Deleted::Terminating,
        })
    }

    /// Posts an object to a path that answers questions (access reviews).
    ///
    /// # Errors
    /// The server refuses the request.
    pub(super) async fn ask(
        &self,
        path: &str,
        question: &Value,
        action: &str,
    ) -> Result<Value, ClientError> {
        let request = ApiRequest {
            method: Method::POST,
            body: Some((JSON, question)),
            ..ApiRequest::get(path)
        };
        self.send(request, action).await
    }
}

/// Escapes a value in a query (RFC 3986, section 3.4).
pub(super) fn query(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, QUERY)
}
