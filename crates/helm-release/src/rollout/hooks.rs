//! Runs the hooks of a chart as Helm does: by weight, with their delete policies, one after another.

use helm_chart::Object;
use serde_json::Value;

use super::apply::{Target, delete, remove};
use super::event::{Event, Progress};
use crate::client::resource::CUSTOM_RESOURCE_DEFINITION;
use crate::client::{Client, ObjectRef};
use crate::error::Error;
use crate::fields::text;
use crate::release::{Owner, is_kept};
use crate::wait::{Waiting, job, pod};

/// A hook that is ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    /// The object and where it is applied.
    pub target: Target,
    /// The events at which it runs: `pre-install`.
    pub events: Vec<String>,
    /// Hooks of less weight run first.
    pub weight: i64,
}

impl Hook {
    /// Reads the hook from its object.
    pub fn new(reference: ObjectRef, object: &Object) -> Hook {
        let events = object.hooks.clone();
        let weight = object.hook_weight;
        let mut object = object.value.clone();
        // The record may have a version that is no longer served.
        object["apiVersion"] = Value::from(&*reference.resource.api_version);
        Hook {
            target: Target { reference, object },
            events,
            weight,
        }
    }

    /// Returns whether its annotation names the delete policy. The default is `before-hook-creation`.
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

/// Runs the hooks of an event: by weight, then by name, then in Helm's order of kinds.
///
/// # Errors
/// A hook failed.
pub(super) async fn run(
    client: &Client,
    hooks: &[Hook],
    event: &str,
    waiting: Waiting<'_>,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let is_due = |hook: &&Hook| hook.events.iter().any(|e| e == event);
    let mut due: Vec<&Hook> = hooks.iter().filter(is_due).collect();
    due.sort_by(|a, b| {
        let name = |hook: &'_ Hook| hook.target.reference.name.clone();
        a.weight.cmp(&b.weight).then_with(|| name(a).cmp(&name(b)))
    });
    let replaced = with_policy(&due, "before-hook-creation");
    remove(client, &replaced, waiting.deadline).await?;
    for (i, hook) in due.iter().enumerate() {
        if let Err(error) = run_one(client, hook, event, waiting, progress).await {
            let (done, _) = due.split_at(i);
            let mut gone = with_policy(&[hook], "hook-failed");
            gone.extend(with_policy(done, "hook-succeeded"));
            // The failure of the hook is the error to report.
            let _ = delete(client, &gone).await;
            return Err(error);
        }
    }
    delete(client, &with_policy(&due, "hook-succeeded")).await?;
    Ok(())
}

/// Lists the hooks that a delete policy removes. A CRD is never removed: all its objects would go with it.
fn with_policy(hooks: &[&Hook], policy: &str) -> Vec<ObjectRef> {
    let named = hooks.iter().filter(|hook| hook.has_policy(policy));
    let references = named.map(|hook| hook.target.reference.clone());
    references
        .filter(|reference| reference.resource != CUSTOM_RESOURCE_DEFINITION)
        .collect()
}

/// Returns whether an object that has the name of a hook belongs to another owner: it is part of another release, or not
/// a hook.
pub(super) fn is_foreign(object: &Value, owner: Owner<'_>) -> bool {
    let event = text(object, &["metadata", "annotations", "helm.sh/hook"]);
    event.is_empty() || owner.is_foreign(object)
}

/// Lists hooks that may still exist after they ran, and that can be deleted with the release.
pub(super) fn removable(hooks: &[Hook]) -> Vec<ObjectRef> {
    let targets = hooks.iter().map(|hook| &hook.target);
    targets
        .filter(|t| !is_kept(&t.object) && t.reference.resource != CUSTOM_RESOURCE_DEFINITION)
        .map(|target| target.reference.clone())
        .collect()
}

async fn run_one(
    client: &Client,
    hook: &Hook,
    event: &str,
    waiting: Waiting<'_>,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let Target { reference, object } = &hook.target;
    let applied = client.apply(reference, object).await?;
    let hook = reference;
    match text(object, &["kind"]) {
        "Job" => {
            progress(Event::Hook { event, hook });
            job(client, hook, &applied, waiting).await?;
        }
        "Pod" => {
            progress(Event::Hook { event, hook });
            pod(client, hook, waiting).await?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ApiResource;
    use crate::client::resource::{POD, SECRET};
    use serde_json::json;

    fn hook(kind: &ApiResource, annotations: &Value) -> Hook {
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
    fn crds_and_kept_objects_are_never_deleted() {
        let none = json!({});
        let keep = json!({"helm.sh/resource-policy": "keep"});
        let all = [
            hook(&CUSTOM_RESOURCE_DEFINITION, &none),
            hook(&SECRET, &keep),
            hook(&POD, &none),
        ];
        assert_eq!(removable(&all), [POD.at("", "x")]);
        let [crd, secret, pod] = &all;
        let replaced = with_policy(&[crd, secret, pod], "before-hook-creation");
        assert_eq!(replaced, [SECRET.at("", "x"), POD.at("", "x")]);
        assert_eq!(with_policy(&[pod], "hook-succeeded"), []);
    }
}
