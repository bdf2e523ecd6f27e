//! Waits until workloads run and Jobs are done, and says why when they do not.

pub mod pod_problem;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time::Instant;

use crate::Progress;
use crate::client::Cluster;
use crate::client::error::ClusterError;
use crate::client::resource::{ApiResource, ObjectRef, POD, selector, text};
use crate::time::shown;
use crate::wait::pod_problem::{PodProblem, condition, find_problem, starting};

/// How often the Pods of what is not ready are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The pause after a watch that broke.
const PAUSE: Duration = Duration::from_millis(200);

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Option<Instant>,
    timeout: Duration,
}

impl Deadline {
    /// From now; zero is never.
    pub fn after(timeout: Duration) -> Deadline {
        let at = Instant::now()
            .checked_add(timeout)
            .filter(|_| !timeout.is_zero());
        Deadline { at, timeout }
    }

    /// The given time at the latest, and this deadline if it is earlier.
    fn or(self, other: Instant) -> Instant {
        self.at.map_or(other, |at| at.min(other))
    }

    /// How long it was from the beginning.
    pub fn timeout(self) -> Duration {
        self.timeout
    }

    /// Whether the time is over.
    pub fn is_over(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

/// How something is waited for: until when, who is told, and what is known of images.
#[derive(Clone, Copy)]
pub struct Waiting<'w> {
    /// When to give up.
    pub deadline: Deadline,
    /// Who is told what is in the way.
    pub progress: Progress<'w>,
    /// Says where a reference came from, and what to do if its registry has it not.
    pub images: Images<'w>,
}

/// Says of an image's reference where it came from, if that is known.
pub type Images<'i> = &'i dyn Fn(&str) -> Option<String>;

/// What a workload's own status says.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Ready,
    NotYet,
    Failed(String),
}

/// Whether there is something to wait for once an object of this kind is applied.
pub fn is_awaited(kind: &ApiResource) -> bool {
    matches!(
        &*kind.kind,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "Pod"
    )
}

/// Waits for all of them: Deployments, `StatefulSets`, `DaemonSets`, Jobs and Pods; other kinds need
/// no waiting.
///
/// # Errors
/// What failed, or was not ready in time, with the reasons.
pub async fn ready(
    cluster: &Cluster,
    references: &[ObjectRef],
    waiting: Waiting<'_>,
) -> Result<(), ClusterError> {
    let mut pending: Vec<&ObjectRef> = references
        .iter()
        .filter(|reference| is_awaited(&reference.resource))
        .collect();
    let mut said = Vec::new();
    while let Some(first) = pending.first() {
        let (kind, namespace) = (first.resource.clone(), first.namespace.clone());
        let group =
            |reference: &&ObjectRef| reference.resource == kind && reference.namespace == namespace;
        let these: Vec<&ObjectRef> = pending.iter().copied().filter(group).collect();
        Group {
            cluster,
            kind: &kind,
            namespace: &namespace,
            waiting,
            to_its_end: false,
        }
        .ready(these, &mut said)
        .await?;
        pending.retain(|reference| !group(reference));
    }
    Ok(())
}

/// Waits until a Pod has done its work; that it runs is not enough.
///
/// # Errors
/// The Pod failed, or did not end in time, with the reasons.
pub async fn pod(
    cluster: &Cluster,
    reference: &ObjectRef,
    waiting: Waiting<'_>,
) -> Result<(), ClusterError> {
    let group = Group {
        cluster,
        kind: &reference.resource,
        namespace: &reference.namespace,
        waiting,
        to_its_end: true,
    };
    group.ready(vec![reference], &mut Vec::new()).await
}

/// The objects of one kind in one namespace.
struct Group<'g> {
    cluster: &'g Cluster,
    kind: &'g ApiResource,
    namespace: &'g str,
    waiting: Waiting<'g>,
    /// Whether a Pod is ready when it has ended, not when it runs.
    to_its_end: bool,
}

impl Group<'_> {
    async fn ready(
        &self,
        mut pending: Vec<&ObjectRef>,
        said: &mut Vec<String>,
    ) -> Result<(), ClusterError> {
        let mut objects: BTreeMap<String, Value> = BTreeMap::new();
        loop {
            let (items, version) = self.cluster.list(self.kind, self.namespace, "").await?;
            let is_there = |reference: &ObjectRef| {
                let mut names = items.iter().map(|item| text(item, &["metadata", "name"]));
                names.any(|name| name == reference.name)
            };
            if let Some(reference) = pending.iter().find(|reference| !is_there(reference)) {
                return Err(deleted(reference));
            }
            for item in items {
                self.take(item, &mut pending, &mut objects).await?;
            }
            if pending.is_empty() {
                return Ok(());
            }
            let watched = self.cluster.watch(self.kind, self.namespace, "", &version);
            let Some(events) = watched.await else {
                self.pause(&pending, &objects).await?;
                continue;
            };
            let mut events = pin!(events);
            let mut look = Instant::now() + LOOK;
            loop {
                let until = self.waiting.deadline.or(look);
                match tokio::time::timeout_at(until, events.next()).await {
                    Ok(Some(Ok(WatchEvent::Added(item) | WatchEvent::Modified(item)))) => {
                        self.take(item, &mut pending, &mut objects).await?;
                        if pending.is_empty() {
                            return Ok(());
                        }
                    }
                    Ok(Some(Ok(WatchEvent::Bookmark(_)))) => {}
                    // Something was deleted, or the watch ended, or is too old: list again.
                    Ok(_) => {
                        self.pause(&pending, &objects).await?;
                        break;
                    }
                    Err(_) if self.waiting.deadline.is_over() => {
                        return Err(self.too_late(&pending, &objects).await);
                    }
                    Err(_) => {
                        look = Instant::now() + LOOK;
                        self.tell(&pending, &objects, said).await;
                    }
                }
            }
        }
    }

    /// A pause before the next try, unless the time is over.
    async fn pause(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
    ) -> Result<(), ClusterError> {
        if self.waiting.deadline.is_over() {
            return Err(self.too_late(pending, objects).await);
        }
        tokio::time::sleep_until(self.waiting.deadline.or(Instant::now() + PAUSE)).await;
        Ok(())
    }

    /// Takes note of an object's state.
    async fn take(
        &self,
        object: Value,
        pending: &mut Vec<&ObjectRef>,
        objects: &mut BTreeMap<String, Value>,
    ) -> Result<(), ClusterError> {
        let name = text(&object, &["metadata", "name"]).to_owned();
        let Some(reference) = pending
            .iter()
            .copied()
            .find(|reference| reference.name == name)
        else {
            return Ok(());
        };
        let now = match state(&self.kind.kind, &object) {
            State::Ready if self.to_its_end && is_running(&object) => State::NotYet,
            now => now,
        };
        match now {
            State::Ready => pending.retain(|reference| reference.name != name),
            State::NotYet => _ = objects.insert(name, object),
            State::Failed(message) => {
                let problems = self.problems(&object).await;
                let mut text = format!("{reference} failed: {message}");
                for problem in problems {
                    text = format!("{text}\n  {problem}");
                }
                return Err(ClusterError::State(text));
            }
        }
        Ok(())
    }

    /// Says what is in the way, once each.
    async fn tell(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
        said: &mut Vec<String>,
    ) {
        for reference in pending {
            let Some(object) = objects.get(&reference.name) else {
                continue;
            };
            let problems = self.problems(object).await;
            for problem in problems.iter().filter(|problem| !problem.may_pass) {
                let line = format!("waiting for {reference}: {problem}");
                if !said.contains(&line) {
                    (self.waiting.progress)(&line);
                    said.push(line);
                }
            }
        }
    }

    async fn too_late(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
    ) -> ClusterError {
        let mut text = format!("not ready after {}:", shown(self.waiting.deadline.timeout));
        for reference in pending {
            let object = objects.get(&reference.name);
            let mut lines: Vec<String> = Vec::new();
            if let Some(object) = object {
                let problems = self.problems(object).await;
                lines.extend(problems.iter().map(ToString::to_string));
                lines.extend(conditions(object));
                if lines.is_empty() && self.to_its_end && is_running(object) {
                    lines.push("it runs, and has not ended; --timeout gives it longer".to_owned());
                }
                if lines.is_empty() {
                    lines = self.unready(object).await;
                }
            }
            if lines.is_empty() {
                lines.push(format!(
                    "none of its Pods is known\n    see why: kubectl describe {} --namespace {} {}",
                    self.kind.kind.to_lowercase(),
                    reference.namespace,
                    reference.name
                ));
            }
            text = format!("{text}\n  {reference}");
            for line in lines {
                text = format!("{text}\n    {}", line.replace('\n', "\n  "));
            }
        }
        ClusterError::State(text)
    }

    /// What is wrong with the Pods of a workload; nothing where that cannot be read.
    async fn problems(&self, object: &Value) -> Vec<PodProblem> {
        let pods = self.pods(object).await;
        let mut problems: Vec<PodProblem> = pods.iter().filter_map(find_problem).collect();
        for problem in problems.iter_mut().filter(|problem| problem.is_of_image()) {
            if let Some(origin) = (self.waiting.images)(&problem.image) {
                problem.advice = format!("{origin}\n{}", problem.advice);
            }
        }
        problems
    }

    /// What a workload without troubles waits for: the Pods that are not ready, with the newest warning of each.
    async fn unready(&self, object: &Value) -> Vec<String> {
        let pods = self.pods(object).await;
        let is_ready =
            |pod: &Value| condition(pod, "Ready").is_some_and(|c| text(c, &["status"]) == "True");
        if !pods.is_empty() && pods.iter().all(is_ready) {
            return vec![
                "the Pods that there are run; the cluster has not made all of them yet, or has not taken away \
                 the old ones: --timeout gives it longer"
                    .to_owned(),
            ];
        }
        let mut lines = Vec::new();
        for pod in pods.iter().filter(|pod| !is_ready(pod)) {
            let name = text(pod, &["metadata", "name"]);
            let warning = self.cluster.warning(&POD.at(self.namespace, name)).await;
            let why = match warning {
                Some((reason, message)) => format!("{reason}: {message}"),
                None => format!("{}, without a warning so far", starting(pod)),
            };
            lines.push(format!(
                "Pod {name}: {why}\n    see more: kubectl describe pod --namespace {} {name}; \
                 --timeout gives it longer",
                self.namespace
            ));
        }
        lines
    }

    async fn pods(&self, object: &Value) -> Vec<Value> {
        if self.kind.kind == "Pod" {
            return vec![object.clone()];
        }
        let labels = selector(object);
        if labels.is_empty() {
            return Vec::new();
        }
        let listed = self.cluster.list(&POD, self.namespace, &labels).await;
        listed.map(|(pods, _)| pods).unwrap_or_default()
    }
}

/// What is said of something that is not there any more.
fn deleted(reference: &ObjectRef) -> ClusterError {
    ClusterError::State(format!(
        "{reference} was deleted while it was awaited: somebody else changes the mesh, or a Job was \
         cleaned up before it was seen to be done"
    ))
}

/// What a workload says of itself that keeps it from going on: a quota, a webhook.
fn conditions(object: &Value) -> Option<String> {
    let failure = condition(object, "ReplicaFailure")?;
    let (reason, message) = (text(failure, &["reason"]), text(failure, &["message"]));
    let advice = match message {
        quota if quota.contains("exceeded quota") => {
            "raise the quota of the namespace, or ask for less with --set"
        }
        policy if policy.contains("violates PodSecurity") => {
            "give the namespace the label pod-security.kubernetes.io/enforce=privileged"
        }
        _ => "the cluster does not let its Pods be made: ask somebody who administers it",
    };
    Some(format!("{reason}: {message}\n    {advice}"))
}

fn is_running(pod: &Value) -> bool {
    text(pod, &["status", "phase"]) == "Running"
}

/// Whether a workload has everything that it wants.
pub fn is_ready(kind: &str, object: &Value) -> bool {
    state(kind, object) == State::Ready
}

/// The state that an object is in (for Deployments as `kubectl rollout status` judges it).
fn state(kind: &str, object: &Value) -> State {
    let number = |pointer: &str| {
        let found = object.pointer(pointer).and_then(Value::as_i64);
        found.unwrap_or_default()
    };
    let wanted = object
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let is_seen = number("/status/observedGeneration") >= number("/metadata/generation");
    let is = |kind: &str| condition(object, kind).is_some_and(|c| text(c, &["status"]) == "True");
    let ready = match kind {
        "Deployment" => {
            is_seen
                && number("/status/updatedReplicas") >= wanted
                && number("/status/replicas") <= number("/status/updatedReplicas")
                && number("/status/availableReplicas") >= wanted
        }
        "StatefulSet" => {
            is_seen
                && number("/status/updatedReplicas") >= wanted
                && number("/status/readyReplicas") >= wanted
        }
        "DaemonSet" => {
            let wanted = number("/status/desiredNumberScheduled");
            is_seen
                && number("/status/updatedNumberScheduled") >= wanted
                && number("/status/numberAvailable") >= wanted
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
        false => State::NotYet,
    }
}

/// Waits until a Job has done its work.
///
/// The Job itself says so a second late; its Pods say it at once.
///
/// # Errors
/// The Job failed, or was not done in time, with the reasons.
pub async fn job(
    cluster: &Cluster,
    reference: &ObjectRef,
    object: &Value,
    waiting: Waiting<'_>,
) -> Result<(), ClusterError> {
    let whole = ready(cluster, std::slice::from_ref(reference), waiting);
    let one = |key: &str| {
        object
            .pointer(&format!("/spec/{key}"))
            .is_none_or(|n| *n == 1)
    };
    if !(one("completions") && one("parallelism")) {
        return whole.await;
    }
    // A Job that is cleaned up at once is gone by the time its Pod is seen to be done.
    tokio::select! {
        biased;
        () = pod_succeeded(cluster, reference, text(object, &["metadata", "uid"])) => Ok(()),
        done = whole => done,
    }
}

/// Ends when a Pod of the Job has ended well; never if none does.
///
/// By its uid, for Pods of an earlier Job of that name may still be there.
async fn pod_succeeded(cluster: &Cluster, job: &ObjectRef, uid: &str) {
    let labels = format!("batch.kubernetes.io/controller-uid={uid}");
    let succeeded = |pod: &Value| text(pod, &["status", "phase"]) == "Succeeded";
    loop {
        if let Ok((pods, version)) = cluster.list(&POD, &job.namespace, &labels).await {
            if pods.iter().any(succeeded) {
                return;
            }
            let (kind, namespace) = (&POD, &job.namespace);
            let watched = cluster.watch(kind, namespace, &labels, &version);
            if let Some(events) = watched.await {
                let mut events = pin!(events);
                while let Some(Ok(event)) = events.next().await {
                    match event {
                        WatchEvent::Added(pod) | WatchEvent::Modified(pod) if succeeded(&pod) => {
                            return;
                        }
                        WatchEvent::Error(_) => break,
                        _ => {}
                    }
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a namespace that goes away says of what keeps it.
fn blocking_conditions(object: &Value) -> impl Iterator<Item = &str> {
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let hold = |condition: &&Value| {
        text(condition, &["status"]) == "True"
            && text(condition, &["type"]).starts_with("Namespace")
    };
    let conditions = conditions.into_iter().flatten().filter(hold);
    conditions.map(|condition| text(condition, &["message"]))
}

/// Waits until objects that were deleted are gone.
///
/// # Errors
/// What is still there when the time is over, and what holds it.
pub async fn gone(
    cluster: &Cluster,
    mut left: Vec<ObjectRef>,
    deadline: Deadline,
) -> Result<(), ClusterError> {
    let mut pause = PAUSE / 8;
    loop {
        let mut there = Vec::new();
        for reference in left {
            if let Some(object) = cluster.get(&reference).await? {
                there.push((reference, object));
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        if deadline.is_over() {
            let lines: Vec<String> = there
                .iter()
                .map(|(reference, object)| {
                    let held = object
                        .pointer("/metadata/finalizers")
                        .and_then(Value::as_array);
                    let held: Vec<&str> = held
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect();
                    let mut line = reference.to_string();
                    if !held.is_empty() {
                        line = format!("{line}, held by its finalizers {}", held.join(", "));
                    }
                    for said in blocking_conditions(object) {
                        line = format!("{line}\n    {said}");
                    }
                    line
                })
                .collect();
            return Err(ClusterError::State(format!(
                "not gone after {}:\n  {}\n\
                 whoever set a finalizer takes it off; the same command goes on",
                shown(deadline.timeout),
                lines.join("\n  ")
            )));
        }
        left = there.into_iter().map(|(reference, _)| reference).collect();
        tokio::time::sleep(pause).await;
        pause = PAUSE.min(pause * 2);
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
            (deployment(1, 2, 2), State::NotYet),
            (deployment(2, 1, 2), State::NotYet),
            (deployment(2, 2, 1), State::NotYet),
            (job("Complete"), State::Ready),
            (job("Failed"), State::Failed("m".to_owned())),
            (job("Suspended"), State::NotYet),
            (
                json!({"kind": "Pod", "status": {"phase": "Running"}}),
                State::NotYet,
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
