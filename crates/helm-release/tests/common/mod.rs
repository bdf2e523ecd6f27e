//! What all tests use: a cluster, charts that are written for one test, and short ways to install and to look.

use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helm_chart::Chart;
use helm_release::client::Client;
use helm_release::release::{Record, history};
use helm_release::rollout::{Cleanup, Event, RemovalOptions, RolloutOptions};
use helm_release::{ChartRelease, Error, uninstall};
use serde_json::{Value, json};
use test_cluster::{Cluster, Lease};
use tokio::runtime::Runtime;

/// The namespace of the releases.
pub const NAMESPACE: &str = "default";
/// No installation, upgrade or removal takes longer.
pub const BOUND: Duration = Duration::from_mins(1);

/// A cluster with a client for it.
pub struct World {
    pub client: Client,
    /// What was reported, in this order.
    pub events: RefCell<Vec<String>>,
    cluster: Lease,
    runtime: Runtime,
}

impl Deref for World {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl World {
    /// Takes a cluster in which nothing is installed.
    pub fn start() -> World {
        let cluster = Cluster::start();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = connect(&runtime, cluster.kubeconfig());
        World {
            client,
            events: RefCell::default(),
            cluster,
            runtime,
        }
    }

    /// Connects with another kubeconfig.
    pub fn connect(&self, kubeconfig: &Path) -> Client {
        connect(&self.runtime, kubeconfig)
    }

    /// Waits for a future.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Writes a chart with these templates, which are JSON and therefore YAML, and returns its folder.
    pub fn chart_folder(&self, name: &str, objects: &[Value]) -> PathBuf {
        let folder = self.folder().join(name);
        // An earlier version of the chart.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("templates")).unwrap();
        let metadata =
            json!({"apiVersion": "v2", "name": "web", "version": "1.0.0", "appVersion": "2.0"});
        std::fs::write(folder.join("Chart.yaml"), metadata.to_string()).unwrap();
        std::fs::write(folder.join("values.yaml"), "color: red\n").unwrap();
        for (i, object) in objects.iter().enumerate() {
            let path = folder.join(format!("templates/{i}.yaml"));
            std::fs::write(path, object.to_string()).unwrap();
        }
        folder
    }

    /// Loads a chart with these templates.
    pub fn chart(&self, objects: &[Value]) -> Chart {
        Chart::load(self.chart_folder("chart", objects)).unwrap()
    }

    /// Installs a chart as the release `web`.
    pub fn install(&self, chart: &Chart) -> Result<i64, Error> {
        self.block_on(release(chart).install(&self.client, &|event| self.note(&event)))
    }

    /// Upgrades the release `web`.
    pub fn upgrade(&self, chart: &Chart) -> Result<i64, Error> {
        self.block_on(release(chart).upgrade(&self.client, &|event| self.note(&event)))
    }

    /// Removes the release `web`.
    pub fn uninstall(&self) -> Result<Cleanup, Error> {
        let options = RemovalOptions {
            timeout: BOUND,
            ..RemovalOptions::default()
        };
        let progress = |event: Event<'_>| self.note(&event);
        self.block_on(uninstall(
            &self.client,
            "web",
            NAMESPACE,
            options,
            &progress,
        ))
    }

    /// Takes note of an event.
    pub fn note(&self, event: &Event<'_>) {
        self.events.borrow_mut().push(event.to_string());
    }

    /// Takes the events that were reported so far.
    pub fn take_events(&self) -> Vec<String> {
        self.events.take()
    }

    /// Reads the records of the release `web`.
    pub fn records(&self) -> Vec<Record> {
        self.block_on(history(&self.client, "web", NAMESPACE))
            .unwrap()
    }

    /// Reads the revisions of the release `web`, each with its status.
    pub fn revisions(&self) -> Vec<(i64, String)> {
        let records = self.records();
        let pair = |record: &Record| (record.revision(), record.status_text().to_owned());
        records.iter().map(pair).collect()
    }

    /// Reads a `ConfigMap`, if it exists.
    pub fn config_map(&self, name: &str) -> Option<Value> {
        self.get(&format!("{CONFIG_MAPS}/{name}"))
    }

    /// Runs helm, which must succeed, and reads the JSON that it prints.
    pub fn helm_json(&self, args: &[&str]) -> Value {
        let output = self.helm(&[args, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&output).unwrap()
    }
}

/// The path of the `ConfigMaps`.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn connect(runtime: &Runtime, kubeconfig: &Path) -> Client {
    let builder = Client::builder("tests").kubeconfig(Some(kubeconfig.to_owned()));
    runtime.block_on(builder.connect()).unwrap()
}

/// The release `web` of a chart.
pub fn release(chart: &Chart) -> ChartRelease<'_> {
    ChartRelease::new(chart, "web", NAMESPACE).options(RolloutOptions {
        timeout: BOUND,
        ..RolloutOptions::default()
    })
}

/// A `ConfigMap`.
pub fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A Deployment with one Pod.
pub fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": format!("registry.test/{name}:1")}]},
            },
        },
    })
}

/// A Job that is a hook, with these annotations under `helm.sh/`.
pub fn hook_job(name: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations: serde_json::Map<String, Value> = annotations
        .iter()
        .map(|(key, value)| (format!("helm.sh/{key}"), json!(value)))
        .collect();
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.test/hook:1"}],
        }}},
    })
}
