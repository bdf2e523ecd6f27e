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

use measurements::{Bound, Judge, Measurement, RESULTS, Unit};

use crate::Exit;
use crate::cargo;
use crate::debian::SKOPEO;
use crate::flags;
use crate::tools::{self, HELM};

/// Minimum of the time of helm divided by the time of osm.
const FASTER: f64 = 12.0;
/// Maximum of the peak memory of osm divided by the peak memory of helm.
const MEMORY: f64 = 0.2;
/// Maximum size of the stripped binary in bytes: less than 10 MB.
const SIZE: u32 = 9_999_999;
/// How often each program runs. They alternate, so that both run under the same load.
const RUNS: usize = 40;
/// Set for the process that measures. It has no other children, whose memory would count.
const MEASURING: &str = "OSM_BENCH_MEASURING";

/// Measures, prints what is judged, and returns whether all of it is within its bounds.
pub fn run(flags: &flags::Bench, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let measured = match env::var_os(MEASURING) {
        Some(_) => measure(),
        None => prepare(flags.json, out),
    };
    measured.unwrap_or_else(|error| {
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

/// Builds the programs, runs the other benchmarks, and starts the process that measures. If the result is JSON, what these
/// print goes to the standard error.
fn prepare(json: bool, out: &mut dyn Write) -> Result<Exit, String> {
    let workspace = tools::workspace();
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let results = scratch.path().join("results");
    let progress = || match json {
        true => Stdio::from(std::io::stderr()),
        false => Stdio::inherit(),
    };
    let mut parts = Vec::new();
    for tool in tools::ALL {
        parts.push((tool.variable, tool.provide(&workspace)?));
    }
    parts.push((SKOPEO.variable, SKOPEO.provide()?));
    let run = |args: &[&str]| {
        let status = cargo::command()
            .args(args)
            .envs(parts.iter().map(|(variable, program)| (variable, program)))
            .env(RESULTS, &results)
            .stdout(progress())
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
        .env(RESULTS, &results)
        .stdout(progress())
        .envs(parts)
        .status()
        .map_err(|e| e.to_string())?;
    if json {
        let measured = read(&results)?;
        let text = serde_json::to_string_pretty(&measured).map_err(|e| e.to_string())?;
        writeln!(out, "{text}").map_err(|e| format!("cannot write to stdout: {e}"))?;
    }
    Ok(if grows && clusters && registries && status.success() {
        Exit::Done
    } else {
        Exit::Differs
    })
}

/// Reads the measurements, one on each line.
fn read(results: &Path) -> Result<Vec<Measurement>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", results.display());
    let text = std::fs::read_to_string(results).map_err(|e| failed(&e))?;
    (text.lines().map(serde_json::from_str))
        .collect::<Result<_, _>>()
        .map_err(|e| failed(&e))
}

fn measure() -> Result<Exit, String> {
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

    let mut judge = Judge::default();
    for (what, (osm, helm)) in rendering {
        let values = [("osm", osm), ("helm", helm)].map(|(of, time)| (of, time.as_secs_f64()));
        let faster = values[1].1 / values[0].1;
        let bound = Bound::AtLeast(FASTER);
        judge.judge(what, Unit::Seconds, &values, faster, bound);
    }
    let [osm, helm] = [osm_memory, helm_memory].map(|kib| float(kib) * 1024.0);
    let values = [("osm", osm), ("helm", helm)];
    judge.judge(
        "peak memory of rendering",
        Unit::Bytes,
        &values,
        osm / helm,
        Bound::AtMost(MEMORY),
    );
    let (size, bound) = (float(size), Bound::AtMost(SIZE.into()));
    judge.judge(
        "size of the program",
        Unit::Bytes,
        &[("osm", size)],
        size,
        bound,
    );
    Ok(if judge.holds() {
        Exit::Done
    } else {
        Exit::Differs
    })
}

fn float(n: impl TryInto<u32>) -> f64 {
    n.try_into().unwrap_or(u32::MAX).into()
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
