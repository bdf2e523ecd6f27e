//! Asks the cluster what its user may do (`SelfSubjectAccessReview`).

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::concurrent::at_once;
use super::error::ClientError;
use super::resource::ApiResource;
use super::session::Client;

/// The permission for a verb on a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `create`
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: String,
    /// `deployments`
    pub resource: String,
    /// The namespace; empty for all.
    pub namespace: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match self.namespace.is_empty() {
            true => Ok(()),
            false => write!(f, " in namespace {}", self.namespace),
        }
    }
}

/// Permissions that an operation needs.
#[derive(Debug, Clone, Default)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    /// Adds the permissions for some verbs on a kind; `namespace` is empty for all namespaces.
    pub fn need(&mut self, verbs: &[&'static str], resource: &ApiResource, namespace: &str) {
        self.0.extend(verbs.iter().map(|verb| Permission {
            verb,
            group: resource.group().to_owned(),
            resource: resource.plural.to_string(),
            namespace: namespace.to_owned(),
        }));
    }

    /// Lists the permissions that the user of the client lacks.
    ///
    /// # Errors
    /// The server refuses to answer.
    pub async fn missing(&self, client: &Client) -> Result<Vec<Permission>, ClientError> {
        if client.is_allowed("*", "*", "*", "").await? {
            return Ok(Vec::new());
        }
        let asked = self.0.iter().map(async |permission| {
            let Permission {
                verb,
                group,
                resource,
                namespace,
            } = permission;
            let allowed = client.is_allowed(verb, group, resource, namespace).await?;
            Ok((!allowed).then(|| permission.clone()))
        });
        let answers: Vec<Option<Permission>> = at_once(asked).await?;
        Ok(answers.into_iter().flatten().collect())
    }
}

impl Client {
    async fn is_allowed(
        &self,
        verb: &str,
        group: &str,
        resource: &str,
        namespace: &str,
    ) -> Result<bool, ClientError> {
        let question = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "namespace": namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.ask(path, &question, "ask for permissions").await?;
        Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
    }
}
