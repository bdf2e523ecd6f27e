//! Changes which field manager owns which fields of an object (Kubernetes API concepts, "Server-Side Apply").

use http::Method;
use serde_json::{Value, json};

use super::error::ClientError;
use super::objects::query;
use super::request::ApiRequest;
use super::resource::ObjectRef;
use super::session::Client;
use crate::fields::text;

impl Client {
    /// Returns the name of the field manager of what is applied.
    pub(crate) fn field_manager(&self) -> &str {
        &self.field_manager
    }

    /// Replaces the `managedFields` of an object, unless it has changed since `found` was read (status 409).
    ///
    /// # Errors
    /// The object has changed or does not exist, or the server refuses the request.
    pub(crate) async fn set_managed_fields(
        &self,
        reference: &ObjectRef,
        found: &Value,
        entries: &[Value],
    ) -> Result<Value, ClientError> {
        let path = format!(
            "{}?fieldManager={}",
            reference.path(),
            query(&self.field_manager)
        );
        let version = text(found, &["metadata", "resourceVersion"]);
        // Replacing the version by another one is a conflict; a failed "test" would be an invalid request.
        let patch = json!([
            {"op": "add", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]);
        let request = ApiRequest {
            method: Method::PATCH,
            body: Some(("application/json-patch+json", &patch)),
            ..ApiRequest::get(&path)
        };
        let action = format!("take over the fields of {reference}");
        self.send(request, &action).await
    }
}
