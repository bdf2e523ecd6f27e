//! Installations and removals that fail or are killed at any request: the command succeeds or prints a clear error,
//! rerunning it completes, and nothing remains afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::cluster::{Cluster, Fault, Faults, PATIENCE};
use crate::common::{Output, finish};

/// The number of meshes tested in parallel. Most of the time they wait for controllers.
const WORKERS: usize = 8;
/// The timeout of a request.
const REQUEST_TIMEOUT: &str = "--request-timeout=2s";

/// The faults to try: all of them with `cargo xtask test --thorough`, otherwise a sample.
struct Sample {
    /// The first seed of the runs with random faults; `OSM_TEST_SEED`, which `cargo xtask test` derives from the
    /// commit and prints.
    seed: u64,
    /// The number of runs, each with its own seed.
    runs: u64,
    /// Installation and removal are killed after each request whose number is a multiple of this plus an offset.
    step: u64,
}

impl Sample {
    fn chosen() -> Self {
        let is_thorough = std::env::var_os("OSM_TEST_THOROUGH").is_some_and(|v| v == "1");
        let seed = std::env::var("OSM_TEST_SEED").map_or(0, |seed| {
            seed.parse()
                .unwrap_or_else(|e| panic!("OSM_TEST_SEED: {seed:?}: {e}"))
        });
        let (runs, step) = if is_thorough { (200, 1) } else { (40, 5) };
        Self { seed, runs, step }
    }
}

/// Returns the arguments of `osm` to install a mesh.
fn install(mesh: &str) -> Vec<String> {
    let own = format!("--mesh-name={mesh} --osm-namespace={mesh}");
    format!("install --enforce-single-mesh=false --timeout=60s {own}")
        .split(' ')
        .map(str::to_owned)
        .collect()
}

/// Returns the arguments of `osm` to remove a mesh.
fn uninstall(mesh: &str) -> Vec<String> {
    let own = format!("--mesh-name={mesh} --osm-namespace={mesh}");
    format!("uninstall mesh --force --delete-namespace {own}")
        .split(' ')
        .map(str::to_owned)
        .collect()
}

/// Returns the n-th random number of a seed (splitmix64).
fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(n.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const KINDS: [Fault; 10] = [
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(504),
    Fault::Reset,
    Fault::LostAnswer,
    Fault::CutAnswer,
    Fault::Hang,
    Fault::HangAfter,
];

/// Returns single faults at random requests, and one period in which every request fails.
fn faults(seed: u64) -> Faults {
    let kind = move |n: u64| KINDS[usize::try_from(random(seed, n) % 10).unwrap()];
    let percent = [0, 2, 5, 15][usize::try_from(seed % 4).unwrap()];
    let begin = random(seed, 1) % 120;
    let end = begin + random(seed, 2) % 25;
    Box::new(move |request, _| {
        let n = request as u64;
        if (begin..end).contains(&n) {
            return Some(kind(3));
        }
        (random(seed, 1000 + n) % 100 < percent).then(|| kind(2000 + n))
    })
}

/// Returns whether a command succeeded. If not, checks that it printed an error with the reason and did not panic.
#[track_caller]
fn is_clear(what: &str, done: &Output) -> bool {
    match done.code {
        0 => true,
        1 => {
            let error = done.stderr.rsplit_once("error: ").map(|(_, error)| error);
            let error = error.unwrap_or_else(|| panic!("{what}: no error: {}", done.stderr));
            assert!(error.len() > 20, "{what}: {error}");
            false
        }
        code => panic!("{what}: exit code {code}: {}", done.stderr),
    }
}

/// Returns whether an installation was refused because the mesh is completely installed.
fn is_installed(done: &Output, mesh: &str) -> bool {
    done.stderr.contains(&format!(
        "status deployed)\nrun `osm uninstall mesh --mesh-name {mesh} --osm-namespace {mesh}` to remove it"
    ))
}

/// Checks that a mesh with any objects has a record by which they can be found.
#[track_caller]
fn has_record_if_anything(cluster: &Cluster, mesh: &str) {
    let marked = |path: &str| {
        let list = cluster.get(path).unwrap_or_default();
        let objects = list["items"].as_array().cloned().unwrap_or_default();
        let is_its = |object: &serde_json::Value| {
            object["metadata"]["annotations"]["meta.helm.sh/release-name"] == mesh
        };
        objects.iter().filter(|object| is_its(object)).count()
    };
    let made = marked("/apis/rbac.authorization.k8s.io/v1/clusterroles")
        + marked(&format!("/api/v1/namespaces/{mesh}/serviceaccounts"))
        + marked(&format!("/apis/apps/v1/namespaces/{mesh}/deployments"));
    let records = format!("/api/v1/namespaces/{mesh}/secrets?labelSelector=owner%3Dhelm");
    let records = cluster.get(&records).unwrap_or_default();
    let has_record = records["items"].as_array().is_some_and(|r| !r.is_empty());
    assert!(
        made == 0 || has_record,
        "{mesh}: {made} objects without a record"
    );
}

/// Calls `work` for each number up to `end` in several threads.
fn in_parallel(first: u64, end: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        return;
                    }
                    work(n);
                }
            });
        }
    });
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn after_any_fault_a_rerun_completes_and_nothing_remains() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let (installed, removed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let Sample { seed, runs, .. } = Sample::chosen();
    println!("seeds {seed} to {}", seed + runs - 1);
    in_parallel(seed, seed + runs, |seed| {
        let mesh = format!("seed-{seed}");
        let disturbed = |what: &str, seed: u64, command: &[String]| {
            let proxy = cluster.proxy(&format!("{mesh}-{what}"), faults(seed));
            let command = [command, &[REQUEST_TIMEOUT.to_owned()]].concat();
            let done = cluster.osm_with(proxy.kubeconfig(), &command);
            (is_clear(&format!("{mesh}, {what}"), &done), done)
        };
        let (worked, first) = disturbed("install", seed, &install(&mesh));
        installed.fetch_add(usize::from(worked), Ordering::Relaxed);
        if !worked {
            has_record_if_anything(&cluster, &mesh);
            let again = cluster.osm(&install(&mesh));
            assert_eq!(
                again.code, 0,
                "{mesh}: {}\nafter: {}",
                again.stderr, first.stderr
            );
        }
        let (worked, first) = disturbed("uninstall", seed + 100_000, &uninstall(&mesh));
        removed.fetch_add(usize::from(worked), Ordering::Relaxed);
        let again = cluster.osm(&uninstall(&mesh));
        assert_eq!(
            again.code, 0,
            "{mesh}: {}\nafter: {}",
            again.stderr, first.stderr
        );
    });
    cluster.await_objects(&before);
    let (installed, removed) = (installed.into_inner(), removed.into_inner());
    println!("{installed} installations and {removed} removals of {runs} survived their faults");
    // Some commands must survive their faults and some must not, or the test tests nothing.
    let all = usize::try_from(runs).unwrap();
    for survived in [installed, removed] {
        assert!((all / 10..all).contains(&survived), "{survived} of {all}");
    }
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn after_a_kill_at_any_request_a_rerun_completes_and_nothing_remains() {
    let cluster = Cluster::start();
    let before = cluster.objects();
    let killed = |mesh: &str, what: &str, command: &[String], nth: usize| {
        let faults = move |n, _: &str| (n == nth).then_some(Fault::HangAfter);
        let proxy = cluster.proxy(&format!("{mesh}-{what}"), Box::new(faults));
        let mut child = cluster.osm_started(proxy.kubeconfig(), command);
        let start = Instant::now();
        loop {
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                let said = finish(child).stderr;
                panic!(
                    "{mesh}, {what}: neither request {nth} nor an end after {PATIENCE:?}: {said}"
                );
            }
            if proxy.hangs_within(Duration::from_millis(20)) {
                child.kill().unwrap();
                finish(child);
                has_record_if_anything(&cluster, mesh);
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                let done = finish(child);
                assert_eq!(done.code, 0, "{mesh}, {what}: {}", done.stderr);
                // The program does not wait for the last request if it is a watch.
                return proxy.requests() > nth;
            }
        }
    };
    // The first run that ends by itself shows the number of requests.
    let Sample { seed, step, .. } = Sample::chosen();
    let offset = seed % step;
    for (what, limit) in [("install", 400), ("uninstall", 400)] {
        let ended = AtomicUsize::new(usize::MAX);
        in_parallel(0, limit / step, |n| {
            let nth = usize::try_from(n * step + offset).unwrap();
            if nth >= ended.load(Ordering::Relaxed) {
                return;
            }
            let mesh = format!("{what}-{nth}");
            let command = match what {
                "install" => install(&mesh),
                _ => {
                    cluster.osm(&install(&mesh)).ok();
                    uninstall(&mesh)
                }
            };
            if !killed(&mesh, what, &command, nth) {
                ended.fetch_min(nth, Ordering::Relaxed);
            }
            if what == "install" {
                let again = cluster.osm(&command);
                let is_complete = is_installed(&again, &mesh);
                assert!(again.code == 0 || is_complete, "{mesh}: {}", again.stderr);
            }
            let gone = cluster.osm(&uninstall(&mesh));
            assert_eq!(gone.code, 0, "{mesh}: {}", gone.stderr);
        });
        let requests = ended.into_inner();
        println!("{what}: killed after every request n of {requests} with n mod {step} = {offset}");
        assert!((10..390).contains(&requests), "{what}: {requests} requests");
    }
    cluster.await_objects(&before);
}

#[test]
#[ignore = "needs a cluster: run cargo xtask test"]
fn a_silent_watch_is_restarted() {
    let cluster = Cluster::start();
    let watches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&watches);
    let silent = move |_, path: &str| {
        let is_watch = path.contains("/deployments?") && path.contains("watch=true");
        is_watch.then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            Fault::Silence
        })
    };
    let proxy = cluster.proxy("silent", Box::new(silent));
    let install = ["install", "--no-hooks", "--timeout", "2m"];
    cluster.osm_with(proxy.kubeconfig(), &install).ok();
    assert_ne!(watches.load(Ordering::Relaxed), 0, "nothing was watched");
}
