//! Waits until workloads are ready and Jobs are complete.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::deadline::Deadline;
use super::error::{NotReadyReason, UnreadyObject, WaitError};
use super::pod_problem::{PodProblem, find_problem, starting_state};
use super::state::{State, is_awaited, is_running, state};
use crate::client::resource::POD;
use crate::client::watch::WatchEvent;
use crate::client::{ApiResource, Client, ObjectRef};
use crate::fields::{condition, has_condition, selector, text};

/// How often the Pods of what is not ready are inspected.
const INSPECT: Duration = Duration::from_secs(2);
/// The pause after a watch that broke.
const PAUSE: Duration = Duration::from_millis(200);

/// Until when something is awaited, and where problems are reported meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Waiting<'w> {
    /// When to give up.
    pub deadline: Deadline,
    /// Called once for each problem of the Pods of an object.
    pub on_problem: &'w dyn Fn(&ObjectRef, &PodProblem),
}

/// Waits until all of these are ready: Deployments, `StatefulSets`, `DaemonSets`, Jobs and Pods; objects of other kinds
/// are ready at once.
///
/// # Errors
/// One of them failed, or was not ready in time.
pub(crate) async fn ready(
    client: &Client,
    references: &[ObjectRef],
    waiting: Waiting<'_>,
) -> Result<(), WaitError> {
    let mut pending: Vec<&ObjectRef> = references
        .iter()
        .filter(|reference| is_awaited(&reference.resource))
        .collect();
    let mut reported = Vec::new();
    while let Some(first) = pending.first() {
        let (resource, namespace) = (first.resource.clone(), first.namespace.clone());
        let is_in_group = |r: &&ObjectRef| r.resource == resource && r.namespace == namespace;
        let group: Vec<&ObjectRef> = pending.iter().copied().filter(is_in_group).collect();
        Group {
            client,
            resource: &resource,
            namespace: &namespace,
            waiting,
            to_completion: false,
        }
        .ready(group, &mut reported)
        .await?;
        pending.retain(|reference| !is_in_group(reference));
    }
    Ok(())
}

/// Waits until a Pod has succeeded; that it runs is not enough.
///
/// # Errors
/// The Pod failed, or did not end in time.
pub(crate) async fn pod(
    client: &Client,
    reference: &ObjectRef,
    waiting: Waiting<'_>,
) -> Result<(), WaitError> {
    let group = Group {
        client,
        resource: &reference.resource,
        namespace: &reference.namespace,
        waiting,
        to_completion: true,
    };
    group.ready(vec![reference], &mut Vec::new()).await
}

/// Waits until a Job is complete.
///
/// The status of the Job follows about a second after its Pod has succeeded, so the Pod is watched, too.
///
/// # Errors
/// The Job failed, or was not complete in time.
pub(crate) async fn job(
    client: &Client,
    reference: &ObjectRef,
    object: &Value,
    waiting: Waiting<'_>,
) -> Result<(), WaitError> {
    let whole = ready(client, std::slice::from_ref(reference), waiting);
    let one = |key: &str| {
        object
            .pointer(&format!("/spec/{key}"))
            .is_none_or(|n| *n == 1)
    };
    if !(one("completions") && one("parallelism")) {
        return whole.await;
    }
    // A Job that is cleaned up at once may be gone when its Pod is seen to have succeeded.
    tokio::select! {
        biased;
        () = pod_succeeded(client, reference, text(object, &["metadata", "uid"])) => Ok(()),
        done = whole => done,
    }
}

/// Returns when a Pod of the Job has succeeded; never if none does.
///
/// The Job is identified by its uid: Pods of an earlier Job of that name may still exist.
async fn pod_succeeded(client: &Client, job: &ObjectRef, uid: &str) {
    let labels = format!("batch.kubernetes.io/controller-uid={uid}");
    let succeeded = |pod: &Value| text(pod, &["status", "phase"]) == "Succeeded";
    loop {
        if let Ok((pods, version)) = client.list_to_watch(&POD, &job.namespace, &labels).await {
            if pods.iter().any(succeeded) {
                return;
            }
            let pods = &POD;
            let watched = client.watch(pods, &job.namespace, &labels, &version);
            if let Some(events) = watched.await {
                let mut events = pin!(events);
                while let Some(Ok(event)) = events.next().await {
                    match event {
                        WatchEvent::Added(pod) | WatchEvent::Modified(pod) if succeeded(&pod) => {
                            return;
                        }
                        WatchEvent::Error => break,
                        _ => {}
                    }
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The objects of one kind in one namespace.
struct Group<'g> {
    client: &'g Client,
    resource: &'g ApiResource,
    namespace: &'g str,
    waiting: Waiting<'g>,
    /// Whether a Pod is ready when it has succeeded, not when it runs.
    to_completion: bool,
}

impl Group<'_> {
    async fn ready(
        &self,
        mut pending: Vec<&ObjectRef>,
        reported: &mut Vec<(ObjectRef, PodProblem)>,
    ) -> Result<(), WaitError> {
        let mut objects: BTreeMap<String, Value> = BTreeMap::new();
        loop {
            let (resource, namespace) = (self.resource, self.namespace);
            let listed = self.client.list_to_watch(resource, namespace, "");
            let (items, version) = listed.await?;
            let exists = |reference: &ObjectRef| {
                let mut names = items.iter().map(|item| text(item, &["metadata", "name"]));
                names.any(|name| name == reference.name)
            };
            if let Some(&deleted) = pending.iter().find(|reference| !exists(reference)) {
                return Err(WaitError::Deleted {
                    object: Box::new(deleted.clone()),
                });
            }
            for item in items {
                self.update(item, &mut pending, &mut objects).await?;
            }
            if pending.is_empty() {
                return Ok(());
            }
            let watched = self.client.watch(resource, namespace, "", &version);
            let Some(events) = watched.await else {
                self.pause(&pending, &objects).await?;
                continue;
            };
            let mut events = pin!(events);
            let mut inspect_at = Instant::now() + INSPECT;
            loop {
                let until = self.waiting.deadline.or(inspect_at);
                match tokio::time::timeout_at(until, events.next()).await {
                    Ok(Some(Ok(WatchEvent::Added(item) | WatchEvent::Modified(item)))) => {
                        self.update(item, &mut pending, &mut objects).await?;
                        if pending.is_empty() {
                            return Ok(());
                        }
                    }
                    Ok(Some(Ok(WatchEvent::Bookmark))) => {}
                    // An object was deleted, or the watch ended or is too old: list again.
                    Ok(_) => {
                        self.pause(&pending, &objects).await?;
                        break;
                    }
                    Err(_) if self.waiting.deadline.is_over() => {
                        return Err(self.not_ready(&pending, &objects).await);
                    }
                    Err(_) => {
                        inspect_at = Instant::now() + INSPECT;
                        self.report_problems(&pending, &objects, reported).await;
                    }
                }
            }
        }
    }

    /// Pauses before the next attempt.
    ///
    /// # Errors
    /// The time is over.
    async fn pause(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
    ) -> Result<(), WaitError> {
        if self.waiting.deadline.is_over() {
            return Err(self.not_ready(pending, objects).await);
        }
        tokio::time::sleep_until(self.waiting.deadline.or(Instant::now() + PAUSE)).await;
        Ok(())
    }

    /// Records the state of an object; it is no longer pending if it is ready.
    async fn update(
        &self,
        object: Value,
        pending: &mut Vec<&ObjectRef>,
        objects: &mut BTreeMap<String, Value>,
    ) -> Result<(), WaitError> {
        let name = text(&object, &["metadata", "name"]).to_owned();
        let Some(reference) = pending.iter().copied().find(|r| r.name == name) else {
            return Ok(());
        };
        let state = match state(&self.resource.kind, &object) {
            State::Ready if self.to_completion && is_running(&object) => State::NotReady,
            state => state,
        };
        match state {
            State::Ready => pending.retain(|reference| reference.name != name),
            State::NotReady => _ = objects.insert(name, object),
            State::Failed(message) => {
                return Err(WaitError::Failed {
                    object: Box::new(reference.clone()),
                    message,
                    problems: self.problems(&object).await,
                });
            }
        }
        Ok(())
    }

    /// Reports problems of Pods, each once.
    async fn report_problems(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
        reported: &mut Vec<(ObjectRef, PodProblem)>,
    ) {
        for &reference in pending {
            let Some(object) = objects.get(&reference.name) else {
                continue;
            };
            for problem in self.problems(object).await {
                let report = (reference.clone(), problem);
                if !report.1.may_pass && !reported.contains(&report) {
                    (self.waiting.on_problem)(&report.0, &report.1);
                    reported.push(report);
                }
            }
        }
    }

    async fn not_ready(
        &self,
        pending: &[&ObjectRef],
        objects: &BTreeMap<String, Value>,
    ) -> WaitError {
        let mut unready = Vec::new();
        for &reference in pending {
            let mut reasons = match objects.get(&reference.name) {
                Some(object) => self.reasons(object).await,
                None => Vec::new(),
            };
            if reasons.is_empty() {
                reasons.push(NotReadyReason::NoPods(reference.clone()));
            }
            unready.push(UnreadyObject {
                object: reference.clone(),
                reasons,
            });
        }
        WaitError::NotReady {
            timeout: self.waiting.deadline.timeout(),
            objects: unready,
        }
    }

    async fn reasons(&self, object: &Value) -> Vec<NotReadyReason> {
        let problems = self.problems(object).await;
        let mut reasons: Vec<NotReadyReason> =
            problems.into_iter().map(NotReadyReason::Pod).collect();
        if let Some(failure) = condition(object, "ReplicaFailure") {
            reasons.push(NotReadyReason::CreationRefused {
                reason: text(failure, &["reason"]).to_owned(),
                message: text(failure, &["message"]).to_owned(),
            });
        }
        if reasons.is_empty() && self.to_completion && is_running(object) {
            reasons.push(NotReadyReason::StillRunning);
        }
        if reasons.is_empty() {
            reasons = self.starting_pods(object).await;
        }
        reasons
    }

    /// Finds what is wrong with the Pods of a workload; nothing if the Pods cannot be read.
    async fn problems(&self, object: &Value) -> Vec<PodProblem> {
        self.pods(object)
            .await
            .iter()
            .filter_map(find_problem)
            .collect()
    }

    /// Describes what a workload without problems waits for: the Pods that are not ready, with the newest warning of
    /// each.
    async fn starting_pods(&self, object: &Value) -> Vec<NotReadyReason> {
        let pods = self.pods(object).await;
        let is_ready = |pod: &Value| has_condition(pod, "Ready");
        if !pods.is_empty() && pods.iter().all(is_ready) {
            return vec![NotReadyReason::PodsOutstanding];
        }
        let mut reasons = Vec::new();
        for pod in pods.iter().filter(|pod| !is_ready(pod)) {
            let name = text(pod, &["metadata", "name"]);
            let reference = POD.at(self.namespace, name);
            reasons.push(NotReadyReason::PodStarting {
                pod: name.to_owned(),
                namespace: self.namespace.to_owned(),
                warning: self.client.newest_warning(&reference).await,
                state: starting_state(pod).to_owned(),
            });
        }
        reasons
    }

    async fn pods(&self, object: &Value) -> Vec<Value> {
        if self.resource.kind == "Pod" {
            return vec![object.clone()];
        }
        let labels = selector(object);
        if labels.is_empty() {
            return Vec::new();
        }
        let listed = self.client.list(&POD, self.namespace, &labels).await;
        listed.unwrap_or_default()
    }
}
