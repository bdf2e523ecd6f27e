//! osm against helm on the same API server: time until everything is applied, time until everything runs, memory,
//! requests; and how the time grows with the number of objects. Times depend on the machine, so what is judged
//! are ratios of things run in turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::cluster::{Cluster, Proxy};
use common::{Output, repository};
use measurements::{Bound, Judge, Unit};
use nix::sys::resource::{UsageWho, getrusage};

/// How often each program is run.
const RUNS: usize = 9;
/// osm's time over helm's to apply everything, at most.
const APPLIED: f64 = 0.35;
/// osm's time over helm's until everything runs, at most.
const RUNNING: f64 = 0.5;
/// osm's peak memory over helm's, at most.
const MEMORY: f64 = 0.2;
/// So many objects are applied to see how the time grows.
const OBJECTS: [usize; 2] = [40, 400];

struct Bench {
    cluster: Cluster,
    chart: String,
    pins: String,
    judge: Judge,
}

/// What is measured of both.
#[derive(Clone, Copy)]
enum Work {
    Apply,
    AwaitAll,
}

impl Bench {
    fn osm(&self, kubeconfig: &Path, work: Work, name: &str) -> Output {
        let mut args = vec![
            "install",
            "--enforce-single-mesh=false",
            "--mesh-name",
            name,
            "--osm-namespace",
            name,
        ];
        if let Work::Apply = work {
            args.extend(["--no-hooks", "--wait=false"]);
        }
        self.cluster.osm_with(kubeconfig, &args)
    }

    fn helm(&self, kubeconfig: &Path, work: Work, name: &str) -> Output {
        let mesh = format!("osm.meshName={name}");
        let mut args = vec![
            "install",
            name,
            &self.chart,
            "--namespace",
            name,
            "--create-namespace",
            "--values",
            &self.pins,
            "--set",
            "osm.enforceSingleMesh=false",
            "--set",
            &mesh,
        ];
        args.push(match work {
            Work::Apply => "--no-hooks",
            Work::AwaitAll => "--wait",
        });
        self.cluster.helm_with(kubeconfig, &args)
    }

    /// Removes a mesh, so that the next one finds the cluster as this one did.
    fn remove(&self, name: &str) {
        let namespace = ["--osm-namespace", name, "--delete-namespace"];
        let mesh = ["uninstall", "mesh", "--force", "--mesh-name", name];
        self.cluster.osm(&[&mesh[..], &namespace].concat()).ok();
    }

    /// The largest peak of memory among the children that have ended is one number, so osm has to come first.
    fn memory(&mut self) {
        let admin = self.cluster.kubeconfig().to_owned();
        self.osm(&admin, Work::AwaitAll, "memory").ok();
        let osm = children_peak();
        self.remove("memory");
        self.helm(&admin, Work::AwaitAll, "memory").ok();
        let helm = children_peak();
        self.remove("memory");
        let [osm, helm] = [osm, helm].map(|kib| float(kib) * 1024.0);
        let (what, bound) = ("peak memory of an installation", Bound::AtMost(MEMORY));
        let values = [("osm", osm), ("helm", helm)];
        (self.judge).judge(what, Unit::Bytes, &values, osm / helm, bound);
    }

    fn race(&mut self, what: &str, work: Work, bound: f64) {
        let admin = self.cluster.kubeconfig().to_owned();
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..RUNS {
            let run = |who: fn(&Self, &Path, Work, &str) -> Output| {
                let begun = Instant::now();
                who(self, &admin, work, "race").ok();
                let time = begun.elapsed();
                self.remove("race");
                time
            };
            times[0].push(run(Self::osm));
            times[1].push(run(Self::helm));
        }
        let requests = [Self::osm, Self::helm].map(|who| {
            let proxy = self.cluster.proxy("counting", Box::new(|_, _| None));
            who(self, proxy.kubeconfig(), work, "counted").ok();
            self.remove("counted");
            Proxy::requests(&proxy)
        });
        let [osm, helm] = times.map(median);
        let [of_osm, of_helm] = requests;
        println!("{what}: osm sends {of_osm} requests, helm {of_helm}");
        let bound = Bound::AtMost(bound);
        (self.judge).ratio(what, ("osm", osm), ("helm", helm), bound);
    }

    fn growth(&mut self) {
        let [few, many] = OBJECTS.map(|count| {
            let chart = self.cluster.folder().join(format!("chart-{count}"));
            std::fs::create_dir_all(chart.join("templates")).unwrap();
            let meta = "apiVersion: v2\nname: many\nversion: 1.0.0\n";
            std::fs::write(chart.join("Chart.yaml"), meta).unwrap();
            let objects = format!(
                "{{{{- range until {count} }}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m-{{{{ . }}}}\n{{{{- end }}}}\n"
            );
            std::fs::write(chart.join("templates/all.yaml"), objects).unwrap();
            let chart = chart.display().to_string();
            let times = std::iter::repeat_with(|| {
                let begun = Instant::now();
                self.cluster
                    .osm(&[
                        "install",
                        "--no-hooks",
                        "--wait=false",
                        "--mesh-name=many",
                        "--osm-namespace=many",
                        "--osm-chart-path",
                        &chart,
                    ])
                    .ok();
                let time = begun.elapsed();
                self.remove("many");
                time
            });
            median(times.take(5).collect())
        });
        let [of_few, of_many] = OBJECTS.map(|count| format!("{count} objects"));
        let bound = Bound::AtMost(float(OBJECTS[1] / OBJECTS[0]));
        let (many, few) = ((of_many.as_str(), many), (of_few.as_str(), few));
        self.judge
            .ratio("installing more objects", many, few, bound);
    }
}

fn main() -> ExitCode {
    let cluster = Cluster::start();
    let mut bench = Bench {
        pins: cluster.pins(),
        cluster,
        chart: repository("charts/osm"),
        judge: Judge::default(),
    };
    bench.memory();
    bench.race("everything is applied", Work::Apply, APPLIED);
    bench.race("everything runs", Work::AwaitAll, RUNNING);
    bench.growth();
    bench.judge.exit_code()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The largest peak of memory among the children so far, in KiB.
fn children_peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

fn float(n: impl TryInto<u32>) -> f64 {
    n.try_into().unwrap_or(u32::MAX).into()
}
