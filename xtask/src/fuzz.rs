//! `cargo xtask fuzz`: runs a fuzz target with cargo-fuzz, which needs a nightly toolchain.
//!
//! The committed seeds are only read. Inputs that are found, and those that make a target fail, are stored below the target
//! folder.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image_pins::nearest;

use crate::Exit;
use crate::cargo;
use crate::flags::Fuzz;
use crate::tools;

/// Maximum memory of a target in MiB. A target that takes more fails.
const MEMORY: u32 = 2048;
/// Maximum time for one input in seconds. A target that takes more fails.
const TIME: u32 = 10;

/// Runs a target, or lists the targets if none is given.
pub fn run(flags: &Fuzz, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    fuzz(flags, out).unwrap_or_else(|error| {
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

fn fuzz(flags: &Fuzz, out: &mut dyn Write) -> Result<Exit, String> {
    let workspace = tools::workspace();
    let targets = targets(&workspace.join("fuzz/fuzz_targets"))?;
    let Some(target) = &flags.target else {
        for target in targets {
            writeln!(out, "{target}").map_err(|e| e.to_string())?;
        }
        return Ok(Exit::Done);
    };
    if !targets.contains(target) {
        let meant = match nearest(target, targets.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("expected one of {}", Vec::from_iter(targets).join(", ")),
        };
        return Err(format!("`{target}` is not a fuzz target: {meant}"));
    }
    check_tools()?;

    let folder = cargo::target_folder(&workspace).join("fuzz");
    let found = folder.join("corpus").join(target);
    let failures = folder.join("failures").join(target);
    for folder in [&found, &failures] {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let before = names(&failures)?;
    let mut command = cargo_fuzz();
    command
        .args(["run", "--sanitizer", "none", "--target-dir"])
        .arg(folder.join("build"))
        .arg(target)
        .arg(&found)
        .arg(workspace.join("fuzz/corpus").join(target))
        .arg("--")
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .arg(format!("-max_total_time={}", flags.seconds))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={TIME}"))
        .arg("-print_final_stats=1")
        .current_dir(&workspace);
    let dictionary = workspace
        .join("fuzz/dictionaries")
        .join(format!("{target}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let status = command.status().map_err(|e| format!("rustup: {e}"))?;
    let failed: Vec<String> = names(&failures)?.difference(&before).cloned().collect();
    if failed.is_empty() {
        return match status.success() {
            true => Ok(Exit::Done),
            false => Err(format!("cargo fuzz failed: {status}")),
        };
    }
    for name in failed {
        let input = failures.join(name);
        writeln!(
            out,
            "The target {target} fails for the input {input}. To reproduce it with a stable toolchain, too:\n\
             \x20   cp {input} fuzz/corpus/{target}/NAME.txt && cargo test --package fuzz-targets",
            input = input.display()
        )
        .map_err(|e| e.to_string())?;
    }
    Ok(Exit::Differs)
}

/// Lists the targets: each is a program of its own.
fn targets(folder: &Path) -> Result<BTreeSet<String>, String> {
    let files = names(folder)?.into_iter();
    Ok(files
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .collect())
}

fn names(folder: &Path) -> Result<BTreeSet<String>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).map_err(wrong)? {
        let path: PathBuf = file.map_err(wrong)?.path();
        names.extend(path.file_name().map(|n| n.to_string_lossy().into_owned()));
    }
    Ok(names)
}

/// Returns cargo-fuzz on the nightly toolchain, whichever toolchain this program was started with.
fn cargo_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo", "fuzz"])
        // Cargo would use the one that started this program.
        .env_remove("CARGO")
        .env("CARGO_INCREMENTAL", "0");
    command
}

/// Checks that everything is there that a run needs.
///
/// # Errors
/// The commands that install what is missing.
fn check_tools() -> Result<(), String> {
    let runs = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::null());
        command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !runs("rustup", &["--version"]) {
        return Err("fuzzing needs rustup: install it from https://rustup.rs".to_owned());
    }
    let mut missing = Vec::new();
    if !runs("rustup", &["run", "nightly", "rustc", "--version"]) {
        missing.push("rustup toolchain install nightly --profile minimal");
    }
    if !runs("cargo-fuzz", &["--version"]) {
        missing.push("cargo install cargo-fuzz --locked");
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "fuzzing needs a nightly toolchain and cargo-fuzz. Install what is missing:\n    {}",
            missing.join("\n    ")
        )),
    }
}
