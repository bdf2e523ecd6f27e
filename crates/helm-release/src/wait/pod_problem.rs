//! Why a Pod does not run, read from what the scheduler and the kubelet report.

use std::fmt;

use serde_json::Value;

use crate::fields::{condition, list_at, text};

/// What is wrong with a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodProblem {
    /// The name of the Pod.
    pub pod: String,
    /// The namespace of the Pod.
    pub namespace: String,
    /// The container; empty if the whole Pod has the problem.
    pub container: String,
    /// The image of the container.
    pub image: String,
    /// The reason that Kubernetes reports: `ImagePullBackOff`.
    pub reason: String,
    /// The message that Kubernetes reports.
    pub message: String,
    /// What would help.
    pub remedy: Remedy,
    /// Whether it may pass by itself: the container has started and is not ready yet.
    pub may_pass: bool,
}

/// What would help a Pod that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// No node fits: add one, or change what the Pod requests.
    FitNode,
    /// The image cannot be pulled: make it available.
    ProvideImage,
    /// The name of the image is not valid.
    CorrectImageName,
    /// The container needs more memory.
    RaiseMemoryLimit,
    /// Something that the Pod refers to is missing; its events name it.
    ProvideConfig,
    /// The events of the Pod say more.
    ReadEvents,
    /// The logs of the container say more.
    ReadLogs,
    /// The logs of the container before its restart say more.
    ReadPreviousLogs,
    /// The logs of all containers say more.
    ReadAllLogs,
}

impl PodProblem {
    /// Returns whether the image of the container cannot be pulled.
    pub fn is_about_image(&self) -> bool {
        matches!(self.remedy, Remedy::ProvideImage | Remedy::CorrectImageName)
    }
}

impl fmt::Display for PodProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pod {}", self.pod)?;
        if !self.container.is_empty() {
            write!(f, ", container {}", self.container)?;
        }
        if !self.image.is_empty() {
            write!(f, ", image {}", self.image)?;
        }
        write!(f, ": {}", self.reason)?;
        match self.message.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.message),
        }
    }
}

/// Finds what keeps a Pod from running or from succeeding; `None` if it only needs time.
pub fn find_problem(pod: &Value) -> Option<PodProblem> {
    let name = text(pod, &["metadata", "name"]);
    let namespace = text(pod, &["metadata", "namespace"]);
    let of_pod = |reason: &str, message: &str, remedy: Remedy| PodProblem {
        pod: name.to_owned(),
        namespace: namespace.to_owned(),
        container: String::new(),
        image: String::new(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        remedy,
        may_pass: false,
    };
    if let Some(condition) = condition(pod, "PodScheduled")
        && text(condition, &["status"]) == "False"
    {
        return Some(of_pod(
            text(condition, &["reason"]),
            text(condition, &["message"]),
            Remedy::FitNode,
        ));
    }
    let mut unready = None;
    for (statuses, containers) in [
        ("initContainerStatuses", "initContainers"),
        ("containerStatuses", "containers"),
    ] {
        for status in list_at(pod, &format!("/status/{statuses}")) {
            let container = text(status, &["name"]);
            let spec = list_at(pod, &format!("/spec/{containers}"))
                .iter()
                .find(|spec| text(spec, &["name"]) == container);
            let image = spec.map(|spec| text(spec, &["image"])).unwrap_or_default();
            let of = |reason: &str, message: String| PodProblem {
                pod: name.to_owned(),
                namespace: namespace.to_owned(),
                container: container.to_owned(),
                image: image.to_owned(),
                reason: reason.to_owned(),
                remedy: match (status.pointer("/state/terminated"), reason) {
                    // It was not restarted: its current logs are the last ones.
                    (Some(_), "Error") => Remedy::ReadAllLogs,
                    _ => remedy(reason),
                },
                message,
                may_pass: matches!(reason, "NotReady" | "NotDone"),
            };
            if let Some((reason, message)) = container_problem(status) {
                return Some(of(&reason, message));
            }
            let runs = status.pointer("/state/running").is_some();
            let is_unready = status.get("ready") == Some(&Value::Bool(false));
            if !runs || !is_unready || unready.is_some() {
                continue;
            }
            // A container that is always restarted has probes; any other has to end.
            let stays = containers == "containers"
                || spec.is_some_and(|spec| text(spec, &["restartPolicy"]) == "Always");
            unready = Some(match stays {
                true => of(
                    "NotReady",
                    "it runs, but its readiness probe fails".to_owned(),
                ),
                false => of(
                    "NotDone",
                    "it runs before the other containers and has not ended; often it waits for another Pod"
                        .to_owned(),
                ),
            });
        }
    }
    if unready.is_none() && text(pod, &["status", "phase"]) == "Failed" {
        let (reason, message) = (
            text(pod, &["status", "reason"]),
            text(pod, &["status", "message"]),
        );
        let reason = if reason.is_empty() { "Failed" } else { reason };
        return Some(of_pod(reason, message, Remedy::ReadAllLogs));
    }
    unready
}

/// Returns what a Pod without a problem waits for: the reason of a container that is starting, or its phase.
pub(super) fn starting_state(pod: &Value) -> &str {
    let mut waits = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|statuses| list_at(pod, &format!("/status/{statuses}")))
        .map(|status| text(status, &["state", "waiting", "reason"]));
    let phase = text(pod, &["status", "phase"]);
    // The last container is the main one, which waits for those before it.
    waits.rfind(|reason| !reason.is_empty()).unwrap_or(phase)
}

/// Returns the reason and the message of a container that does not run, unless it is only starting.
fn container_problem(status: &Value) -> Option<(String, String)> {
    let ended = |state: &Value| {
        let code = state
            .get("exitCode")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let reason = text(state, &["reason"]);
        let said = text(state, &["message"]);
        let message = match said.is_empty() {
            true => format!("exit code {code}"),
            false => format!("exit code {code}: {said}"),
        };
        (code != 0).then(|| (reason.to_owned(), message))
    };
    if let Some(waiting) = status.pointer("/state/waiting") {
        let reason = text(waiting, &["reason"]);
        if matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let message = text(waiting, &["message"]).to_owned();
        // The last exit of a container that is restarted over and over says more.
        let last = status.pointer("/lastState/terminated").and_then(ended);
        return Some(match last {
            Some((why, code)) if why == "OOMKilled" => (why, code),
            Some((_, code)) => (
                reason.to_owned(),
                format!("{message} (it ended with {code})"),
            ),
            None => (reason.to_owned(), message),
        });
    }
    status.pointer("/state/terminated").and_then(ended)
}

fn remedy(reason: &str) -> Remedy {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" => Remedy::ProvideImage,
        "InvalidImageName" => Remedy::CorrectImageName,
        "OOMKilled" => Remedy::RaiseMemoryLimit,
        "NotReady" => Remedy::ReadEvents,
        "NotDone" => Remedy::ReadLogs,
        "CreateContainerConfigError" => Remedy::ProvideConfig,
        "Failed" => Remedy::ReadAllLogs,
        _ => Remedy::ReadPreviousLogs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &Value) -> Value {
        json!({
            "metadata": {"name": "p", "namespace": "ns"},
            "spec": {
                "initContainers": [{"name": "i", "image": "r/init"}],
                "containers": [{"name": "c", "image": "r/i@sha256:00"}],
            },
            "status": status,
        })
    }

    #[test]
    fn a_problem_names_the_reason_and_what_would_help() {
        let state = |state: Value| json!({"containerStatuses": [{"name": "c", "ready": false, "state": state}]});
        let again = json!({"containerStatuses": [{
            "name": "c", "ready": false,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 3}},
        }]});
        let killed = json!({"containerStatuses": [{
            "name": "c", "ready": false,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
        }]});
        let table = [
            json!({"conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/3 nodes are available"}]}),
            state(
                json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}),
            ),
            state(
                json!({"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}),
            ),
            again,
            killed,
            state(
                json!({"terminated": {"reason": "Error", "exitCode": 1, "message": "no config"}}),
            ),
            state(json!({"running": {}})),
            json!({"phase": "Failed", "reason": "Evicted", "message": "disk is full"}),
            json!({"initContainerStatuses": [{"name": "i", "ready": false, "state": {"running": {}}}],
                "containerStatuses": [{"name": "c", "ready": false,
                    "state": {"waiting": {"reason": "PodInitializing"}}}]}),
        ];
        let said: Vec<String> = table
            .iter()
            .map(|status| {
                let problem = find_problem(&pod(status)).expect("a problem");
                format!("{problem}\n    {:?}", problem.remedy)
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_pod_that_only_needs_time_has_no_problem() {
        for status in [
            json!({}),
            json!({"phase": "Pending"}),
            json!({"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]}),
            json!({"containerStatuses": [{"name": "c", "ready": true, "state": {"running": {}}}]}),
            json!({"phase": "Succeeded", "containerStatuses": [
                {"name": "c", "ready": false, "state": {"terminated": {"exitCode": 0}}}]}),
        ] {
            assert_eq!(find_problem(&pod(&status)), None, "{status}");
        }
    }
}
