//! A stand-in for the scheduler and the kubelets: it sets the status of every Pod as they would, within milliseconds.
//!
//! It runs no containers; the status comes from `pod_status`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::thread::JoinHandle;

use futures_util::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchParams,
};
use kube::core::WatchEvent;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::api::{client, runtime};
use super::pod_status::{Failure, Fate, images, restart_policy, status};

/// The node that Pods are bound to.
pub const NODE: &str = "stand-in";

enum Order {
    Fail(String, Failure),
    Heal(String),
    HealAll,
}

/// The running stand-in; it stops when this is dropped.
pub struct Kubelet {
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// Starts it for the cluster of a kubeconfig; its errors go to a log in the folder.
    pub fn start(kubeconfig: &Path, folder: &Path) -> Self {
        let (sender, orders) = unbounded_channel();
        let kubeconfig = kubeconfig.to_owned();
        let log = File::create(folder.join("kubelet.log")).unwrap();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let client = client(&kubeconfig).await;
                Worker {
                    client,
                    log,
                    rules: Vec::new(),
                    pods: BTreeMap::new(),
                    said: BTreeMap::new(),
                }
                .work(orders)
                .await;
            });
        });
        Self {
            orders: Some(sender),
            thread: Some(thread),
        }
    }

    /// Makes Pods fail whose names contain `matching`, new ones as well as those that exist.
    pub fn fail(&self, matching: &str, failure: Failure) {
        self.order(Order::Fail(matching.to_owned(), failure));
    }

    /// Undoes [`Self::fail`] for the same `matching`. Pods that have ended stay as they are.
    pub fn heal(&self, matching: &str) {
        self.order(Order::Heal(matching.to_owned()));
    }

    /// Undoes every [`Self::fail`].
    pub fn heal_all(&self) {
        self.order(Order::HealAll);
    }

    fn order(&self, order: Order) {
        let sent = self.orders.as_ref().map(|orders| orders.send(order));
        assert!(matches!(sent, Some(Ok(()))), "the stand-in kubelet is gone");
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    client: Client,
    log: File,
    /// Parts of Pod names with their failures; the last match counts.
    rules: Vec<(String, Failure)>,
    /// All Pods, by uid.
    pods: BTreeMap<String, Pod>,
    /// The last reported state of each Pod, by uid, so that nothing is reported twice.
    said: BTreeMap<String, (Fate, Vec<String>)>,
}

/// Why a watch ended.
enum End {
    /// The stand-in was dropped.
    Stopped,
    /// The Pods must be listed again.
    Stale,
}

impl Worker {
    /// Lists and watches Pods until the stand-in is dropped.
    async fn work(mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            match self.watch(&mut orders).await {
                Ok(End::Stopped) => return,
                Ok(End::Stale) => {}
                Err(error) => {
                    self.note("watch", &error);
                    if orders.is_closed() {
                        return;
                    }
                    tokio::time::sleep(super::timing::SHORTLY).await;
                }
            }
        }
    }

    async fn watch(&mut self, orders: &mut UnboundedReceiver<Order>) -> kube::Result<End> {
        let all: Api<Pod> = Api::all(self.client.clone());
        let list = all.list(&ListParams::default()).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        self.pods = list
            .items
            .into_iter()
            .map(|pod| (pod.uid().unwrap_or_default(), pod))
            .collect();
        self.attend_all().await;
        let events = all.watch(&WatchParams::default(), &version).await?;
        let mut events = std::pin::pin!(events);
        loop {
            // Orders first: they apply to every Pod that is created after them.
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => return Ok(End::Stopped),
                    Some(order) => {
                        self.obey(order);
                        self.attend_all().await;
                    }
                },
                event = events.try_next() => match event? {
                    Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => {
                        self.attend(&pod).await;
                        self.pods.insert(pod.uid().unwrap_or_default(), pod);
                    }
                    Some(WatchEvent::Deleted(pod)) => {
                        let uid = pod.uid().unwrap_or_default();
                        self.pods.remove(&uid);
                        self.said.remove(&uid);
                    }
                    Some(WatchEvent::Bookmark(_)) => {}
                    Some(WatchEvent::Error(_)) | None => return Ok(End::Stale),
                },
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Fail(matching, failure) => self.rules.push((matching, failure)),
            Order::Heal(matching) => self.rules.retain(|(text, _)| *text != matching),
            Order::HealAll => self.rules.clear(),
        }
    }

    async fn attend_all(&mut self) {
        for pod in self.pods.clone().values() {
            self.attend(pod).await;
        }
    }

    /// Performs the next step for a Pod, if there is one; the result arrives as an event.
    async fn attend(&mut self, pod: &Pod) {
        match self.next_step(pod).await {
            Ok(()) => {}
            // Another client was faster; its change arrives as an event.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => self.note(&pod.name_any(), &error),
        }
    }

    async fn next_step(&mut self, pod: &Pod) -> kube::Result<()> {
        let name = pod.name_any();
        let uid = pod.uid().unwrap_or_default();
        let api: Api<Pod> = Api::namespaced(
            self.client.clone(),
            pod.namespace().as_deref().unwrap_or("default"),
        );
        if pod.metadata.deletion_timestamp.is_some() {
            // If its grace period is over, it waits for a finalizer.
            if pod.metadata.deletion_grace_period_seconds != Some(0) {
                let now = DeleteParams::default()
                    .grace_period(0)
                    .preconditions(Preconditions {
                        uid: Some(uid),
                        resource_version: None,
                    });
                api.delete(&name, &now).await?;
            }
            return Ok(());
        }
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return Ok(());
        }
        let fate = self.fate(pod);
        let bound = (pod.spec.as_ref()).is_some_and(|spec| spec.node_name.is_some());
        if !bound && fate != Fate::Fails(Failure::Unschedulable) {
            let binding = json!({
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": { "name": name, "uid": uid },
                "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
            });
            let _: Value = api
                .create_subresource("binding", &name, &PostParams::default(), &binding)
                .await?;
            return Ok(());
        }
        let said = (fate, images(pod));
        if self.said.get(&uid) == Some(&said) {
            return Ok(());
        }
        // With its version, because the status counts earlier restarts.
        let status = json!({
            "metadata": { "resourceVersion": pod.resource_version() },
            "status": status(pod, fate),
        });
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status))
            .await?;
        if fate == Fate::Fails(Failure::Mount) {
            self.warn(pod).await?;
        }
        self.said.insert(uid, said);
        Ok(())
    }

    /// Creates the event for a volume that cannot be mounted.
    async fn warn(&self, pod: &Pod) -> kube::Result<()> {
        let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "generateName": format!("{name}."), "namespace": namespace },
            "involvedObject": {
                "apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace, "uid": pod.uid(),
            },
            "type": "Warning",
            "reason": "FailedMount",
            "message": "MountVolume.SetUp failed for volume \"config\" : configmap \"missing\" not found",
            "source": { "component": "kubelet" },
            "lastTimestamp": k8s_openapi::jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let (code, said) = super::api::request(&self.client, "POST", &path, Some(&event)).await?;
        assert!(code < 300, "cannot create an event: {said}");
        Ok(())
    }

    fn fate(&self, pod: &Pod) -> Fate {
        let name = pod.name_any();
        let bound = (pod.spec.as_ref()).is_some_and(|spec| spec.node_name.is_some());
        let failure = self
            .rules
            .iter()
            .rev()
            .find(|(matching, _)| name.contains(matching.as_str()))
            .map(|(_, failure)| *failure)
            .filter(|failure| !bound || *failure != Failure::Unschedulable);
        match failure {
            Some(failure) => Fate::Fails(failure),
            None if restart_policy(pod) == "Always" => Fate::Runs,
            None => Fate::Succeeds,
        }
    }

    fn note(&mut self, what: &str, error: &kube::Error) {
        let _ = writeln!(self.log, "{what}: {error}");
    }
}
