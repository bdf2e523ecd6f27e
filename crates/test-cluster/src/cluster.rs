//! Starts a cluster, and gives tests access to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::api::{Client, certificate_user, client, kubeconfig, request, runtime, token_user};
use super::certificates::{self, Authority, key_pair};
use super::kubelet::{Kubelet, NODE};
use super::objects::{first_difference, has_default_objects, objects};
use super::processes::{Folder, GO_COLLECTOR, Process, free_ports};
use super::programs::{Output, run};
use super::proxy::{Faults, Proxy};
use super::timing::{PATIENCE, SHORTLY};

/// The timeout for a request to a server that is starting.
const ANSWER: Duration = Duration::from_secs(2);
/// Number of attempts to start a cluster, each on other ports, if another process has taken a port.
const ATTEMPTS: usize = 3;
/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// A running cluster; dropping it stops it. Tests get one through a [`crate::Lease`].
///
/// The fields are dropped in their order.
pub struct Cluster {
    kubelet: Kubelet,
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    processes: Vec<Process>,
    authority: Authority,
    url: String,
    kubeconfig: PathBuf,
    /// A folder inside `processes_folder` that is emptied between tests.
    folder: PathBuf,
    processes_folder: Folder,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready.
    pub(crate) fn start_new() -> Self {
        let mut attempt = 1;
        loop {
            match Self::attempt() {
                Ok(cluster) => return cluster,
                // Another process took a port after it was found to be free.
                Err(why) if attempt < ATTEMPTS && why.contains("address already in use") => {
                    attempt += 1;
                }
                Err(why) => panic!("cannot start a cluster: {why}"),
            }
        }
    }

    fn attempt() -> Result<Self, String> {
        let folder = Folder::create();
        let path = |name: &str| folder.path().join(name);
        let file = |name: &str, text: &str| {
            std::fs::write(path(name), text).unwrap();
            path(name).display().to_string()
        };
        let [etcd, peers, server] = free_ports();
        let etcd_url = format!("http://127.0.0.1:{etcd}");
        let peers_url = format!("http://127.0.0.1:{peers}");
        let url = format!("https://127.0.0.1:{server}");

        let authority = Authority::new();
        let authority_file = file("authority.pem", authority.certificate());
        let serving = authority.server("kube-apiserver", &[]);
        let (accounts_key, accounts_public) = key_pair();
        let accounts_key = file("accounts.key", &accounts_key);
        let accounts_public = file("accounts.pub", &accounts_public);
        // No certificate: the API server would verify its chain for each request.
        let token = certificates::token();
        let tokens = file(
            "tokens.csv",
            &format!("{token},admin,admin,system:masters\n"),
        );
        let admin = kubeconfig(&authority, &url, &token_user(&token), &json!({}));
        let kubeconfig = PathBuf::from(file("kubeconfig", &admin));
        std::fs::create_dir_all(path("test/home")).unwrap();

        let mut processes = Vec::new();
        let start = |name: &str, variable: &str, arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|s| (*s).to_owned()).collect();
            Process::start(name, &part(variable), &arguments, folder.path())
        };
        processes.push(start(
            "etcd",
            "OSM_TEST_ETCD",
            &[
                &format!("--data-dir={}", path("etcd").display()),
                &format!("--listen-client-urls={etcd_url}"),
                &format!("--advertise-client-urls={etcd_url}"),
                &format!("--listen-peer-urls={peers_url}"),
                &format!("--initial-advertise-peer-urls={peers_url}"),
                &format!("--initial-cluster=default={peers_url}"),
                "--unsafe-no-fsync",
                // A single member does not need a second for its election. More heartbeats would only take time.
                "--heartbeat-interval=50",
                "--election-timeout=250",
            ],
        ));
        processes.push(start(
            "kube-apiserver",
            "OSM_TEST_KUBE_APISERVER",
            &[
                &format!("--etcd-servers={etcd_url}"),
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                &format!("--secure-port={server}"),
                &format!(
                    "--tls-cert-file={}",
                    file("server.pem", &serving.certificate)
                ),
                &format!(
                    "--tls-private-key-file={}",
                    file("server.key", &serving.key)
                ),
                &format!("--client-ca-file={authority_file}"),
                &format!("--token-auth-file={tokens}"),
                "--authorization-mode=Node,RBAC",
                "--service-account-issuer=https://kubernetes.default.svc",
                &format!("--service-account-key-file={accounts_public}"),
                &format!("--service-account-signing-key-file={accounts_key}"),
                "--service-cluster-ip-range=10.0.0.0/24",
                "--endpoint-reconciler-type=none",
            ],
        ));

        let runtime = runtime();
        let client = client(&kubeconfig);
        let there = |processes: &mut Vec<Process>, path: &str| {
            await_path(&runtime, &client, processes, path)
        };
        there(&mut processes, "/readyz")?;
        // It exits if the API server is not ready within ten seconds, so it starts after it.
        processes.push(start(
            "kube-controller-manager",
            "OSM_TEST_KUBE_CONTROLLER_MANAGER",
            &[
                &format!("--kubeconfig={}", kubeconfig.display()),
                &format!("--service-account-private-key-file={accounts_key}"),
                &format!("--root-ca-file={authority_file}"),
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=1000",
                "--kube-api-burst=1000",
                // These remove Pods from Nodes without a kubelet, and this Node has none.
                "--controllers=*,-node-lifecycle-controller,-pod-garbage-collector-controller",
            ],
        ));
        // The controllers create these in every new cluster.
        for namespace in NAMESPACES {
            for object in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
                let path = format!("/api/v1/namespaces/{namespace}/{object}");
                there(&mut processes, &path)?;
            }
        }
        // The endpoints controller ignores Pods whose Node does not exist.
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
        let created = runtime.block_on(request(&client, "POST", "/api/v1/nodes", Some(&node)));
        let (code, said) = created.unwrap();
        assert!((200..300).contains(&code), "no node: {said}");
        Ok(Self {
            kubelet: Kubelet::start(&kubeconfig, folder.path()),
            client,
            runtime,
            processes: processes.into_iter().rev().collect(),
            authority,
            url,
            kubeconfig,
            folder: path("test"),
            processes_folder: folder,
        })
    }

    /// Returns the stand-in for the scheduler and the kubelets.
    pub fn kubelet(&self) -> &Kubelet {
        &self.kubelet
    }

    /// Returns the URL of the API server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a folder for one test. At the start it contains only the folder `home`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes a kubeconfig for a user who is in at most one group and has only the permissions that RBAC grants.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> PathBuf {
        let name = format!("{user}-{}", groups.join("-")).replace(['/', ':'], "_");
        let user = certificate_user(&self.authority.client(user, groups));
        self.kubeconfig_with(&name, &user, &json!({}))
    }

    /// Writes a kubeconfig for a user whose client certificate has expired.
    pub fn kubeconfig_expired(&self, user: &str) -> PathBuf {
        let expired = certificate_user(&self.authority.expired_client(user));
        self.kubeconfig_with("expired", &expired, &json!({}))
    }

    /// Writes a kubeconfig with this entry for the user, and with additional keys for the cluster.
    pub fn kubeconfig_with(&self, name: &str, user: &Value, cluster: &Value) -> PathBuf {
        let path = self.folder().join(format!("{name}.kubeconfig"));
        let text = kubeconfig(&self.authority, &self.url, user, cluster);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Returns the kubeconfig entry of a user with all permissions and a client certificate.
    pub fn admin(&self) -> Value {
        certificate_user(&self.authority.client("admin", &["system:masters"]))
    }

    /// Creates a service account in the namespace `default`, with all permissions if `is_admin`, and returns a token for it.
    pub fn token(&self, name: &str, is_admin: bool) -> String {
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        self.post(accounts, &json!({"metadata": {"name": name}}));
        if is_admin {
            self.post(
                "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                &json!({
                    "metadata": {"name": format!("{name}-admin")},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
                }),
            );
        }
        let asked = self.post(
            &format!("{accounts}/{name}/token"),
            &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}),
        );
        asked["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Runs the real helm against the cluster.
    pub fn helm<S: AsRef<str>>(&self, args: &[S]) -> Output {
        self.helm_with(&self.kubeconfig, args)
    }

    /// Runs the real helm against the cluster with a kubeconfig of [`Self::kubeconfig_for`].
    pub fn helm_with<S: AsRef<str>>(&self, kubeconfig: &Path, args: &[S]) -> Output {
        self.run(&part("OSM_TEST_HELM"), kubeconfig, args)
    }

    /// Runs the real kubectl against the cluster.
    pub fn kubectl<S: AsRef<str>>(&self, args: &[S]) -> Output {
        self.run(&part("OSM_TEST_KUBECTL"), &self.kubeconfig, args)
    }

    /// Starts a proxy in front of the API server that makes requests fail.
    pub fn proxy(&self, name: &str, faults: Faults) -> Proxy {
        let kubeconfig = self.folder().join(format!("{name}.kubeconfig"));
        Proxy::start(&self.kubeconfig, kubeconfig, faults)
    }

    /// Returns a command that runs a program against the cluster with a kubeconfig.
    pub fn command<S: AsRef<str>>(&self, program: &Path, kubeconfig: &Path, args: &[S]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args.iter().map(AsRef::as_ref))
            .env_clear()
            .env("HOME", self.folder().join("home"))
            .env("KUBECONFIG", kubeconfig)
            .env(GO_COLLECTOR.0, GO_COLLECTOR.1);
        command
    }

    /// Runs a program against the cluster with a kubeconfig, until it ends.
    pub fn run<S: AsRef<str>>(&self, program: &Path, kubeconfig: &Path, args: &[S]) -> Output {
        run(&mut self.command(program, kubeconfig, args), "")
    }

    /// Sends a request to the API server; returns the status code and the body of the response. The code of every success
    /// is 200.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.runtime
            .block_on(request(&self.client, method, path, body))
            .unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// Reads the object or list at a path of the API; `None` if it does not exist.
    #[track_caller]
    pub fn get(&self, path: &str) -> Option<Value> {
        match self.request("GET", path, None) {
            (200, value) => Some(value),
            (404, _) => None,
            (code, value) => panic!("GET {path}: {code} {value}"),
        }
    }

    /// Creates an object; the path is that of its collection.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.change("POST", path, Some(body))
    }

    /// Replaces an object.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.change("PUT", path, Some(body))
    }

    /// Changes an object with a merge patch (RFC 7386).
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Value {
        self.change("PATCH", path, Some(body))
    }

    /// Deletes an object.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Value {
        self.change("DELETE", path, None)
    }

    #[track_caller]
    fn change(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (code, value) = self.request(method, path, body);
        assert!(code < 300, "{method} {path}: {code} {value}");
        value
    }

    /// Polls until `look` returns a value, and returns it.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
            std::thread::sleep(SHORTLY);
        }
    }

    /// Reads all objects of all kinds, by `group/version/Kind/namespace/name`. The core group is empty, and so is the
    /// namespace of cluster-wide objects.
    ///
    /// Each object is listed once, in the version that the API server prefers. Objects that change by themselves are left
    /// out: events, leases, nodes and the health of components. What the controllers create in each namespace is awaited
    /// first, so that it does not appear later.
    #[track_caller]
    pub fn objects(&self) -> BTreeMap<String, Value> {
        self.until("the default objects of every namespace", |cluster| {
            let found = cluster.objects_now();
            has_default_objects(&found).then_some(found)
        })
    }

    fn objects_now(&self) -> BTreeMap<String, Value> {
        self.runtime
            .block_on(objects(&self.client))
            .unwrap_or_else(|e| panic!("cannot list all objects: {e}"))
    }

    /// Prints the ends of the logs of processes that have ended; the logs are deleted with the cluster.
    #[allow(clippy::print_stderr)]
    pub(crate) fn print_logs(mut self) {
        for process in &mut self.processes {
            if let Some(ended) = process.ended() {
                eprintln!("{ended}\n{}", process.tail());
            }
        }
        let notes = std::fs::read_to_string(self.processes_folder.path().join("kubelet.log"));
        if let Some(notes) = notes.ok().filter(|notes| !notes.is_empty()) {
            eprintln!("== what the stand-in kubelet could not do\n{notes}");
        }
    }

    /// Waits until [`Self::objects`] are these again: controllers need a moment to clean up.
    #[track_caller]
    pub fn await_objects(&self, wanted: &BTreeMap<String, Value>) {
        let start = Instant::now();
        loop {
            let Some(difference) = first_difference(wanted, &self.objects_now()) else {
                return;
            };
            assert!(start.elapsed() < PATIENCE, "{difference}");
            std::thread::sleep(SHORTLY);
        }
    }
}

/// Returns the program that an environment variable names.
fn part(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
        .into()
}

/// Waits until a path can be read.
fn await_path(
    runtime: &Runtime,
    client: &Client,
    processes: &mut [Process],
    path: &str,
) -> Result<(), String> {
    let start = Instant::now();
    loop {
        // If another process has taken the port, it may never answer.
        let answer = runtime.block_on(async {
            tokio::time::timeout(ANSWER, request(client, "GET", path, None)).await
        });
        if let Ok(Ok((200, _))) = answer {
            return Ok(());
        }
        let why = match processes.iter_mut().find_map(Process::ended) {
            Some(ended) => ended,
            None if start.elapsed() > PATIENCE => {
                format!("{path}: not there after {PATIENCE:?}: {answer:?}")
            }
            None => {
                std::thread::sleep(SHORTLY);
                continue;
            }
        };
        let tails: String = processes.iter().map(Process::tail).collect();
        return Err(format!("{why}\n{tails}"));
    }
}
