//! `cargo xtask bench`: compares osm with helm, without and with a cluster, and with crane and skopeo, and measures how
//! times grow.
//!
//! Times depend on the machine. Therefore programs run alternately, and their ratios are printed and checked.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::Exit;
use crate::cargo;
use crate::debian::SKOPEO;
use crate::tools::{self, HELM};

/// Minimum of the time of helm divided by the time of osm.
const FASTER: f64 = 12.0;
/// Maximum of the peak memory of osm divided by the peak memory of helm.
const MEMORY: f64 = 0.2;
/// The stripped binary must be smaller than this, in bytes.
const SIZE: u64 = 10_000_000;
/// How often each program runs. They alternate, so that both run under the same load.
const RUNS: usize = 40;
/// Set for the process that measures. It has no other children, whose memory would count.
const MEASURING: &str = "OSM_BENCH_MEASURING";

/// Measures, prints the ratios, and returns whether they are within their bounds.
pub fn run(out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let measured = match env::var_os(MEASURING) {
        Some(_) => measure(out),
        None => prepare(),
    };
    measured.unwrap_or_else(|error| {
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

/// Builds the programs, runs the other benchmarks, and starts the process that measures.
fn prepare() -> Result<Exit, String> {
    let workspace = tools::workspace();
    let mut parts = Vec::new();
    for tool in tools::ALL {
        parts.push((tool.variable, tool.provide(&workspace)?));
    }
    parts.push((SKOPEO.variable, SKOPEO.provide()?));
    let run = |args: &[&str]| {
        let status = cargo::command()
            .args(args)
            .envs(parts.iter().map(|(variable, program)| (variable, program)))
            .current_dir(&workspace)
            .status();
        status
            .map(|s| s.success())
            .map_err(|e| format!("cargo: {e}"))
    };
    if !run(&["build", "--release", "--locked", "--bin", "osm"])? {
        return Err("the release build failed".to_owned());
    }
    let grows = run(&[
        "bench",
        "--package",
        "image-pins",
        "--all-features",
        "--bench",
        "growth",
    ])?;
    let of_osm = |name: &str| run(&["bench", "--package", "openservicemesh", "--bench", name]);
    let clusters = of_osm("cluster")?;
    let registries = of_osm("registries")?;
    let this = env::current_exe().map_err(|e| e.to_string())?;
    let status = Command::new(this)
        .arg("bench")
        .env(MEASURING, "1")
        .envs(parts)
        .status()
        .map_err(|e| e.to_string())?;
    Ok(if grows && clusters && registries && status.success() {
        Exit::Done
    } else {
        Exit::Differs
    })
}

fn measure(out: &mut dyn Write) -> Result<Exit, String> {
    let workspace = tools::workspace();
    let helm = HELM.provide(&workspace)?;
    let osm = cargo::target_folder(&workspace).join("release/osm");
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let pins = scratch.path().join("pins.yaml");
    let listed = Command::new(&osm)
        .args(["images", "list", "-o", "helm-values"])
        .output()
        .map_err(|e| format!("{}: {e}", osm.display()))?;
    if !listed.status.success() {
        return Err(format!("osm images list: {}", listed.status));
    }
    std::fs::write(&pins, listed.stdout).map_err(|e| e.to_string())?;
    let mut osm_command = command(&osm, &["install", "--dry-run"]);
    // Only values of the user are checked against the schema.
    let set = ["--set", "osm.enableEgress=true"];
    let mut osm_with_value = command(&osm, &["install", "--dry-run"]);
    osm_with_value.args(set);
    let chart = workspace.join("charts/osm");
    let mut helm_command = command(&helm, &["template", "osm", "--namespace", "osm-system"]);
    helm_command
        .arg(&chart)
        .arg("-f")
        .arg(&pins)
        .env("HOME", scratch.path());

    // The system reports the largest peak of all children so far, so the smaller program runs first.
    time(&mut osm_command)?;
    let osm_memory = children_peak()?;
    time(&mut helm_command)?;
    let helm_memory = children_peak()?;
    let mut helm_with_value = command(&helm, &["template", "osm", "--namespace", "osm-system"]);
    helm_with_value
        .arg(&chart)
        .arg("-f")
        .arg(&pins)
        .args(set)
        .env("HOME", scratch.path());
    let rendering = [
        ("rendering", compare(&mut osm_command, &mut helm_command)?),
        (
            "rendering with a value of the user",
            compare(&mut osm_with_value, &mut helm_with_value)?,
        ),
    ];
    let size = std::fs::metadata(&osm).map_err(|e| e.to_string())?.len();

    #[allow(clippy::cast_precision_loss)]
    let memory = osm_memory as f64 / helm_memory as f64;
    let mut all = true;
    let mut say = |text: String, holds: bool| {
        all &= holds;
        let _ = writeln!(out, "{text}: {}", if holds { "ok" } else { "NOT MET" });
    };
    for (what, (osm_time, helm_time)) in rendering {
        let faster = helm_time.as_secs_f64() / osm_time.as_secs_f64();
        say(
            format!(
                "{what}, whole process: osm {osm_time:.1?}, helm {helm_time:.1?}, {faster:.1} times faster (at least {FASTER})"
            ),
            faster >= FASTER,
        );
    }
    say(
        format!(
            "peak memory: osm {osm_memory} KiB, helm {helm_memory} KiB, ratio {memory:.2} (at most {MEMORY})"
        ),
        memory <= MEMORY,
    );
    say(
        format!("binary size: {size} bytes (less than {SIZE})"),
        size < SIZE,
    );
    Ok(if all { Exit::Done } else { Exit::Differs })
}

/// Runs two commands alternately and returns the median time of each.
fn compare(one: &mut Command, other: &mut Command) -> Result<(Duration, Duration), String> {
    let (mut times, mut other_times) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        times.push(time(one)?);
        other_times.push(time(other)?);
    }
    Ok((median(times), median(other_times)))
}

fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn time(command: &mut Command) -> Result<Duration, String> {
    let start = Instant::now();
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    let elapsed = start.elapsed();
    if status.success() {
        Ok(elapsed)
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Returns the largest peak memory of all children so far, in KiB.
fn children_peak() -> Result<i64, String> {
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map(|usage| usage.max_rss())
        .map_err(|e| e.to_string())
}
