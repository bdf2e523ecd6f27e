//! A cluster on which the tests run `osm`, and what they know of the mesh.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
pub use test_cluster::{
    Failure, Fault, Faults, Folder, Kubelet, PATIENCE, Process, Proxy, SHORTLY, base64,
};

use super::{Output, osm, run};

/// A running cluster for one test; see [`test_cluster::Cluster`].
pub struct Cluster {
    lease: test_cluster::Lease,
}

impl Deref for Cluster {
    type Target = test_cluster::Lease;

    fn deref(&self) -> &test_cluster::Lease {
        &self.lease
    }
}

impl Cluster {
    /// Returns a cluster that is as a new one is.
    pub fn start() -> Self {
        let lease = test_cluster::Cluster::start();
        Self { lease }
    }

    /// See [`test_cluster::Cluster::until`].
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        self.lease.until(what, |_| look(self))
    }

    /// Runs `osm` against the cluster.
    pub fn osm<S: AsRef<str>>(&self, args: &[S]) -> Output {
        self.osm_with(self.kubeconfig(), args)
    }

    /// Runs `osm` against the cluster with a string on its standard input.
    pub fn osm_with_input<S: AsRef<str>>(&self, args: &[S], stdin: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_osm"));
        run(&mut self.command(program, self.kubeconfig(), args), stdin)
    }

    /// Runs `osm` against the cluster with a kubeconfig of [`Self::kubeconfig_for`].
    pub fn osm_with<S: AsRef<str>>(&self, kubeconfig: &Path, args: &[S]) -> Output {
        self.run(Path::new(env!("CARGO_BIN_EXE_osm")), kubeconfig, args)
    }

    /// Starts `osm` against the cluster with a kubeconfig, and does not wait for it.
    pub fn osm_started<S: AsRef<str>>(&self, kubeconfig: &Path, args: &[S]) -> Child {
        let program = Path::new(env!("CARGO_BIN_EXE_osm"));
        self.command(program, kubeconfig, args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A Deployment of the control plane, if it is there.
    #[track_caller]
    pub fn deployment(&self, name: &str) -> Option<Value> {
        self.get(&format!(
            "/apis/apps/v1/namespaces/osm-system/deployments/{name}"
        ))
    }

    /// How many Pods a Deployment of the control plane is to have.
    #[track_caller]
    pub fn replicas(&self, deployment: &str) -> Value {
        let found = self.deployment(deployment);
        found.expect("the Deployment")["spec"]["replicas"].clone()
    }

    /// Runs `osm`, which has to succeed, and reads the JSON that it prints.
    #[track_caller]
    pub fn osm_json<S: AsRef<str>>(&self, args: &[S]) -> Value {
        serde_json::from_str(&self.osm(args).ok()).unwrap()
    }

    /// Runs helm for the release `osm`, which has to succeed: a command, and what follows the name.
    #[track_caller]
    pub fn helm_release(&self, command: &[&str], more: &[&str]) -> String {
        let release = ["osm", "--namespace", "osm-system"];
        self.helm(&[command, &release, more].concat()).ok()
    }

    /// A values file with the pins of the default release, for helm.
    pub fn pins(&self) -> String {
        let path = self.folder().join("pins.yaml");
        let images = osm(&["images", "list", "-o", "helm-values"]).ok();
        std::fs::write(&path, images).unwrap();
        path.display().to_string()
    }

    /// Installs a chart with helm as the release `name` in the mesh's namespace, with the pins.
    pub fn helm_install(&self, name: &str, chart: &str) {
        self.helm_install_with(name, chart, &[]);
    }

    /// As [`Self::helm_install`], with more flags.
    pub fn helm_install_with(&self, name: &str, chart: &str, more: &[&str]) {
        let pins = self.pins();
        let namespace = ["--namespace", "osm-system", "--create-namespace"];
        let wait = ["--values", &pins, "--wait", "--timeout", "60s"];
        self.helm(&[&["install", name, chart], &namespace[..], &wait, more].concat())
            .ok();
    }

    /// Creates the webhooks of the mesh as its control plane does when it starts.
    pub fn create_webhooks(&self) {
        for (kind, app) in [
            ("mutating", "osm-injector"),
            ("validating", "osm-controller"),
        ] {
            self.post(
                &format!("/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"),
                &json!({
                    "metadata": {"name": app, "labels": {"app.kubernetes.io/instance": "osm", "app": app}},
                    "webhooks": [{
                        "name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                        "clientConfig": {"url": "https://127.0.0.1/", "caBundle": "LS0tLS1CRUdJTg=="},
                    }],
                }),
            );
        }
    }

    /// Removes the mesh and its namespace with osm, and awaits that the objects are those of before.
    #[track_caller]
    pub fn uninstall(&self, before: &BTreeMap<String, Value>) {
        self.osm(&["uninstall", "mesh", "--force", "--delete-namespace"])
            .ok();
        self.await_objects(before);
    }
}
