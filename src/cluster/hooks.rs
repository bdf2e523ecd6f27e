//! Runs a chart's hooks as helm does: by weight, with their delete policies, waiting for each.

use serde_json::Value;

use super::Progress;
use super::apply::{Target, delete, remove};
use super::client::Cluster;
use super::error::ClusterError;
use super::kinds::{Place, text};
use super::wait::{self, Deadline};
use crate::chart::Object;

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
    pub fn new(place: Place, object: &Object) -> Hook {
        Hook {
            target: Target {
                place,
                object: object.value.clone(),
            },
            events: object.hooks.clone(),
            weight: object.hook_weight,
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

/// Runs the hooks of an event.
///
/// # Errors
/// A hook that failed, with the reasons.
pub async fn run(
    cluster: &Cluster,
    hooks: &[Hook],
    event: &str,
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let mut due: Vec<&Hook> = hooks
        .iter()
        .filter(|hook| hook.events.iter().any(|e| e == event))
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    due.sort_by_key(|hook| hook.weight);
    let place_of = |hook: &&Hook| hook.target.place.clone();
    let replaced: Vec<Place> = due
        .iter()
        .filter(|hook| hook.has_policy("before-hook-creation"))
        .map(place_of)
        .collect();
    remove(cluster, &replaced, deadline).await?;
    for hook in &due {
        if let Err(error) = run_one(cluster, hook, event, deadline, progress).await {
            let failed: Vec<Place> = due
                .iter()
                .filter(|hook| hook.has_policy("hook-failed"))
                .map(place_of)
                .collect();
            // What failed is what is to be told.
            let _ = delete(cluster, &failed).await;
            return Err(error);
        }
    }
    let succeeded: Vec<Place> = due
        .iter()
        .filter(|hook| hook.has_policy("hook-succeeded"))
        .map(place_of)
        .collect();
    delete(cluster, &succeeded).await?;
    Ok(())
}

async fn run_one(
    cluster: &Cluster,
    hook: &Hook,
    event: &str,
    deadline: Deadline,
    progress: Progress<'_>,
) -> Result<(), ClusterError> {
    let Target { place, object } = &hook.target;
    let applied = cluster.apply(place, object).await?;
    match text(object, &["kind"]) {
        "Job" => {
            progress(&format!("running the {event} hook {place}"));
            wait::job(cluster, place, &applied, deadline, progress).await
        }
        "Pod" => {
            progress(&format!("running the {event} hook {place}"));
            wait::ready(cluster, std::slice::from_ref(place), deadline, progress).await
        }
        _ => Ok(()),
    }
}
