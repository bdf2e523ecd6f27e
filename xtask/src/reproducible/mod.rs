//! `cargo xtask reproducible`: builds the last commit in two folders, and compares what is built byte for byte.

mod compare;
mod site;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::Exit;
use crate::cargo;
use crate::cargo_tools::AUDITABLE;
use crate::checksums;
use crate::flags;
use crate::git::git;
use crate::tools::workspace;

use site::{SITES, Site};

/// What is built on each site.
type Build = fn(&Site) -> Result<(), String>;

/// Builds twice, and prints each file that is equal, or the first difference.
pub fn run(flags: &flags::Reproducible, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let build = if flags.small { small } else { all };
    let provided = match flags.small {
        true => Ok(()),
        // Otherwise both would build it.
        false => AUDITABLE.provide().map(drop),
    };
    let done = provided.and_then(|()| compare(&workspace(), build, out, err));
    done.unwrap_or_else(|error| {
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

fn compare(
    workspace: &Path,
    build: Build,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, String> {
    let changes = git(workspace, &["status", "--porcelain"]).map_err(|e| e.to_string())?;
    if !changes.is_empty() {
        let _ = writeln!(
            err,
            "note: changes that are not committed are not in these builds"
        );
    }
    fetch(workspace)?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    // Both before the first build, which takes long enough for another commit.
    let [first, second] = &SITES;
    let sites = [
        Site::new(workspace, scratch.path(), first)?,
        Site::new(workspace, scratch.path(), second)?,
    ];
    for site in &sites {
        build(site)?;
    }
    let [one, other] = sites.map(|site| site.output);
    let (one, other) = (one.as_path(), other.as_path());
    let names = compare::names(one)?;
    if names.is_empty() {
        return Err("nothing was built".to_owned());
    }
    if let Some(difference) = compare::first_difference(one, other)? {
        let kept = scratch.keep();
        let _ = writeln!(
            err,
            "error: the two builds differ: {difference}\nBoth are kept below {}. To see more, run `diffoscope '{}' '{}'`, and remove \
             the folder.",
            kept.display(),
            one.display(),
            other.display(),
        );
        return Ok(Exit::Differs);
    }
    for name in names {
        let _ = writeln!(out, "equal: {name}");
    }
    Ok(Exit::Done)
}

/// Fetches all packages, so that no build does, and both have the same.
fn fetch(workspace: &Path) -> Result<(), String> {
    let status = cargo::command()
        .args(["fetch", "--quiet", "--locked"])
        .current_dir(workspace)
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("cargo fetch failed: {status}")),
    }
}

/// Makes all files of a release, by the tasks of the commit itself.
fn all(site: &Site) -> Result<(), String> {
    for task in ["dist", "package-chart", "sbom"] {
        let mut cargo = site.cargo();
        cargo
            .args(["xtask", task, "--destination"])
            .arg(&site.output);
        site::run(cargo)?;
    }
    checksums::write(&site.output).map(drop)
}

/// Builds a small program with pins, and makes the chart and the list of dependencies by the tasks of this process.
fn small(site: &Site) -> Result<(), String> {
    let target = site.source.join("target");
    let mut cargo = site.cargo();
    cargo
        .args(["build", "--quiet", "--locked", "--package", SMALL])
        .args(site.reproducible(&target)?)
        .arg("--target-dir")
        .arg(&target);
    site::run(cargo)?;
    let program = format!("{SMALL}{}", std::env::consts::EXE_SUFFIX);
    let built = target.join("debug").join(&program);
    fs::create_dir_all(&site.output)
        .and_then(|()| fs::copy(&built, site.output.join(program)))
        .map_err(|e| format!("{}: {e}", built.display()))?;
    for task in ["package-chart", "sbom"] {
        let mut command = site.this_program()?;
        command.args([task, "--destination"]).arg(&site.output);
        site::run(command)?;
    }
    Ok(())
}

/// The package of the smallest program with pins.
const SMALL: &str = "seaport";
