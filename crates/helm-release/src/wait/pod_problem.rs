//! Why a Pod does not run, and what to do about it: read from what scheduler and kubelet say.

use std::fmt;

use serde_json::Value;

use crate::client::resource::text;

/// What is wrong with a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodProblem {
    /// The Pod's name.
    pub pod: String,
    /// The container; empty if it is about the whole Pod.
    pub container: String,
    /// The container's image.
    pub image: String,
    /// The word that Kubernetes has for it: `ImagePullBackOff`.
    pub reason: String,
    /// What Kubernetes says of it.
    pub message: String,
    /// What to do next.
    pub advice: String,
    /// Whether it may pass by itself: something has begun and is not ready yet.
    pub may_pass: bool,
}

impl PodProblem {
    /// Whether it is that an image is not to be had.
    pub fn is_of_image(&self) -> bool {
        matches!(
            self.reason.as_str(),
            "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName"
        )
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
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match self.advice.is_empty() {
            true => Ok(()),
            false => write!(f, "\n    {}", self.advice.replace('\n', "\n    ")),
        }
    }
}

/// What keeps a Pod from running, or from ending well; nothing if it only needs time.
pub fn find_problem(pod: &Value) -> Option<PodProblem> {
    let name = text(pod, &["metadata", "name"]);
    let namespace = text(pod, &["metadata", "namespace"]);
    let of_pod = |reason: &str, message: &str, advice: String| PodProblem {
        pod: name.to_owned(),
        container: String::new(),
        image: String::new(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        advice,
        may_pass: false,
    };
    if let Some(condition) = condition(pod, "PodScheduled")
        && text(condition, &["status"]) == "False"
    {
        return Some(of_pod(
            text(condition, &["reason"]),
            text(condition, &["message"]),
            "add a node that fits, or change what the Pod asks for: resources, tolerations, affinity"
                .to_owned(),
        ));
    }
    let mut unready = None;
    for (statuses, containers) in [
        ("initContainerStatuses", "initContainers"),
        ("containerStatuses", "containers"),
    ] {
        for status in list(pod.pointer(&format!("/status/{statuses}"))) {
            let container = text(status, &["name"]);
            let spec = list(pod.pointer(&format!("/spec/{containers}")))
                .iter()
                .find(|spec| text(spec, &["name"]) == container);
            let image = spec.map(|spec| text(spec, &["image"])).unwrap_or_default();
            let of = |reason: &str, message: String| PodProblem {
                pod: name.to_owned(),
                container: container.to_owned(),
                image: image.to_owned(),
                reason: reason.to_owned(),
                advice: match (status.pointer("/state/terminated"), reason) {
                    // It was not started again, so its logs are the last ones.
                    (Some(_), "Error") => advice("Failed", namespace, name, container),
                    _ => advice(reason, namespace, name, container),
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
            // One that is restarted always stays, and has probes; any other has to end.
            let stays = containers == "containers"
                || spec.is_some_and(|spec| text(spec, &["restartPolicy"]) == "Always");
            unready = Some(match stays {
                true => of(
                    "NotReady",
                    "it runs, but its readiness probe does not succeed".to_owned(),
                ),
                false => of(
                    "NotDone",
                    "it runs before the others and has not ended; often it waits for another Pod"
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
        return Some(of_pod(
            reason,
            message,
            advice("Failed", namespace, name, ""),
        ));
    }
    unready
}

/// What a Pod that is in no trouble waits for: the reason of a container that is starting, or the Pod's phase.
pub fn starting(pod: &Value) -> &str {
    let mut waits = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|statuses| list(pod.pointer(&format!("/status/{statuses}"))))
        .map(|status| text(status, &["state", "waiting", "reason"]));
    let phase = text(pod, &["status", "phase"]);
    // The last one is the main one, which waits for those before it.
    waits.rfind(|reason| !reason.is_empty()).unwrap_or(phase)
}

/// The reason and the message of a container that does not run, unless it is only starting.
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
        // A container that is started again and again says more about why it ended.
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

fn advice(reason: &str, namespace: &str, pod: &str, container: &str) -> String {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" => {
            "check that the registry can be reached and holds this image; a private one needs \
             osm.imagePullSecrets; a mirror has to hold the images by the same digests"
                .to_owned()
        }
        "InvalidImageName" => "correct the image's name".to_owned(),
        "OOMKilled" => "raise the memory limit of this container in the values".to_owned(),
        "NotReady" => format!("see why: kubectl describe pod --namespace {namespace} {pod}"),
        "NotDone" => {
            format!("see why: kubectl logs --namespace {namespace} {pod} --container {container}")
        }
        "CreateContainerConfigError" => {
            format!("see what is missing: kubectl describe pod --namespace {namespace} {pod}")
        }
        "Failed" => format!("see why: kubectl logs --namespace {namespace} {pod} --all-containers"),
        _ => format!(
            "see why: kubectl logs --namespace {namespace} {pod} --container {container} --previous"
        ),
    }
}

/// A condition of an object by its type.
pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    list(object.pointer("/status/conditions"))
        .iter()
        .find(|condition| text(condition, &["type"]) == kind)
}

fn list(value: Option<&Value>) -> &[Value] {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
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
    fn what_keeps_a_pod_from_running_is_named_with_the_next_step() {
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
            state(json!({"terminated": {"reason": "Error", "exitCode": 1, "message": "no mesh"}})),
            state(json!({"running": {}})),
            json!({"phase": "Failed", "reason": "Evicted", "message": "disk is full"}),
            json!({"initContainerStatuses": [{"name": "i", "ready": false, "state": {"running": {}}}],
                "containerStatuses": [{"name": "c", "ready": false,
                    "state": {"waiting": {"reason": "PodInitializing"}}}]}),
        ];
        let said: Vec<String> = table
            .iter()
            .map(|status| find_problem(&pod(status)).expect("a problem").to_string())
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_pod_that_only_needs_time_is_in_no_trouble() {
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
