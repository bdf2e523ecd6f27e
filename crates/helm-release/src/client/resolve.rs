//! Maps objects to API resources, by what the server serves.

use helm_chart::Lookup;
use serde_json::{Value, json};

use super::discovery::{ACCEPT, Discovery, listed_resources};
use super::error::ClientError;
use super::request::ApiRequest;
use super::resource::{ApiResource, ObjectRef, group_path};
use super::session::Client;
use crate::fields::text;

impl Client {
    /// Lists the API versions that the server serves, as charts query them: `v1`, `apps/v1`, `apps/v1/Deployment`.
    ///
    /// # Errors
    /// The server refuses a request.
    pub async fn api_versions(&self) -> Result<Vec<String>, ClientError> {
        let discovery = self.discovery().await?;
        let versions = discovery.api_versions().map(str::to_owned);
        Ok(versions.chain(discovery.kinds()).collect())
    }

    /// Resolves an object to a reference. Kinds that are not built into Kubernetes are looked up in what the server
    /// serves.
    ///
    /// `namespace` is for namespaced objects that name none.
    ///
    /// # Errors
    /// The cluster does not serve the kind.
    pub async fn resolve(&self, object: &Value, namespace: &str) -> Result<ObjectRef, ClientError> {
        let (api_version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let resource = match ApiResource::built_in(api_version, kind) {
            Some(resource) => resource,
            None => self.find_resource(api_version, kind).await?,
        };
        let own = text(object, &["metadata", "namespace"]);
        let namespace = match (resource.namespaced, own) {
            (false, _) => "",
            (true, "") => namespace,
            (true, own) => own,
        };
        Ok(resource.at(namespace, text(object, &["metadata", "name"])))
    }

    /// Resolves an object that may be older than what the server serves; `None` if its kind is gone, and the object
    /// with it.
    ///
    /// If the server no longer has the version, this uses another version of the same group.
    ///
    /// # Errors
    /// The server refuses a request.
    pub(crate) async fn resolve_if_served(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<Option<ObjectRef>, ClientError> {
        match self.resolve(object, namespace).await {
            Err(ClientError::UnknownKind { .. }) => {}
            reference => return reference.map(Some),
        }
        let Some((group, _)) = text(object, &["apiVersion"]).split_once('/') else {
            return Ok(None);
        };
        let mut object = object.clone();
        for version in self.discovery().await?.versions_of(group) {
            object["apiVersion"] = version.into();
            match self.resolve(&object, namespace).await {
                Err(ClientError::UnknownKind { .. }) => {}
                reference => return reference.map(Some),
            }
        }
        Ok(None)
    }

    /// Answers a template's `lookup`: an object, or a list; an empty object if it does not exist.
    ///
    /// # Errors
    /// The cluster does not serve the kind, or the server refuses the request.
    pub async fn look_up(&self, lookup: &Lookup) -> Result<Value, ClientError> {
        let object = json!({"apiVersion": lookup.api_version, "kind": lookup.kind,
            "metadata": {"name": lookup.name}});
        let reference = self.resolve(&object, &lookup.namespace).await?;
        if !lookup.name.is_empty() {
            return Ok(self.get(&reference).await?.unwrap_or_else(|| json!({})));
        }
        let action = format!("list {}", reference.resource.plural);
        let path = reference.resource.path(&reference.namespace);
        let Some(mut found) = self.get_path(&path, &action).await? else {
            // Its CRD is not created yet.
            return Ok(json!({"items": []}));
        };
        // In a list, the server leaves the kind out of the items.
        if let Some(Value::Array(items)) = found.get_mut("items") {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.insert("apiVersion".to_owned(), json!(lookup.api_version));
                item.insert("kind".to_owned(), json!(lookup.kind));
            }
        }
        Ok(found)
    }

    async fn find_resource(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<ApiResource, ClientError> {
        let is_meant = |r: &&ApiResource| r.api_version == api_version && r.kind == kind;
        let expected = self.expected_resources().iter().find(is_meant).cloned();
        if let Some(expected) = expected {
            return Ok(expected);
        }
        let discovery = self.discovery().await?;
        if let Some(resource) = discovery.find(api_version, kind) {
            return Ok(resource);
        }
        if discovery.is_incomplete(api_version) {
            // The server of this group was down. It is asked again, for it may be up now, or say why it is not.
            let listed = self.list_resources(api_version).await?;
            let resources = listed_resources(api_version, &listed);
            if let Some(resource) = resources.iter().find(is_meant) {
                return Ok(resource.clone());
            }
        }
        Err(ClientError::UnknownKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// Asks the server once what it serves.
    async fn discovery(&self) -> Result<&Discovery, ClientError> {
        self.discovery.get_or_try_init(|| self.discover()).await
    }

    async fn discover(&self) -> Result<Discovery, ClientError> {
        let ask = |path: &'static str| async move {
            let request = ApiRequest {
                accept: ACCEPT,
                ..ApiRequest::get(path)
            };
            self.send(request, "ask for the API versions").await
        };
        let (core, groups) = tokio::join!(ask("/api"), ask("/apis"));
        let mut discovery = Discovery::parse(&core?, &groups?);
        if !discovery.has_kinds() {
            let versions: Vec<String> = discovery.api_versions().map(str::to_owned).collect();
            for version in versions {
                match self.list_resources(&version).await {
                    // Another server answers for this group, and may be down.
                    Err(error) if error.code().is_some_and(|code| code != 401) => {}
                    listed => discovery.add(&version, &listed?),
                }
            }
        }
        Ok(discovery)
    }

    async fn list_resources(&self, api_version: &str) -> Result<Value, ClientError> {
        let action = format!("ask for the kinds of {api_version}");
        let listed = self.get_path(&group_path(api_version), &action).await?;
        Ok(listed.unwrap_or_default())
    }
}
