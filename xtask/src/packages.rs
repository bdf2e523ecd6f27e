//! The packages that `osm` is built from: what the licences, the list of dependencies and reproducible builds are about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo;

/// The package of the program.
pub(crate) const PROGRAM: &str = "openservicemesh";

/// The name and the version of a package. No two packages of this workspace have the same.
pub(crate) type Id = (String, String);

/// A package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// The license, an expression of SPDX.
    pub(crate) license: Option<String>,
    /// The address of the source code.
    pub(crate) repository: Option<String>,
    /// The folder with the source code.
    pub(crate) folder: PathBuf,
    /// Whether the package comes from a registry, and not from this workspace.
    pub(crate) is_external: bool,
}

/// Packages, each with the packages that it depends on.
pub(crate) type Graph = BTreeMap<Id, BTreeSet<Id>>;

/// Returns all packages of the lock file. Fetches those that are not there.
///
/// # Errors
/// What cargo said.
pub(crate) fn locked(
    mut cargo: Command,
    workspace: &Path,
) -> Result<BTreeMap<Id, Package>, String> {
    cargo
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(workspace);
    let metadata = output(cargo)?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    packages_of(&metadata).ok_or_else(|| "cargo metadata: a package has no manifest".to_owned())
}

fn packages_of(metadata: &Value) -> Option<BTreeMap<Id, Package>> {
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let mut all = BTreeMap::new();
    for package in metadata["packages"].as_array()? {
        let manifest = PathBuf::from(text(package, "manifest_path")?);
        let id = (text(package, "name")?, text(package, "version")?);
        let known = Package {
            license: text(package, "license").map(|license| expression(&license)),
            repository: text(package, "repository"),
            folder: manifest.parent()?.to_owned(),
            is_external: package["source"].is_string(),
        };
        all.insert(id, known);
    }
    Some(all)
}

/// Returns the license as an expression of SPDX: it may have a slash, the form from before.
fn expression(license: &str) -> String {
    let choices: Vec<&str> = license.split('/').map(str::trim).collect();
    choices.join(" OR ")
}

/// Returns the packages that are compiled into the program for this target, with its default features.
///
/// # Errors
/// What cargo said.
pub(crate) fn compiled_in(workspace: &Path, target: &str) -> Result<Graph, String> {
    let mut cargo = cargo::command();
    cargo
        .args(["tree", "--package", PROGRAM, "--locked"])
        // Macros run while it is built.
        .args(["--edges", "normal,no-proc-macro"])
        .args(["--prefix", "depth", "--format", " {p}"])
        .args(["--target", target])
        .current_dir(workspace);
    let tree = output(cargo)?;
    graph_of(&tree).ok_or_else(|| format!("cargo tree: a line is not understood:\n{tree}"))
}

/// Reads lines such as `2 serde v1.0.228 (*)`: the depth, the name, the version, and more.
fn graph_of(tree: &str) -> Option<Graph> {
    let mut graph = Graph::new();
    // The packages on the way from the root.
    let mut way: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let depth: usize = words.next()?.parse().ok()?;
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let id = (name, version);
        way.truncate(depth);
        if let Some(parent) = way.last() {
            graph.entry(parent.clone()).or_default().insert(id.clone());
        }
        graph.entry(id.clone()).or_default();
        way.push(id);
    }
    Some(graph)
}

/// Returns the target that rustc builds for by default.
///
/// # Errors
/// What rustc said.
pub(crate) fn host(workspace: &Path) -> Result<String, String> {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV").current_dir(workspace);
    let version = output(rustc)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// Runs a command to its end, and returns what it wrote to standard output.
///
/// # Errors
/// It cannot be run, or what it said when it failed.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{name} failed ({}): {}",
            output.status,
            said.trim()
        ));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{name}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::workspace;

    #[test]
    fn a_tree_is_read_as_edges() {
        let tree =
            "0 a v1.0.0 (/w)\n1 b v2.0.0\n2 c v3.0.0\n1 c v3.0.0\n1 d v4.0.0\n2 b v2.0.0 (*)\n\n";
        let id = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let (a, b, c, d) = (
            id("a", "1.0.0"),
            id("b", "2.0.0"),
            id("c", "3.0.0"),
            id("d", "4.0.0"),
        );
        let wanted = Graph::from([
            (a, BTreeSet::from([b.clone(), c.clone(), d.clone()])),
            (b.clone(), BTreeSet::from([c.clone()])),
            (c, BTreeSet::new()),
            (d, BTreeSet::from([b])),
        ]);
        assert_eq!(graph_of(tree), Some(wanted));
        for wrong in ["a v1", "0 a", "0 a 1.0.0"] {
            assert_eq!(graph_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_program_has_what_it_runs_and_nothing_that_only_its_build_runs() {
        let workspace = workspace();
        let graph = compiled_in(&workspace, &host(&workspace).unwrap()).unwrap();
        let names: BTreeSet<&str> = graph.keys().map(|(name, _)| name.as_str()).collect();
        for name in [PROGRAM, "oci-registry", "rustls", "serde_json"] {
            assert!(names.contains(name), "{name}: {names:?}");
        }
        for name in [
            "prettyplease",
            "clap_derive",
            "serde_derive",
            "insta",
            "xtask",
        ] {
            assert!(!names.contains(name), "{name}");
        }
        let locked = locked(cargo::command(), &workspace).unwrap();
        for id in graph.keys() {
            assert!(locked.contains_key(id), "{id:?}");
        }
    }
}
