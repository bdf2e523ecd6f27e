//! The harness of the black-box tests: runs `osm` and the real helm, and compares what they render.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs
)]

pub mod certificates;
pub mod cluster;
#[path = "../../crates/helm-chart/tests/common/compare.rs"]
mod compare;
pub mod mesh_images;
pub mod recorder;
#[path = "../../crates/helm-chart/tests/common/scratch.rs"]
mod scratch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub use compare::assert_same;
use helm_chart::yaml::{self, Numbers};
pub use scratch::scratch;
use serde_json::Value;
pub use test_cluster::{GO_COLLECTOR, Output, finish, lines, read_all, run};

/// Runs `osm`.
pub fn osm<S: AsRef<str>>(args: &[S]) -> Output {
    osm_with_input(args, "")
}

/// Runs `osm`, or `osm` against a cluster, with the words of a line, which takes format arguments:
/// `osm!("install --dry-run --set {key}=b")`, `osm!(cluster, "mesh list")`.
// Benchmarks include this file, too, and do not use it.
#[allow(unused_macros)]
macro_rules! osm {
    ($line:literal $(, $argument:expr)*) => {
        $crate::common::osm(&$crate::common::words(&format!($line $(, $argument)*)))
    };
    ($cluster:ident, $line:literal $(, $argument:expr)*) => {
        $cluster.osm(&$crate::common::words(&format!($line $(, $argument)*)))
    };
}

/// The words of a line, which blanks separate.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The program that is tested: the `osm` of this build, or another one.
pub fn program() -> PathBuf {
    match std::env::var_os("OSM_TEST_PROGRAM") {
        Some(program) => program.into(),
        None => env!("CARGO_BIN_EXE_osm").into(),
    }
}

/// Runs `osm` with a string on its standard input.
pub fn osm_with_input<S: AsRef<str>>(args: &[S], stdin: &str) -> Output {
    run(&mut command(args), stdin)
}

/// Runs `osm` with these environment variables.
pub fn osm_with_variables<S: AsRef<str>>(variables: &[(&str, &str)], args: &[S]) -> Output {
    run(command(args).envs(variables.iter().copied()), "")
}

/// Returns a command that runs `osm` with an empty environment: it reads no variables and no configuration file of the
/// developer.
pub fn command<S: AsRef<str>>(args: &[S]) -> Command {
    let mut command = Command::new(program());
    command.args(args.iter().map(AsRef::as_ref)).env_clear();
    command
}

/// Runs the real helm, which `cargo xtask test` provides.
pub fn helm<S: AsRef<str>>(args: &[S]) -> Output {
    let helm = std::env::var_os("OSM_TEST_HELM")
        .expect("OSM_TEST_HELM names the helm to compare with: run `cargo xtask test`");
    let home = std::env::temp_dir();
    let mut command = Command::new(helm);
    command
        .args(args.iter().map(AsRef::as_ref))
        .env_clear()
        .env(GO_COLLECTOR.0, GO_COLLECTOR.1)
        .env("HOME", home);
    run(&mut command, "")
}

/// A file of this repository.
pub fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(path)
        .display()
        .to_string()
}

/// The release that `osm` installs by default, which is that of the chart.
pub fn release() -> &'static str {
    static RELEASE: OnceLock<String> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let text = std::fs::read_to_string(repository("charts/osm/Chart.yaml")).unwrap();
        let metadata = objects_of_yaml(&text).remove(0);
        metadata["appVersion"].as_str().unwrap().to_owned()
    })
}

/// The objects of a YAML stream, in its order, without empty documents.
pub fn objects_of_yaml(text: &str) -> Vec<Value> {
    let documents = yaml::parse_documents(text, Numbers::Exact).unwrap();
    documents
        .into_iter()
        .map(|d| d.value)
        .filter(|v| !v.is_null())
        .collect()
}

/// The objects that `osm install --dry-run` gives, less the namespace that no chart holds.
#[track_caller]
pub fn osm_objects<S: AsRef<str>>(args: &[S]) -> Vec<Value> {
    let mut all = vec!["install", "--dry-run=client", "-o", "json"];
    all.extend(args.iter().map(AsRef::as_ref));
    let list: Value = serde_json::from_str(&osm(&all).ok()).unwrap();
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .filter(|item| item["kind"] != "Namespace")
        .cloned()
        .collect()
}

/// The objects that `helm template NAME CHART` gives.
#[track_caller]
pub fn helm_objects<S: AsRef<str>>(release: &str, chart: &str, args: &[S]) -> Vec<Value> {
    let mut all = vec!["template", release, chart, "--namespace", "osm-system"];
    all.extend(args.iter().map(AsRef::as_ref));
    objects_of_yaml(&helm(&all).ok())
}

/// Packs a chart's folder as `helm package` does: a gzipped tar with one folder in it.
pub fn pack(folder: &Path, name: &str, target: &Path) {
    let file = std::fs::File::create(target).unwrap();
    let gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    tar.append_dir_all(name, folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// Copies a folder.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
