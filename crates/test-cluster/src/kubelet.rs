//! A stand-in for the scheduler and the kubelets: it sets the status of every Pod as they would, within milliseconds.
//!
//! It runs no containers; the status comes from `pod_status`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::api::{Client, Failed, client, request, runtime, watch};
use super::pod_status::{Failure, Fate, images, restart_policy, status, text};
use super::timing::now;

/// The node that Pods are bound to.
pub const NODE: &str = "stand-in";
/// The path of all Pods.
const PODS: &str = "/api/v1/pods";

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
                let client = client(&kubeconfig);
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
    pods: BTreeMap<String, Value>,
    /// The last reported state of each Pod, by uid, so that nothing is reported twice.
    said: BTreeMap<String, (Fate, Vec<String>)>,
}

fn uid(pod: &Value) -> String {
    text(pod, "/metadata/uid").to_owned()
}

fn is_bound(pod: &Value) -> bool {
    !text(pod, "/spec/nodeName").is_empty()
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

    async fn watch(&mut self, orders: &mut UnboundedReceiver<Order>) -> Result<End, Failed> {
        let mut list = self.send("GET", PODS, None).await?;
        let version = text(&list, "/metadata/resourceVersion").to_owned();
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        self.pods = items.into_iter().map(|pod| (uid(&pod), pod)).collect();
        self.attend_all().await;
        let path = format!("{PODS}?watch=true&resourceVersion={version}&timeoutSeconds=290");
        let mut events = watch(&self.client, &path).await?;
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
                event = events.next() => {
                    let Some(mut event) = event? else { return Ok(End::Stale) };
                    let pod = event["object"].take();
                    match text(&event, "/type") {
                        "ADDED" | "MODIFIED" => {
                            self.attend(&pod).await;
                            self.pods.insert(uid(&pod), pod);
                        }
                        "DELETED" => {
                            self.pods.remove(&uid(&pod));
                            self.said.remove(&uid(&pod));
                        }
                        _ => return Ok(End::Stale),
                    }
                }
            }
        }
    }

    /// Sends a request that has to succeed.
    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
        match request(&self.client, method, path, body).await? {
            (200, answer) => Ok(answer),
            (code, answer) => Err(Failed::Refused(code, answer)),
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
    async fn attend(&mut self, pod: &Value) {
        match self.next_step(pod).await {
            Ok(()) => {}
            // Another client was faster; its change arrives as an event.
            Err(Failed::Refused(404 | 409, _)) => {}
            Err(error) => self.note(text(pod, "/metadata/name"), &error),
        }
    }

    async fn next_step(&mut self, pod: &Value) -> Result<(), Failed> {
        let (name, uid) = (text(pod, "/metadata/name"), uid(pod));
        let namespace = text(pod, "/metadata/namespace");
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            // If its grace period is over, it waits for a finalizer.
            if pod["metadata"]["deletionGracePeriodSeconds"] != 0 {
                let now = json!({
                    "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
                    "preconditions": {"uid": uid},
                });
                self.send("DELETE", &path, Some(&now)).await?;
            }
            return Ok(());
        }
        if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            return Ok(());
        }
        let fate = self.fate(pod);
        if !is_bound(pod) && fate != Fate::Fails(Failure::Unschedulable) {
            let binding = json!({
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": { "name": name, "uid": uid },
                "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
            });
            let path = format!("{path}/binding");
            self.send("POST", &path, Some(&binding)).await?;
            return Ok(());
        }
        let said = (fate, images(pod));
        if self.said.get(&uid) == Some(&said) {
            return Ok(());
        }
        // With its version, because the status counts earlier restarts.
        let status = json!({
            "metadata": { "resourceVersion": pod["metadata"]["resourceVersion"] },
            "status": status(pod, fate),
        });
        let path = format!("{path}/status");
        self.send("PATCH", &path, Some(&status)).await?;
        if fate == Fate::Fails(Failure::Mount) {
            self.warn(pod).await?;
        }
        self.said.insert(uid, said);
        Ok(())
    }

    /// Creates the event for a volume that cannot be mounted.
    async fn warn(&self, pod: &Value) -> Result<(), Failed> {
        let name = text(pod, "/metadata/name");
        let namespace = text(pod, "/metadata/namespace");
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "generateName": format!("{name}."), "namespace": namespace },
            "involvedObject": {
                "apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace, "uid": uid(pod),
            },
            "type": "Warning",
            "reason": "FailedMount",
            "message": "MountVolume.SetUp failed for volume \"config\" : configmap \"missing\" not found",
            "source": { "component": "kubelet" },
            "lastTimestamp": now(),
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        self.send("POST", &path, Some(&event)).await?;
        Ok(())
    }

    fn fate(&self, pod: &Value) -> Fate {
        let (name, bound) = (text(pod, "/metadata/name"), is_bound(pod));
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

    fn note(&mut self, what: &str, error: &Failed) {
        let _ = writeln!(self.log, "{what}: {error}");
    }
}
