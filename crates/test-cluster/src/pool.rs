//! The clusters of a test process: how many run at once, and that one is used again only as it was when it was new.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::{Cluster, SHORTLY};
use super::objects::{Located, first_difference, locate_objects};

/// Each takes half a gigabyte, and most of a processor while it starts. Tests wait for controllers most of the time,
/// so more than the two processors of CI's machine can be busy.
const CLUSTERS: usize = 4;
/// What a test left behind has to be gone within this time; otherwise a new cluster is started.
const CLEANUP: Duration = Duration::from_secs(20);
/// Within this time after nothing more is left, controllers have done what they do about it.
const SETTLED: Duration = Duration::from_secs(3);
/// A cluster that had one of these added or removed is not used again: API server and controllers notice it seconds
/// later, or go on with what they know until then.
const EXTENSIONS: [&str; 3] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
];

struct Pool {
    /// How many clusters there are, whether leased or idle.
    running: usize,
    idle: Vec<Cluster>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    running: 0,
    idle: Vec::new(),
});
static RETURNED: Condvar = Condvar::new();

fn pool() -> MutexGuard<'static, Pool> {
    // A test that panicked has left the numbers as they should be.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to run a cluster.
struct Permit(());

impl Drop for Permit {
    fn drop(&mut self) {
        pool().running -= 1;
        RETURNED.notify_one();
    }
}

/// A cluster for one test. When it is dropped, the pool removes what the test left and keeps the cluster for the
/// next test, or ends the cluster if it cannot be what it was.
pub struct Lease {
    /// Present until this is dropped.
    cluster: Option<Cluster>,
    permit: Option<Permit>,
}

impl Lease {
    /// Takes an idle cluster, or starts one as soon as one more may run.
    pub fn take() -> Self {
        let mut pool = pool();
        loop {
            if let Some(cluster) = pool.idle.pop() {
                return Self {
                    cluster: Some(cluster),
                    permit: Some(Permit(())),
                };
            }
            if pool.running < CLUSTERS {
                pool.running += 1;
                drop(pool);
                let permit = Permit(());
                return Self {
                    cluster: Some(Cluster::start_new()),
                    permit: Some(permit),
                };
            }
            pool = RETURNED.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Deref for Lease {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.cluster.as_ref().expect("a lease holds a cluster")
    }
}

impl Drop for Lease {
    #[allow(clippy::print_stdout)]
    fn drop(&mut self) {
        let (Some(cluster), Some(permit)) = (self.cluster.take(), self.permit.take()) else {
            return;
        };
        if std::thread::panicking() {
            cluster.print_logs();
            return;
        }
        match cluster.restore() {
            Ok(()) => {
                // The cluster keeps its place among those that run.
                std::mem::forget(permit);
                pool().idle.push(cluster);
                RETURNED.notify_one();
            }
            Err(why) => {
                println!("the cluster is not used again: {why}");
                drop(cluster);
                drop(permit);
            }
        }
    }
}

/// What a new cluster has.
pub struct Baseline {
    objects: BTreeMap<String, Value>,
    extensions: u64,
}

impl Cluster {
    /// Notes what the new cluster has.
    pub(super) fn baseline(&self) -> Baseline {
        Baseline {
            objects: self.objects(),
            extensions: self.extension_writes(),
        }
    }

    /// Makes the cluster what it was when it was new: removes every object and file that was added since, and heals
    /// all Pods.
    ///
    /// # Errors
    /// Why it cannot be: something else has changed, or does not go away.
    pub fn restore(&self) -> Result<(), String> {
        let baseline = self.baseline.get().expect("a cluster that has started");
        if self.extension_writes() != baseline.extensions {
            return Err("its API was extended".to_owned());
        }
        self.kubelet().heal_all();
        let start = Instant::now();
        let mut deleted = BTreeSet::new();
        loop {
            let located = self
                .runtime
                .block_on(locate_objects(&self.client))
                .map_err(|e| e.to_string())?;
            for (key, found) in &located {
                if !baseline.objects.contains_key(key) {
                    self.remove(found, &mut deleted);
                }
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

    /// Deletes an object once, and then takes away the finalizers that hold it.
    fn remove(&self, found: &Located, deleted: &mut BTreeSet<String>) {
        let metadata = &found.object["metadata"];
        let going = !metadata["deletionTimestamp"].is_null();
        // Whether it works is seen in the next round.
        if going && !metadata["finalizers"].is_null() {
            let released = json!({"metadata": {"finalizers": null}});
            self.request("PATCH", &found.path, Some(&released));
        } else if !going && deleted.insert(format!("{} {}", found.path, metadata["uid"])) {
            let background = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
            self.request("DELETE", &found.path, Some(&background));
        }
    }

    /// How many requests have changed the API itself: its kinds, its webhooks and its policies.
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
