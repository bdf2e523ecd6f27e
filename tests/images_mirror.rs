//! `osm images mirror` between real registries: digests, signatures, what is sent, and the command that installs from the
//! mirror.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_registry::{Auth, Distribution, Olareg, Options, Registry, Request, TokenOptions};

use crate::common::mesh_images::{
    COMPONENTS, Source, TAG, THIRD_PARTY, all_repositories, assert_all_at_mirror,
    assert_same_digests, data, distribution, install_command, installed_images, text, to,
};
use crate::common::{Output, command, release, run, scratch};

/// Returns the requests that send something.
fn writes(requests: &[Request]) -> Vec<&Request> {
    let reads = ["GET", "HEAD"];
    let writes = requests
        .iter()
        .filter(|request| !reads.contains(&request.method.as_str()));
    writes.collect()
}

/// Mirrors everything from one registry to another.
#[track_caller]
fn check_mirror<R: Registry>(source: R, target: &impl Registry) {
    let source = Source::new(source);
    let report = data(source.mirror(target, &["--include-external", "-o", "json"]));
    assert_same_digests(&source.registry, target);
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), COMPONENTS.len() + THIRD_PARTY.len());
    for image in images {
        assert_eq!(image["status"], "ok", "{image}");
        assert_eq!(image["platforms"], json!(["linux/amd64", "linux/arm64"]));
    }
    // Each image has two configurations and two layers of its own, and one layer that all share.
    assert_eq!(report["blobs"], 4 * images.len() + 1);
    assert_eq!(assert_all_at_mirror(&report, target), images.len());
    // The registries are on loopback, as the token server is.
    let verify = ["images", "verify"].map(str::to_owned);
    let flags = install_command(&report).split_off(1);
    let verify: Vec<String> = verify.into_iter().chain(flags).collect();
    let verify: Vec<&str> = verify.iter().map(String::as_str).collect();
    source.osm(target, &verify).ok();
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn every_registry_can_be_mirrored_to_every_other() {
    let with = |auth| {
        Distribution::start(Options {
            auth,
            ..Options::default()
        })
    };
    check_mirror(distribution(), &Olareg::start());
    check_mirror(Olareg::start(), &with(Auth::Basic));
    check_mirror(
        with(Auth::Basic),
        &with(Auth::Token(TokenOptions::default())),
    );
    check_mirror(with(Auth::Token(TokenOptions::default())), &distribution());
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn what_is_there_is_not_sent_again() {
    let (source, target) = (Source::new(distribution()), distribution());
    let dry = data(source.mirror(&target, &["--dry-run", "-o", "json"]));
    assert_eq!(writes(&target.requests()), Vec::<&Request>::new());
    assert_eq!(dry["dryRun"], true);
    assert_eq!(dry["blobs"], 4 * COMPONENTS.len() + 1);
    // An index and two manifests for each image.
    let host = source.registry.localhost_address();
    assert_eq!(dry["pulls"], json!({ host: 3 * COMPONENTS.len() }));

    let first = data(source.mirror(&target, &["-o", "json"]));
    for field in ["images", "install", "blobs", "bytes", "pulls"] {
        assert_eq!(first[field], dry[field], "{field}");
    }
    let committed = |registry: &Distribution| {
        let requests = registry.requests();
        let blobs = requests.iter().filter(|r| r.method == "PUT");
        let blobs = blobs.filter_map(|request| request.parameter("digest"));
        blobs.collect::<Vec<String>>()
    };
    let sent = committed(&target);
    assert_eq!(sent.len(), 4 * COMPONENTS.len() + 1, "each blob once");
    let before = target.requests().len();
    let read = source.registry.requests().len();
    let again = data(source.mirror(&target, &["-o", "json"]));
    assert_eq!(writes(&target.requests()[before..]), Vec::<&Request>::new());
    let reads = source.registry.requests().split_off(read);
    let blobs = reads.iter().filter(|r| r.path.contains("/blobs/"));
    let blobs: Vec<_> = blobs.collect();
    assert!(blobs.iter().all(|r| r.method == "HEAD"), "{blobs:?}");
    assert_eq!((&again["blobs"], &again["bytes"]), (&json!(0), &json!(0)));
    assert_eq!(again["install"], first["install"]);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn the_result_names_every_image_and_the_command_that_installs_from_the_mirror() {
    let (source, target) = (Source::new(distribution()), distribution());
    let mut said = String::new();
    for more in [
        &["--dry-run"][..],
        &["--include-external"],
        &["--platform", "linux/arm64", "--move-tags"],
    ] {
        let Output {
            stdout,
            stderr,
            code,
            ..
        } = source.mirror(&target, more);
        // Images that are copied at the same time end in any order.
        let mut progress: Vec<&str> = stderr.lines().collect();
        progress.sort_unstable();
        let progress = progress.join("\n");
        let shown = more.join(" ");
        said.push_str(&format!(
            "$ osm images mirror {shown}\n{progress}\n\n{stdout}[exit code {code}]\n\n"
        ));
    }
    let said = said
        .replace(&source.registry.localhost_address(), "source.test:50")
        .replace(&target.localhost_address(), "mirror.test:50");
    insta::assert_snapshot!(said);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn fewer_platforms_have_other_digests_which_the_command_sets() {
    let (source, target) = (Source::new(distribution()), Olareg::start());
    let fewer = [
        "--include-external",
        "--platform",
        "linux/arm64",
        "-o",
        "json",
    ];
    let report = data(source.mirror(&target, &fewer));
    for (from, to) in all_repositories() {
        let name = format!("{}/{from}:{TAG}", source.registry.address());
        let arm = source
            .registry
            .crane(&["digest", "--platform", "linux/arm64", &name]);
        assert_eq!(target.digest(&to, TAG), arm.ok().trim(), "{to}");
    }
    assert_eq!(report["images"][0]["platforms"], json!(["linux/arm64"]));
    let words = install_command(&report);
    let digests = words.iter().filter(|word| *word == "--image-digest");
    assert_eq!(digests.count(), COMPONENTS.len());
    assert_eq!(
        assert_all_at_mirror(&report, &target),
        all_repositories().len()
    );

    let absent = source.mirror(&target, &["--platform", "linux/s390x"]);
    assert_eq!(absent.code, 1);
    let message = "linux/s390x: choose from linux/amd64, linux/arm64";
    assert!(absent.stderr.contains(message), "{}", absent.stderr);
    assert!(
        absent.stderr.contains("7 of 7 images failed"),
        "{}",
        absent.stderr
    );
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn third_party_images_are_copied_only_on_request() {
    let (source, target) = (Source::new(distribution()), distribution());
    let output = source.mirror(&target, &["-o", "json"]);
    assert!(
        output
            .stderr
            .contains("--include-external copies them, too"),
        "{}",
        output.stderr
    );
    let report = data(output);
    let names: Vec<&str> = report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| text(&image["component"]))
        .collect();
    assert_eq!(names, COMPONENTS);
    let (at_mirror, others): (BTreeSet<String>, BTreeSet<String>) =
        installed_images(&install_command(&report)[..3])
            .into_iter()
            .partition(|image| image.starts_with(&to(&target)));
    assert_eq!(
        (at_mirror.len(), others.len()),
        (COMPONENTS.len(), THIRD_PARTY.len())
    );
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn signatures_go_with_the_images() {
    let (source, target) = (Source::new(distribution()), Olareg::start());
    let folder = scratch("images-signatures");
    let home = source.registry.home().path();
    let key = |end: &str| home.join(format!("right.{end}")).display().to_string();
    let prefix = home.join("right").display().to_string();
    let made = ["generate-key-pair", "--output-key-prefix", &prefix];
    source.registry.cosign(&made).ok();
    // A bundle, and a signature of the old format.
    let formats = [("init", "true"), ("osm-crds", "false")];
    for (component, is_bundle) in formats {
        let digest = source.registry.digest(&format!("mesh/{component}"), TAG);
        let address = source.registry.address();
        let (private, name) = (key("key"), format!("{address}/mesh/{component}@{digest}"));
        let format = format!("--new-bundle-format={is_bundle}");
        let sign = [
            "sign",
            "--key",
            &private,
            "--tlog-upload=false",
            "--use-signing-config=false",
            &format,
            &name,
        ];
        source.registry.cosign(&sign).ok();
    }
    let archive = folder.join("images.tar").display().to_string();
    let mut save = vec!["images", "save", &archive];
    save.extend(source.images.iter().map(String::as_str));
    source.osm(&target, &save).ok();
    let public = key("pub");
    let signed = |output: &Output| {
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let images = report["images"].as_array().unwrap().clone();
        let signed = images.iter().filter(|image| image["signatures"] == 1);
        let names = signed.map(|image| text(&image["component"]).to_owned());
        names.collect::<Vec<String>>()
    };
    let verify = ["images", "verify", "--key", &public, "-o", "json"].map(str::to_owned);
    let mut in_archive: Vec<&str> = verify.iter().map(String::as_str).collect();
    in_archive.extend(["--from", &archive]);
    let output = run(&mut command(&in_archive), "");
    assert_eq!(signed(&output), ["init", "osm-crds"], "{}", output.stderr);
    assert_eq!(output.code, 1, "the others are not signed");

    let direct = data(source.mirror(&target, &["-o", "json"]));
    for image in direct["images"].as_array().unwrap() {
        let has_signature = formats.iter().any(|(name, _)| image["component"] == *name);
        assert_eq!(image["referrers"], i32::from(has_signature), "{image}");
    }
    let at_mirror = |report: &Value| {
        let words = install_command(report).split_off(1);
        [&verify[..], &words].concat()
    };
    let words = at_mirror(&direct);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(signed(&source.osm(&target, &words)), ["init", "osm-crds"]);

    let other = distribution();
    let to = to(&other);
    let mut mirror = vec![
        "images", "mirror", "--to", &to, "--from", &archive, "-o", "json",
    ];
    mirror.extend(source.images.iter().map(String::as_str));
    let words = at_mirror(&data(source.osm(&other, &mirror)));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(signed(&source.osm(&other, &words)), ["init", "osm-crds"]);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn each_release_gets_its_own_command() {
    let (source, target) = (Source::new(distribution()), distribution());
    let releases = [
        "--release",
        release(),
        "--release",
        "1.2.3",
        "--release",
        "v1.0.0",
        "--release",
        "v1.2.3",
    ];
    let report = data(source.mirror(&target, &[&releases[..], &["-o", "json"]].concat()));
    // The images are the same by their tag, so each is copied once.
    assert_eq!(report["images"].as_array().unwrap().len(), COMPONENTS.len());
    let commands = report["install"].as_array().unwrap();
    let commands: Vec<(&str, String)> = commands
        .iter()
        .map(|command| {
            let words: Vec<&str> = command["command"]
                .as_array()
                .unwrap()
                .iter()
                .map(text)
                .collect();
            (
                text(&command["release"]),
                words[..5.min(words.len())].join(" "),
            )
        })
        .collect();
    let registry = to(&target);
    assert_eq!(
        commands,
        [
            (
                release(),
                format!("osm install --image-registry {registry} --image-digest")
            ),
            (
                "v1.2.3",
                "osm install --release v1.2.3 --image-registry".to_owned()
            ),
            ("v1.0.0", "osm images list --release v1.0.0".to_owned()),
        ]
    );
}
