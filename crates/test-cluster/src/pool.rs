//! The clusters of a test process: limits how many run at once, and reuses one only if it is back in its initial state.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::objects::{Located, first_difference, locate_objects};
use super::timing::SHORTLY;

/// How many clusters run at once. Each takes half a gigabyte, and most of a processor while it starts. Tests mostly wait
/// for controllers, so this is more than the two processors of a CI machine.
const CLUSTERS: usize = 6;
/// How long removing the objects of a test may take; otherwise the cluster is not reused.
const CLEANUP: Duration = Duration::from_secs(20);
/// How long controllers may take to settle after the objects of a test are gone.
const SETTLED: Duration = Duration::from_secs(3);
/// API groups that extend the API. A cluster in which one of their objects changed is not reused: the API server and the
/// controllers notice such changes only seconds later.
const EXTENSIONS: [&str; 3] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
];

struct Pool {
    /// How many clusters there are, whether leased or idle.
    running: usize,
    idle: Vec<Restorable>,
}

/// A cluster with its initial state.
struct Restorable {
    cluster: Cluster,
    baseline: Baseline,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    running: 0,
    idle: Vec::new(),
});
static RETURNED: Condvar = Condvar::new();
/// How long a test may wait for a cluster of another test.
const LONGEST_TURN: Duration = Duration::from_mins(30);

fn pool() -> MutexGuard<'static, Pool> {
    // The counts are correct even after a panic.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The permission to run a cluster.
struct Permit(());

impl Drop for Permit {
    fn drop(&mut self) {
        pool().running -= 1;
        RETURNED.notify_one();
    }
}

/// A cluster for one test. When it is dropped, the pool removes what the test left and keeps the cluster for the next
/// test, or stops the cluster if it cannot be restored.
pub struct Lease {
    /// Present until this is dropped.
    pooled: Option<Restorable>,
    permit: Option<Permit>,
}

impl Cluster {
    /// Returns a cluster in its initial state: an idle one, or a new one as soon as the limit allows it.
    pub fn start() -> Lease {
        let mut pool = pool();
        loop {
            if let Some(idle) = pool.idle.pop() {
                return Lease {
                    pooled: Some(idle),
                    permit: Some(Permit(())),
                };
            }
            if pool.running < CLUSTERS {
                pool.running += 1;
                drop(pool);
                let permit = Permit(());
                let cluster = Cluster::start_new();
                let baseline = cluster.baseline();
                return Lease {
                    pooled: Some(Restorable { cluster, baseline }),
                    permit: Some(permit),
                };
            }
            let waited = RETURNED.wait_timeout(pool, LONGEST_TURN);
            let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            assert!(
                !waited.timed_out(),
                "no cluster was free within {LONGEST_TURN:?}"
            );
            pool = next;
        }
    }
}

impl Lease {
    /// Restores the initial state: removes every object and file that was added since, and heals all Pods.
    ///
    /// # Errors
    /// Describes what else has changed, or what is not gone in time.
    pub fn restore(&self) -> Result<(), String> {
        let pooled = self.pooled.as_ref().expect("a lease holds a cluster");
        pooled.cluster.restore(&pooled.baseline)
    }

    /// As [`Self::restore`], also if the API was extended. The pool does not reuse such a cluster.
    ///
    /// # Errors
    /// As [`Self::restore`].
    pub fn restore_objects(&self) -> Result<(), String> {
        let pooled = self.pooled.as_ref().expect("a lease holds a cluster");
        pooled.cluster.restore_objects(&pooled.baseline)
    }
}

impl Deref for Lease {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        let pooled = self.pooled.as_ref().expect("a lease holds a cluster");
        &pooled.cluster
    }
}

impl Drop for Lease {
    #[allow(clippy::print_stdout)]
    fn drop(&mut self) {
        let (Some(pooled), Some(permit)) = (self.pooled.take(), self.permit.take()) else {
            return;
        };
        if std::thread::panicking() {
            pooled.cluster.print_logs();
            return;
        }
        match pooled.cluster.restore(&pooled.baseline) {
            Ok(()) => {
                // The cluster still counts as running.
                std::mem::forget(permit);
                pool().idle.push(pooled);
                RETURNED.notify_one();
            }
            Err(why) => {
                println!("the cluster is not reused: {why}");
                drop(pooled);
                drop(permit);
            }
        }
    }
}

/// The initial state of a cluster.
struct Baseline {
    objects: BTreeMap<String, Value>,
    extensions: u64,
}

impl Cluster {
    /// Reads the initial state of a new cluster.
    fn baseline(&self) -> Baseline {
        Baseline {
            objects: self.objects(),
            extensions: self.extension_writes(),
        }
    }

    /// See [`Lease::restore`].
    fn restore(&self, baseline: &Baseline) -> Result<(), String> {
        if self.extension_writes() != baseline.extensions {
            return Err("its API was extended".to_owned());
        }
        self.restore_objects(baseline)
    }

    /// See [`Lease::restore_objects`].
    fn restore_objects(&self, baseline: &Baseline) -> Result<(), String> {
        self.kubelet().heal_all();
        let start = Instant::now();
        let mut seen = BTreeSet::new();
        loop {
            let located = self
                .runtime
                .block_on(locate_objects(&self.client))
                .map_err(|e| e.to_string())?;
            let is_new = |key: &String| !baseline.objects.contains_key(key);
            let occupied: BTreeSet<&str> = (located.iter())
                .filter(|(key, _)| is_new(key))
                .filter_map(|(_, found)| found.object["metadata"]["namespace"].as_str())
                .collect();
            for (_, found) in located.iter().filter(|(key, _)| is_new(key)) {
                let name = found.object["metadata"]["name"].as_str();
                let is_empty = name.is_some_and(|name| !occupied.contains(name));
                self.remove(found, is_empty, &mut seen);
            }
            let objects: BTreeMap<String, Value> = (located.into_iter())
                .map(|(key, found)| (key, found.object))
                .collect();
            let Some(difference) = first_difference(&baseline.objects, &objects) else {
                break;
            };
            let bound = match objects.len() > baseline.objects.len() {
                true => CLEANUP,
                false => SETTLED,
            };
            if start.elapsed() > bound {
                return Err(difference);
            }
            std::thread::sleep(SHORTLY);
        }
        self.request("DELETE", "/api/v1/namespaces/default/events", None);
        let folder = self.folder();
        std::fs::remove_dir_all(folder)
            .and_then(|()| std::fs::create_dir_all(folder.join("home")))
            .map_err(|e| format!("{}: {e}", folder.display()))
    }

    /// Deletes an object once, and then removes the finalizers that block it; those of a namespace only if it is empty.
    fn remove(&self, found: &Located, is_empty: bool, seen: &mut BTreeSet<String>) {
        let metadata = &found.object["metadata"];
        let going = !metadata["deletionTimestamp"].is_null();
        let is_first = seen.insert(format!("{} {}", found.path, metadata["uid"]));
        // The next round shows whether it worked.
        if going && !metadata["finalizers"].is_null() {
            let released = json!({"metadata": {"finalizers": null}});
            self.request("PATCH", &found.path, Some(&released));
        } else if going && found.object["status"]["phase"] == "Terminating" {
            // It may have been emptied after some of its objects were listed, so the first round does not count.
            if is_empty && !is_first {
                self.finalize(&found.path, metadata);
            }
        } else if !going && is_first {
            let background = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
            self.request("DELETE", &found.path, Some(&background));
        }
    }

    /// Removes a namespace in which nothing but restless objects is left. Its controller would begin five seconds after the
    /// deletion.
    fn finalize(&self, path: &str, metadata: &Value) {
        let core = path.strip_prefix("/api/v1").unwrap_or(path);
        let leases = format!("/apis/coordination.k8s.io/v1{core}/leases");
        for restless in [format!("{path}/events"), leases] {
            self.request("DELETE", &restless, None);
        }
        let finalized = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": metadata["name"], "uid": metadata["uid"]},
            "spec": {"finalizers": []},
        });
        self.request("PUT", &format!("{path}/finalize"), Some(&finalized));
    }

    /// Returns how many requests have changed the API itself: its kinds, webhooks and policies.
    fn extension_writes(&self) -> u64 {
        let (code, metrics) = self.request("GET", "/metrics", None);
        let metrics = metrics.as_str().unwrap_or_default();
        assert!(
            code == 200 && metrics.contains("apiserver_request_total{"),
            "the API server has no metrics"
        );
        let is_write = |line: &&str| {
            ["POST", "PUT", "PATCH", "APPLY", "DELETE"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
                && EXTENSIONS
                    .iter()
                    .any(|group| line.contains(&format!("group=\"{group}\"")))
                && line.contains("dry_run=\"\"")
                && line.contains("subresource=\"\"")
        };
        metrics
            .lines()
            .filter(|line| line.starts_with("apiserver_request_total{"))
            .filter(is_write)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}
