//! A kubeconfig means to `osm` what it means to kubectl: both ask the same server, and what they send is compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::common::cluster::base64;
use crate::common::recorder::{Recorder, fixture};
use crate::common::{Output, run};

mod certificates;
mod credentials;
mod files;
mod login;
mod servers;

const KUBECTL: &str = "OSM_TEST_KUBECTL";

/// What both programs do with a kubeconfig.
enum Want {
    /// They ask for the version with these headers.
    Asks(&'static [&'static str]),
    /// `osm` asks without credentials, and kubectl asks for a user name on its standard input.
    AsksAnonymously,
    /// They send nothing; the error of `osm` contains this.
    Refuses(&'static str),
}

use Want::{Asks, AsksAnonymously, Refuses};

/// The headers with the token of [`token`].
const TOKEN: &[&str] = &["authorization: Bearer t"];

/// A user with a token.
fn token() -> Value {
    json!({"token": "t"})
}

fn program(name: &str, kubeconfig: &str, arguments: &[&str]) -> Command {
    let program = match name {
        "osm" => PathBuf::from(env!("CARGO_BIN_EXE_osm")),
        _ => std::env::var_os(KUBECTL)
            .unwrap_or_else(|| panic!("{KUBECTL} is not set: run `cargo xtask test`"))
            .into(),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", std::env::temp_dir().join("no-home"))
        .env("KUBECONFIG", kubeconfig);
    command
}

fn osm(kubeconfig: &str) -> Output {
    let mut command = program("osm", kubeconfig, &["mesh", "list"]);
    run(&mut command, "")
}

fn kubectl(kubeconfig: &str) -> Output {
    let arguments = ["get", "--raw", "/version", "--request-timeout=20s"];
    run(&mut program("kubectl", kubeconfig, &arguments), "")
}

/// Lets both programs use a kubeconfig, and compares what each of them asks first. Returns the difference, if there is
/// one.
fn compare(name: &str, kubeconfig: &str, recorder: &Recorder, want: &Want) -> Option<String> {
    let theirs = kubectl(kubeconfig);
    let their_requests = recorder.take();
    let ours = osm(kubeconfig);
    let our_requests = recorder.take();
    let (their_first, our_first) = (their_requests.first(), our_requests.first());
    let headers = our_first.map(|seen| seen.headers.iter().map(String::as_str).collect());
    let headers: Option<Vec<&str>> = headers;
    let is_as_wanted = match want {
        Asks(wanted) => {
            our_first == their_first
                && headers.is_some_and(|headers| headers == *wanted)
                && (theirs.code, ours.code) == (0, 0)
        }
        AsksAnonymously => {
            headers.is_some_and(|headers| headers.is_empty())
                && theirs.stdout.contains("Please enter Username")
                && ours.code == 0
        }
        Refuses(part) => {
            (our_first, their_first) == (None, None)
                && (theirs.code, ours.code) == (1, 1)
                && ours.stderr.contains(part)
                && !ours.stderr.contains("panicked")
        }
    };
    (!is_as_wanted).then(|| {
        format!(
            "{name}\n kubectl: {} {}{}\n {their_first:?}\n osm: {} {}\n {our_first:?}\n",
            theirs.code, theirs.stdout, theirs.stderr, ours.code, ours.stderr
        )
    })
}

/// Fails if a table has differences.
#[track_caller]
fn assert_no_difference(differences: impl Iterator<Item = Option<String>>) {
    let mut rows = 0;
    let differences: Vec<String> = differences.inspect(|_| rows += 1).flatten().collect();
    assert!(rows > 0);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns a kubeconfig; `more` overwrites keys of the cluster.
fn kubeconfig(recorder: &Recorder, user: &Value, more: &Value) -> Value {
    let mut cluster = json!({
        "server": format!("https://{}", recorder.address),
        "certificate-authority-data": base64_of("authority.pem"),
    });
    for (key, value) in more.as_object().unwrap() {
        cluster[key] = value.clone();
    }
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
    })
}

fn base64_of(file: &str) -> String {
    base64(&String::from_utf8(fixture(file)).unwrap())
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Compares a user and a cluster.
fn compare_entries(
    folder: &Path,
    recorder: &Recorder,
    name: &str,
    (user, cluster): (&Value, &Value),
    want: &Want,
) -> Option<String> {
    let text = kubeconfig(recorder, user, cluster).to_string();
    let path = write(folder, &format!("{name}.kubeconfig"), &text);
    compare(name, &path, recorder, want)
}
