//! `osm images mirror` against crane and skopeo between the same two registries: the time of a copy, and of one with
//! nothing to do; memory; and what is on the wire. Times depend on the machine, so what is judged are ratios of things run
//! in turns.
//!
//! With nothing to do, crane and skopeo compare the digests at two tags. osm also looks for every blob, and for signatures
//! of every manifest. To tell its own share from that of the registries, its requests are also sent over plain sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::command;
use common::mesh_images::COMPONENTS;
use measurements::{Bound, Judge, Unit};
use test_registry::{Distribution, Home, ImageSpec, Options, Registry, Request, push_image};

/// How often each program copies everything.
const RUNS: usize = 3;
/// How often nothing is copied.
const AGAIN_RUNS: usize = 15;
/// osm's time over that of the fastest other program, at most.
const COPY: f64 = 0.6;
/// The same with nothing to do, at most.
const AGAIN: f64 = 0.5;
/// osm's time with nothing to do over that of its requests alone, at most.
const OWN: f64 = 2.0;
/// How many requests are sent to a registry at the same time: as many as osm sends.
const CONNECTIONS: usize = 12;
/// osm's peak memory, in KiB.
const MEMORY: u64 = 64 << 10;
/// The size of a layer that does not fit into that memory, in bytes.
const LARGE: usize = 2 << 30;

/// Without TLS: two processors are the bottleneck otherwise, and the registry's share is the same for all.
const PLAIN: Options = Options {
    has_tls: false,
    auth: test_registry::Auth::None,
};

/// The media types of manifests.
const TYPES: &str =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

/// What copies the images of one registry to another.
type Copy = fn(&Source, &Distribution);

const PROGRAMS: [(&str, Copy); 4] = [
    ("osm images mirror", |source, target| {
        peak(source.mirror(target));
    }),
    ("crane copy, one by one", |source, target| {
        for component in COMPONENTS {
            source.crane(target, component);
        }
    }),
    ("crane copy, all at once", |source, target| {
        std::thread::scope(|scope| {
            for component in COMPONENTS {
                scope.spawn(move || source.crane(target, component));
            }
        });
    }),
    ("skopeo copy --all", |source, target| {
        for component in COMPONENTS {
            source.skopeo(target, component);
        }
    }),
];

/// A registry with images, and what they consist of.
struct Source {
    registry: Distribution,
    /// The flags with which osm uses these images.
    flags: Vec<String>,
    /// All blobs of the images, with their sizes.
    blobs: BTreeMap<String, u64>,
}

impl Source {
    /// Starts a registry with an image for each component.
    fn start(spec: impl Fn(u64) -> ImageSpec) -> Source {
        let registry = Distribution::start(PLAIN);
        let mut flags = vec![
            "--image-registry".to_owned(),
            format!("{}/mesh", registry.address()),
        ];
        let mut blobs = BTreeMap::new();
        for (seed, component) in (1..).zip(COMPONENTS) {
            let repository = format!("mesh/{component}");
            let image = push_image(&registry, &repository, "v1", &spec(seed));
            let digest = image.digest;
            flags.extend(["--image-digest".to_owned(), format!("{component}={digest}")]);
            blobs.extend(image.blobs);
        }
        Source {
            registry,
            flags,
            blobs,
        }
    }

    fn home(&self) -> &Home {
        self.registry.home()
    }

    /// Starts `osm images mirror`.
    fn mirror(&self, target: &Distribution) -> Child {
        let (from, to) = (self.registry.address(), target.address());
        let prefix = format!("{to}/mesh");
        let mut arguments = vec!["images", "mirror", "--to", &prefix];
        arguments.extend(["--insecure-registry", from, "--insecure-registry", to]);
        arguments.extend(self.flags.iter().map(String::as_str));
        start(&mut command(&arguments))
    }

    fn crane(&self, target: &Distribution, component: &str) {
        let (from, to) = self.names(target, component);
        self.home().crane(&["copy", &from, &to]).ok();
    }

    fn skopeo(&self, target: &Distribution, component: &str) {
        let (from, to) = self.names(target, component);
        let arguments = [
            "--insecure-policy",
            "copy",
            "--all",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            &format!("docker://{from}"),
            &format!("docker://{to}"),
        ];
        self.home().skopeo(&arguments).ok();
    }

    fn names(&self, target: &Distribution, component: &str) -> (String, String) {
        let name = |registry: &Distribution| format!("{}/mesh/{component}:v1", registry.address());
        (name(&self.registry), name(target))
    }

    /// Checks that the blobs were fetched and sent once each.
    fn wire(&self, judge: &mut Judge) {
        let before = self.registry.requests().len();
        let target = Distribution::start(PLAIN);
        peak(self.mirror(&target));
        let unique: u64 = self.blobs.values().sum();
        let requests = self.registry.requests();
        let is_blob = |r: &&Request| r.method == "GET" && r.path.contains("/blobs/");
        let fetched: u64 = (requests.iter().skip(before))
            .filter(is_blob)
            .map(|request| request.bytes)
            .sum();
        once(judge, "bytes fetched", fetched, unique);
        let ended = target.requests();
        let sent = ended
            .iter()
            .filter(|r| r.method == "PUT" && r.status == 201);
        let sent: Vec<_> = sent.filter_map(|r| r.parameter("digest")).collect();
        let bytes: u64 = sent.iter().filter_map(|blob| self.blobs.get(blob)).sum();
        assert_eq!(sent.len(), self.blobs.len(), "a blob is sent once");
        once(judge, "bytes sent", bytes, unique);
    }
}

/// Judges whether all blobs went over the wire once.
fn once(judge: &mut Judge, what: &str, bytes: u64, unique: u64) {
    let [bytes, unique] = [bytes, unique].map(|bytes| u32::try_from(bytes).unwrap().into());
    assert!(bytes >= unique, "{what}: {bytes}, not {unique}");
    let values = [("osm", bytes), ("all blobs once", unique)];
    judge.judge(
        what,
        Unit::Bytes,
        &values,
        bytes / unique,
        Bound::AtMost(1.0),
    );
}

/// Sends requests on one connection, as long as there are some that no other one has sent.
fn repeat(address: &str, requests: &[Request], next: &AtomicUsize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let Request { method, path, .. } = request;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {TYPES}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert!(
            line.contains(&format!(" {} ", request.status)),
            "{path}: {line}"
        );
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        if method != "HEAD" {
            let mut body = answers.by_ref().take(length);
            std::io::copy(&mut body, &mut std::io::sink()).unwrap();
        }
    }
}

/// Starts a program.
fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Waits until a process has succeeded. Returns its peak memory in KiB, as far as Linux says it.
fn peak(mut process: Child) -> u64 {
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = number.unwrap_or(peak);
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

struct Bench {
    judge: Judge,
}

impl Bench {
    /// Lets all programs copy in turns, first everything and then again.
    fn race(&mut self, source: &Source) {
        let mut times = [const { (Vec::new(), Vec::new()) }; PROGRAMS.len()];
        for _ in 0..RUNS {
            for ((_, copy), (first, again)) in PROGRAMS.iter().zip(&mut times) {
                let target = Distribution::start(PLAIN);
                for times in [first, again] {
                    let start = Instant::now();
                    copy(source, &target);
                    times.push(start.elapsed());
                }
            }
        }
        let medians = times.map(|(first, again)| [median(first), median(again)]);
        for (which, what, bound) in [
            (0, "copying seven images", COPY),
            (1, "copying with nothing to do", AGAIN),
        ] {
            let values: Vec<_> = (PROGRAMS.iter().zip(&medians))
                .map(|((name, _), both)| (*name, both[which].as_secs_f64()))
                .collect();
            let best = values.iter().skip(1).map(|(_, time)| *time);
            let ratio = values[0].1 / best.fold(f64::INFINITY, f64::min);
            let bound = Bound::AtMost(bound);
            (self.judge).judge(what, Unit::Seconds, &values, ratio, bound);
        }
    }

    /// Compares a copy with nothing to do with its requests alone.
    fn again(&mut self, source: &Source) {
        let target = Distribution::start(PLAIN);
        let registries = [&source.registry, &target];
        peak(source.mirror(&target));
        let before = registries.map(|registry| registry.requests().len());
        peak(source.mirror(&target));
        let sent: Vec<_> = (registries.iter().zip(before))
            .map(|(registry, before)| registry.requests().split_off(before))
            .collect();
        let (mut programs, mut sockets) = (Vec::new(), Vec::new());
        for _ in 0..AGAIN_RUNS {
            let start = Instant::now();
            peak(source.mirror(&target));
            programs.push(start.elapsed());
            let start = Instant::now();
            let next = [const { AtomicUsize::new(0) }; 2];
            std::thread::scope(|scope| {
                for ((registry, requests), next) in registries.iter().zip(&sent).zip(&next) {
                    for _ in 0..CONNECTIONS.min(requests.len()) {
                        scope.spawn(move || repeat(registry.address(), requests, next));
                    }
                }
            });
            sockets.push(start.elapsed());
        }
        let (osm, sockets) = (median(programs), median(sockets));
        let counts: Vec<_> = sent.iter().map(Vec::len).collect();
        println!("nothing to do: requests to the source and to the target: {counts:?}");
        let (osm, sockets) = ((PROGRAMS[0].0, osm), ("its requests alone", sockets));
        let what = "copying with nothing to do, its own share";
        (self.judge).ratio(what, osm, sockets, Bound::AtMost(OWN));
    }

    fn memory(&mut self, what: &str, source: &Source) {
        let target = Distribution::start(PLAIN);
        let peak = bytes(peak(source.mirror(&target)));
        let what = format!("peak memory of copying {what}");
        let (values, bound) = ([(PROGRAMS[0].0, peak)], Bound::AtMost(bytes(MEMORY)));
        (self.judge).judge(&what, Unit::Bytes, &values, peak, bound);
    }
}

/// Returns the bytes of so many KiB.
fn bytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap()) * 1024.0
}

fn main() -> ExitCode {
    let mut bench = Bench {
        judge: Judge::default(),
    };
    let source = Source::start(|seed| ImageSpec {
        layer_bytes: 30_000_000,
        base_bytes: 40_000_000,
        has_platform_bases: true,
        seed,
        ..ImageSpec::default()
    });
    bench.race(&source);
    bench.again(&source);
    source.wire(&mut bench.judge);
    bench.memory("7 images", &source);
    drop(source);
    let source = Source::start(|seed| ImageSpec {
        platforms: vec!["linux/amd64"],
        layer_bytes: if seed == 1 { LARGE } else { 2000 },
        seed,
        ..ImageSpec::default()
    });
    bench.memory("one layer of 2 GiB", &source);
    bench.judge.exit_code()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
