//! Whether an object is ready, by its own status.

use serde_json::Value;

use crate::client::ApiResource;
use crate::fields::{condition, has_condition, text};

/// What the status of an object says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    NotReady,
    Failed(String),
}

/// Returns whether objects of this kind are awaited after they are applied.
pub(crate) fn is_awaited(resource: &ApiResource) -> bool {
    matches!(
        &*resource.kind,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "Pod"
    )
}

/// Returns whether an object of a kind is ready: all Pods of a workload are available, a Job is complete.
pub fn is_ready(kind: &str, object: &Value) -> bool {
    state(kind, object) == State::Ready
}

pub(super) fn is_running(pod: &Value) -> bool {
    text(pod, &["status", "phase"]) == "Running"
}

/// Reads the state of an object (for Deployments as `kubectl rollout status` does).
pub(super) fn state(kind: &str, object: &Value) -> State {
    let number = |pointer: &str| {
        let found = object.pointer(pointer).and_then(Value::as_i64);
        found.unwrap_or_default()
    };
    let desired = object
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let is_observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let is = |kind: &str| has_condition(object, kind);
    let ready = match kind {
        "Deployment" => {
            is_observed
                && number("/status/updatedReplicas") >= desired
                && number("/status/replicas") <= number("/status/updatedReplicas")
                && number("/status/availableReplicas") >= desired
        }
        "StatefulSet" => {
            is_observed
                && number("/status/updatedReplicas") >= desired
                && number("/status/readyReplicas") >= desired
        }
        "DaemonSet" => {
            let desired = number("/status/desiredNumberScheduled");
            is_observed
                && number("/status/updatedNumberScheduled") >= desired
                && number("/status/numberAvailable") >= desired
        }
        "Job" => {
            if is("Failed") {
                let failed = condition(object, "Failed");
                let message = failed.map(|c| text(c, &["message"])).unwrap_or_default();
                return State::Failed(message.to_owned());
            }
            is("Complete") || is("SuccessCriteriaMet")
        }
        "Pod" => match text(object, &["status", "phase"]) {
            "Failed" => return State::Failed(text(object, &["status", "message"]).to_owned()),
            "Succeeded" => true,
            _ => is("Ready"),
        },
        _ => true,
    };
    match ready {
        true => State::Ready,
        false => State::NotReady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn workloads_are_ready_when_all_their_pods_are() {
        let deployment = |generation: i64, updated: i64, available: i64| {
            json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2},
                "status": {"observedGeneration": generation, "replicas": 2,
                    "updatedReplicas": updated, "availableReplicas": available}})
        };
        let job = |condition: &str| {
            json!({"kind": "Job", "status": {"conditions": [
                {"type": condition, "status": "True", "message": "m"}]}})
        };
        let table = [
            (deployment(2, 2, 2), State::Ready),
            (deployment(1, 2, 2), State::NotReady),
            (deployment(2, 1, 2), State::NotReady),
            (deployment(2, 2, 1), State::NotReady),
            (job("Complete"), State::Ready),
            (job("Failed"), State::Failed("m".to_owned())),
            (job("Suspended"), State::NotReady),
            (
                json!({"kind": "Pod", "status": {"phase": "Running"}}),
                State::NotReady,
            ),
            (
                json!({"kind": "Pod", "status": {"phase": "Succeeded"}}),
                State::Ready,
            ),
        ];
        for (object, want) in table {
            assert_eq!(state(text(&object, &["kind"]), &object), want, "{object}");
        }
    }
}
