//! `package-chart --push`: the real helm finds the chart in real registries, and no version is ever replaced.

use std::path::Path;
use std::process::Command;

use helm_chart::values::insert;
use image_pins::{Components, PinFile};
use serde_json::{Map, Value};
use test_cluster::{Output, run};
use test_registry::{Answer, Distribution, Home, LyingRegistry, Olareg, Options, Registry};
use xtask::flags::{self, Task};
use xtask::{package_chart, tools};

use crate::common::{block_on, client, xtask};
use crate::release::{release, version};

/// A time of a release that is not that of the commit.
const OTHER_TIME: &str = "1658768589";

/// Runs helm as a user who trusts the registries of the tests.
fn helm(home: &Home, arguments: &[&str]) -> Output {
    let program = std::env::var_os("OSM_TEST_HELM").expect("run `cargo xtask test`");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path());
    run(&mut command, "")
}

/// Packages the chart of the release and pushes it, as a process.
fn push(registry: &impl Registry, folder: &Path, more: &[&str], time: Option<&str>) -> Output {
    let to = format!("{}/charts", registry.address());
    let arguments = ["package-chart", "--release", release(), "--push", &to];
    let mut command = xtask(folder, &[&arguments[..], more].concat());
    run(
        command
            .env_remove("SOURCE_DATE_EPOCH")
            .envs(time.map(|time| ("SOURCE_DATE_EPOCH", time))),
        "",
    )
}

/// Writes the pins of the release as values for helm.
fn pins(folder: &Path) -> String {
    let digests = tools::workspace().join("digests");
    let pins = PinFile::read(&digests.join(format!("{}.toml", release()))).unwrap();
    let components = Components::read(&digests.join("components.toml")).unwrap();
    let mut values = Map::new();
    for (path, value) in pins.chart_values(&components, components.values.as_ref().unwrap()) {
        insert(&mut values, &path, value.into());
    }
    let path = folder.join("pins.json");
    std::fs::write(&path, Value::Object(values).to_string()).unwrap();
    path.display().to_string()
}

/// Pushes the chart to a registry that the flags reach, and compares what helm finds there with the chart in the workspace.
fn push_and_find(registry: &impl Registry, ours: &[&str], helms: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let chart = format!("oci://{}/charts/osm", registry.address());
    let name = format!("{chart}:{}", version());
    let file = format!("osm-{}.tgz", version());
    let planned = push(registry, folder.path(), ours, None).ok();
    let mut lines = planned.lines();
    assert_eq!(lines.next(), Some(&*format!("./{file}")));
    let planned = lines.next().unwrap();
    let digest = planned.strip_prefix(&format!("{name}: push ")).unwrap();
    assert_eq!(
        lines.next(),
        Some("dry run: nothing was sent; to push the chart, add --confirm")
    );
    let find = [&["show", "chart", &chart], helms].concat();
    helm(registry.home(), &find).fails(1);

    let confirmed = [ours, &["--confirm"]].concat();
    let pushed = push(registry, folder.path(), &confirmed, None).ok();
    assert!(pushed.ends_with(&format!("pushed {name}\n")), "{pushed}");
    assert_eq!(registry.digest("charts/osm", version()), digest);

    // Without --version, helm takes the highest.
    let shown = helm(registry.home(), &find).ok();
    for line in [
        format!("\nversion: {}\n", version()),
        format!("\nappVersion: {}\n", release()),
    ] {
        assert!(shown.contains(&line), "{shown}");
    }
    let only = ["--version", version()];
    let pulled = helm(
        registry.home(),
        &[&["pull", &chart], &only[..], helms].concat(),
    );
    pulled.ok();
    assert_eq!(
        std::fs::read(registry.home().path().join(&file)).unwrap(),
        std::fs::read(folder.path().join(&file)).unwrap()
    );
    let template = |chart: &str, more: &[&str]| {
        let render = ["template", "osm", chart, "--namespace", "osm-system"];
        helm(registry.home(), &[&render[..], more].concat()).ok()
    };
    let from_registry = template(&chart, &[&only[..], helms].concat());
    let chart = tools::workspace().join("charts/osm").display().to_string();
    let from_folder = template(&chart, &["--values", &pins(folder.path())]);
    assert!(
        from_folder.contains("/osm-controller@sha256:"),
        "{from_folder}"
    );
    assert_eq!(from_registry, from_folder);

    let again = push(registry, folder.path(), &confirmed, None).ok();
    assert!(again.contains(&format!("{name}: is {digest}\n")), "{again}");
    assert_eq!(registry.digest("charts/osm", version()), digest);

    let error = push(registry, folder.path(), &confirmed, Some(OTHER_TIME)).fails(1);
    let image = name.trim_start_matches("oci://");
    assert!(
        error.starts_with(&format!("error: {image} is {digest}, not sha256:")),
        "{error}"
    );
    assert!(
        error.contains("hint: the tag of a release never moves"),
        "{error}"
    );
    assert!(error.ends_with("nothing was sent\n"), "{error}");
    assert_eq!(registry.digest("charts/osm", version()), digest);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn helm_finds_a_pushed_chart_which_is_never_replaced() {
    let plain = Distribution::start(Options {
        has_tls: false,
        ..Options::default()
    });
    let address = plain.address().to_owned();
    push_and_find(
        &plain,
        &["--insecure-registry", &address],
        &["--plain-http"],
    );
    let requests = plain.requests();
    let is_written = |request: &&test_registry::Request| request.method == "PUT";
    // Two blobs, the manifest by its digest, and the tag: nothing was sent twice.
    assert_eq!(requests.iter().filter(is_written).count(), 4);

    let with_tls = Olareg::start();
    let authority = with_tls.home().authority_file().display().to_string();
    push_and_find(&with_tls, &[], &["--ca-file", &authority]);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn the_artifact_is_that_of_helm_but_for_its_time() {
    let registry = Distribution::start(Options::default());
    let folder = tempfile::tempdir().unwrap();
    push(&registry, folder.path(), &["--confirm"], Some(OTHER_TIME)).ok();
    let file = format!("osm-{}.tgz", version());
    let packaged = folder.path().join(file).display().to_string();
    let to = format!("oci://{}/helm", registry.address());
    let authority = registry.home().authority_file().display().to_string();
    helm(
        registry.home(),
        &["push", &packaged, &to, "--ca-file", &authority],
    )
    .ok();
    let manifest = |repository: &str| -> Value {
        let name = format!("{}/{repository}/osm:{}", registry.address(), version());
        serde_json::from_str(&registry.crane(&["manifest", &name]).ok()).unwrap()
    };
    let (mut ours, mut of_helm) = (manifest("charts"), manifest("helm"));
    let created = "org.opencontainers.image.created";
    assert_eq!(ours["annotations"][created], "2022-07-25T17:03:09Z");
    for manifest in [&mut ours, &mut of_helm] {
        manifest["annotations"]
            .as_object_mut()
            .unwrap()
            .remove(created)
            .unwrap();
        // Go escapes more in JSON.
        let config = manifest["config"].as_object_mut().unwrap();
        config.remove("digest").unwrap();
        config.remove("size").unwrap();
    }
    // helm leaves out the field, which the specification asks for.
    let media_type = ours.as_object_mut().unwrap().remove("mediaType");
    assert_eq!(
        media_type.unwrap(),
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert_eq!(ours, of_helm);
    let config = |repository: &str| -> Value {
        let name = format!("{}/{repository}/osm", registry.address());
        let manifest = manifest(repository);
        let digest = manifest["config"]["digest"].as_str().unwrap();
        let blob = registry.crane(&["blob", &format!("{name}@{digest}")]).ok();
        serde_json::from_str(&blob).unwrap()
    };
    assert_eq!(config("charts"), config("helm"));
}

/// Packages the chart, and pushes it to a registry that answers what a script says. Returns the error.
fn push_to(registry: &LyingRegistry) -> String {
    let folder = tempfile::tempdir().unwrap();
    let to = format!("{}/charts", registry.address());
    let destination = folder.path().display().to_string();
    let words = [
        "xtask",
        "package-chart",
        "--release",
        release(),
        "--push",
        &to,
    ];
    let more = ["--confirm", "--destination", &destination];
    let Task::PackageChart(flags) = flags::parse(words.iter().chain(&more)).unwrap() else {
        panic!("not package-chart");
    };
    let chart = package_chart::package(&flags).unwrap();
    let push = flags.push.unwrap();
    let client = client(&[registry.address()]);
    let mut out = Vec::new();
    let pushed = package_chart::push_with(&client, chart, &push, &mut out);
    block_on(pushed).unwrap_err().to_string()
}

fn writes(registry: &LyingRegistry) -> usize {
    let requests = registry.requests();
    let reads = ["GET", "HEAD"];
    requests
        .iter()
        .filter(|r| !reads.contains(&r.method.as_str()))
        .count()
}

#[test]
fn nothing_is_sent_unless_the_registry_says_clearly_that_the_version_is_not_there() {
    let table = [
        (Answer::new(401), "without credentials"),
        (Answer::new(403), "access denied"),
        (Answer::new(400), "400"),
        (Answer::new(500), "500"),
        (
            Answer::new(429).header("Retry-After", "3600"),
            "too many requests",
        ),
        // A page of a proxy.
        (
            Answer::new(200).header("Content-Type", "text/html"),
            "is not a manifest",
        ),
    ];
    for (answer, expected) in table {
        let registry = LyingRegistry::start();
        let path = format!("/v2/charts/osm/manifests/{}", version());
        for method in ["HEAD", "GET"] {
            registry.on(method, &path, answer.clone());
        }
        let error = push_to(&registry);
        assert!(
            error.starts_with("error: cannot determine whether the tag exists: "),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
        assert!(error.ends_with("nothing was sent\n"), "{error}");
        assert_eq!(writes(&registry), 0, "{error}");
    }
}

#[test]
fn a_registry_that_loses_the_chart_is_found_out() {
    let registry = LyingRegistry::start();
    let session = Answer::new(202).header("Location", "/v2/charts/osm/blobs/uploads/1");
    registry
        .on("POST", "/v2/charts/osm/blobs/uploads/", session)
        .on("PUT", "/v2/charts/osm/", Answer::new(201));
    let error = push_to(&registry);
    assert!(
        error.contains(&format!("/charts/osm:{} does not exist\n", version())),
        "{error}"
    );
    assert!(
        error.contains("the chart was sent, but the registry does not have it now"),
        "{error}"
    );
    assert_eq!(writes(&registry), 6, "two blobs, the manifest and the tag");
}
