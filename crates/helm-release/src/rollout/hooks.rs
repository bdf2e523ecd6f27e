//! Runs a chart's hooks as helm does: by weight, with their delete policies, waiting for each.

use serde_json::Value;

use crate::client::Cluster;
use crate::client::error::ClusterError;
use crate::client::resource::{CUSTOM_RESOURCE_DEFINITION, ObjectRef, text};
use crate::rollout::apply::{Owner, Target, delete, is_kept, remove};
use crate::wait::{self, Waiting};
use helm_chart::Object;

/// A hook that is ready to be run.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Where it goes, and the object.
    pub target: Target,
    /// The events that it runs at.
    pub events: Vec<String>,
    /// Less weight runs first.
    pub weight: i64,
}

impl Hook {
    /// The hook that an object is.
    pub fn new(reference: ObjectRef, object: &Object) -> Hook {
        let events = object.hooks.clone();
        let weight = object.hook_weight;
        let mut object = object.value.clone();
        // A record may have a version that is served no more.
        object["apiVersion"] = Value::from(&*reference.resource.api_version);
        Hook {
            target: Target { reference, object },
            events,
            weight,
        }
    }

    /// Whether its annotation names the policy; without any, it is replaced before it is created.
    fn has_policy(&self, policy: &str) -> bool {
        let annotations = self.target.object.pointer("/metadata/annotations");
        let named = annotations
            .and_then(|a| a.get("helm.sh/hook-delete-policy"))
            .and_then(Value::as_str);
        match named {
            None | Some("") => policy == "before-hook-creation",
            Some(policies) => policies.split(',').any(|one| one.trim() == policy),
        }
    }
}

/// Runs the hooks of an event: by weight, then by name, then in helm's order of kinds.
///
/// # Errors
/// A hook that failed, with the reasons.
pub async fn run(
    cluster: &Cluster,
    hooks: &[Hook],
    event: &str,
    waiting: Waiting<'_>,
) -> Result<(), ClusterError> {
    let is_due = |hook: &&Hook| hook.events.iter().any(|e| e == event);
    let mut due: Vec<&Hook> = hooks.iter().filter(is_due).collect();
    due.sort_by(|a, b| {
        let name = |hook: &'_ Hook| hook.target.reference.name.clone();
        a.weight.cmp(&b.weight).then_with(|| name(a).cmp(&name(b)))
    });
    let replaced = references(&due, "before-hook-creation");
    remove(cluster, &replaced, waiting.deadline).await?;
    for (i, hook) in due.iter().enumerate() {
        if let Err(error) = run_one(cluster, hook, event, waiting).await {
            let (done, _) = due.split_at(i);
            let mut gone = references(&[hook], "hook-failed");
            gone.extend(references(done, "hook-succeeded"));
            // What failed is what is to be told.
            let _ = delete(cluster, &gone).await;
            return Err(error);
        }
    }
    delete(cluster, &references(&due, "hook-succeeded")).await?;
    Ok(())
}

/// Where the hooks are that are to be deleted by a policy. A CRD never is: all its objects would go with it.
fn references(hooks: &[&Hook], policy: &str) -> Vec<ObjectRef> {
    let named = hooks.iter().filter(|hook| hook.has_policy(policy));
    let references = named.map(|hook| hook.target.reference.clone());
    references
        .filter(|reference| reference.resource != CUSTOM_RESOURCE_DEFINITION)
        .collect()
}

/// Whether what is in a hook's place is somebody else's: of another release, or no hook at all.
pub fn is_foreign(object: &Value, owner: Owner<'_>) -> bool {
    let event = text(object, &["metadata", "annotations", "helm.sh/hook"]);
    event.is_empty() || owner.is_foreign(object)
}

/// Where hooks may be that ran and stayed, and that nobody needs afterwards.
pub fn removable(hooks: &[Hook]) -> Vec<ObjectRef> {
    let targets = hooks.iter().map(|hook| &hook.target);
    targets
        .filter(|t| !is_kept(&t.object) && t.reference.resource != CUSTOM_RESOURCE_DEFINITION)
        .map(|target| target.reference.clone())
        .collect()
}

async fn run_one(
    cluster: &Cluster,
    hook: &Hook,
    event: &str,
    waiting: Waiting<'_>,
) -> Result<(), ClusterError> {
    let Target { reference, object } = &hook.target;
    let applied = cluster.apply(reference, object).await?;
    match text(object, &["kind"]) {
        "Job" => {
            (waiting.progress)(&format!("running the {event} hook {reference}"));
            wait::job(cluster, reference, &applied, waiting).await
        }
        "Pod" => {
            (waiting.progress)(&format!("running the {event} hook {reference}"));
            wait::pod(cluster, reference, waiting).await
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::resource::{POD, SECRET};
    use serde_json::json;

    fn hook(kind: &crate::client::resource::ApiResource, annotations: &Value) -> Hook {
        Hook {
            target: Target {
                reference: kind.at("", "x"),
                object: json!({"metadata": {"annotations": annotations}}),
            },
            events: vec!["pre-install".to_owned()],
            weight: 0,
        }
    }

    #[test]
    fn neither_a_crd_nor_what_is_kept_is_ever_deleted() {
        let none = json!({});
        let keep = json!({"helm.sh/resource-policy": "keep"});
        let all = [
            hook(&CUSTOM_RESOURCE_DEFINITION, &none),
            hook(&SECRET, &keep),
            hook(&POD, &none),
        ];
        assert_eq!(removable(&all), [POD.at("", "x")]);
        let [crd, secret, pod] = &all;
        let replaced = references(&[crd, secret, pod], "before-hook-creation");
        assert_eq!(replaced, [SECRET.at("", "x"), POD.at("", "x")]);
        assert_eq!(references(&[pod], "hook-succeeded"), []);
    }
}
