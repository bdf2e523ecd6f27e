//! The harness: folders for charts, rendering with the flags of `helm template`, and the real helm to compare with.

mod compare;
pub mod engine;
mod scratch;

use std::path::{Path, PathBuf};
use std::process::Command;

use helm_chart::set::{self, Mode};
use helm_chart::yaml::{self, Numbers};
use helm_chart::{Chart, ChartError, KubeVersion, Object, Target, values};
use serde_json::{Map, Value};

pub use compare::assert_same;
pub use scratch::scratch;

/// The exit code and the output of a command.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The release and the namespace that all charts are rendered for.
pub const RELEASE: &str = "rel";
pub const NAMESPACE: &str = "rel-system";

/// Runs the real helm, which `cargo xtask test` provides.
pub fn helm<S: AsRef<str>>(args: &[S]) -> Output {
    let helm = std::env::var_os("OSM_TEST_HELM")
        .expect("OSM_TEST_HELM names the helm to compare with: run `cargo xtask test`");
    let done = Command::new(helm)
        .args(args.iter().map(AsRef::as_ref))
        .env_clear()
        // helm ends before a collection of garbage is worth its time.
        .env("GOGC", "400")
        .env("HOME", std::env::temp_dir())
        .output()
        .unwrap();
    Output {
        code: done.status.code().unwrap_or(-1),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// Runs `helm template` on a chart.
pub fn helm_template<S: AsRef<str>>(chart: &str, args: &[S]) -> Output {
    let mut all = vec!["template", RELEASE, chart, "--namespace", NAMESPACE];
    all.extend(args.iter().map(AsRef::as_ref));
    helm(&all)
}

/// The objects that `helm template` renders.
#[track_caller]
pub fn helm_objects<S: AsRef<str>>(chart: &str, args: &[S]) -> Vec<Value> {
    let output = helm_template(chart, args);
    assert_eq!(output.code, 0, "helm: {}", output.stderr);
    let documents = yaml::parse_documents(&output.stdout, Numbers::Exact).unwrap();
    documents
        .into_iter()
        .map(|d| d.value)
        .filter(|v| !v.is_null())
        .collect()
}

/// Renders a chart with the library, with the flags of `helm template`. Values files come first, as in helm.
pub fn render<S: AsRef<str>>(chart: &str, args: &[S]) -> Result<Vec<Object>, ChartError> {
    let mut target = Target {
        release: RELEASE.to_owned(),
        namespace: NAMESPACE.to_owned(),
        ..Target::default()
    };
    let mut values = Map::new();
    let flags: Vec<(&str, &str)> = args
        .chunks(2)
        .map(|pair| (pair[0].as_ref(), pair[1].as_ref()))
        .collect();
    for (_, file) in flags.iter().filter(|(flag, _)| *flag == "-f") {
        let text = std::fs::read_to_string(file).unwrap();
        for document in yaml::parse_documents(&text, Numbers::Floats).unwrap() {
            values::merge(&mut values, document.value.as_object().unwrap().clone());
        }
    }
    for (flag, value) in flags {
        let mode = match flag {
            "-f" => continue,
            "--set" => Mode::Typed,
            "--set-string" => Mode::Text,
            "--set-json" => Mode::Json,
            "--set-file" => Mode::File,
            "--set-literal" => Mode::Literal,
            "--kube-version" => {
                target.kube_version = KubeVersion::parse(value).unwrap();
                continue;
            }
            "--api-versions" => {
                target.api_versions.push(value.to_owned());
                continue;
            }
            other => panic!("unknown flag {other}"),
        };
        set::assign(value, mode, &mut values).unwrap();
    }
    Chart::load(chart)?.render(&values, &target)
}

/// A file of the data of these tests.
pub fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
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

/// Writes a file and the folders it is in.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
