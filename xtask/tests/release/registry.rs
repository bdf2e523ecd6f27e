//! `release-check` compares the pins and the chart of a release with what registries have.

use std::process::Command;

use test_registry::{Distribution, ImageSpec, Options, Registry, push_image};
use xtask::flags::{self, PackageChart, Task};
use xtask::{Exit, package_chart, release_check};

use crate::fixture::{Fixture, PINS, digest};

/// A registry without TLS, because helm trusts no file of authorities here.
fn start() -> Distribution {
    Distribution::start(Options {
        has_tls: false,
        ..Options::default()
    })
}

/// Pushes the images of v1.0.1, and returns a repository that pins them.
fn published(registry: &Distribution) -> Fixture {
    let fixture = Fixture::ready();
    for (name, byte) in [("controller", "c1"), ("init", "e1")] {
        let spec = ImageSpec {
            seed: u64::from_str_radix(byte, 16).unwrap(),
            layer_bytes: 200,
            ..ImageSpec::default()
        };
        let image = push_image(registry, &format!("mesh/{name}"), "v1.0.1", &spec);
        fixture.change(PINS, &digest(byte), &image.digest);
    }
    fixture.commit();
    fixture
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn what_the_registry_has_under_the_tag_is_compared_with_the_pins() {
    let registry = start();
    let fixture = published(&registry);
    let images = format!("{}/mesh", registry.address());
    let host = registry.address();
    let check = |registry: &str| {
        fixture.run(&[
            "release-check",
            "--registry",
            registry,
            "--insecure-registry",
            host,
        ])
    };

    let good = check(&images);
    assert_eq!((good.exit, &*good.err), (Exit::Done, ""));
    assert!(
        good.out
            .contains("ok           the registry has the images under the tag"),
        "{}",
        good.out
    );

    // That of another build.
    let other = ImageSpec {
        seed: 1,
        layer_bytes: 200,
        ..ImageSpec::default()
    };
    let one_platform = ImageSpec {
        platforms: vec!["linux/amd64"],
        has_index: false,
        ..other.clone()
    };
    push_image(&registry, "mesh/init", "v1.0.1", &other);
    push_image(&registry, "mesh/controller", "v1.0.1", &one_platform);
    let moved = check(&images);
    assert_eq!(moved.exit, Exit::Differs);
    for expected in [
        "/mesh/init:v1.0.1 is sha256:",
        "is a manifest for linux/amd64, but an index of all platforms is expected",
        "2 problems",
    ] {
        assert!(moved.err.contains(expected), "{expected}: {}", moved.err);
    }

    let unpublished = check(&format!("{}/nowhere", registry.address()));
    assert_eq!(unpublished.exit, Exit::Differs);
    assert_eq!(
        unpublished.err.matches(":v1.0.1 does not exist").count(),
        2,
        "{}",
        unpublished.err
    );
    let closed = check("localhost:1/mesh");
    assert_eq!(closed.exit, Exit::Differs);
    assert_eq!(
        closed
            .err
            .matches("cannot determine whether the tag exists")
            .count(),
        2,
        "{}",
        closed.err
    );
}

#[test]
fn a_file_of_credentials_that_cannot_be_read_is_wrong_usage() {
    let fixture = Fixture::ready();
    let run = fixture.run(&[
        "release-check",
        "--registry",
        "localhost:1/mesh",
        "--registry-auth-file",
        "/nowhere",
    ]);
    assert_eq!((run.exit, &*run.out), (Exit::Refused, ""));
    assert!(run.err.contains("--registry-auth-file"), "{}", run.err);
}

/// Checks v1.2.4 of this workspace, and returns the status of the check of the chart and all errors.
fn check_chart(registry: &str, host: &str) -> (String, String) {
    let arguments = [
        "xtask",
        "release-check",
        "v1.2.4",
        "--chart-registry",
        registry,
    ];
    let arguments = arguments.into_iter().chain(["--insecure-registry", host]);
    let Task::ReleaseCheck(flags) = flags::parse(arguments).unwrap() else {
        panic!("not release-check");
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // v1.2.4 itself was not released from this workspace.
    assert_eq!(
        release_check::run(&flags, &[], &mut out, &mut err),
        Exit::Differs
    );
    let out = String::from_utf8(out).unwrap();
    let line = out
        .lines()
        .find(|line| line.contains("the registry of charts"))
        .unwrap();
    let status = line.split_whitespace().next().unwrap().to_owned();
    (status, String::from_utf8(err).unwrap())
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_chart_of_the_release_with_other_bytes_is_refused() {
    let registry = start();
    let folder = tempfile::tempdir().unwrap();
    let flags = PackageChart {
        release: Some("v1.2.4".parse().unwrap()),
        destination: folder.path().to_owned(),
        push: None,
    };
    let packaged = package_chart::run(&flags, &mut Vec::new(), &mut Vec::new());
    assert_eq!(packaged, Exit::Done);
    let helm = std::env::var_os("OSM_TEST_HELM").unwrap();
    let pushed = Command::new(helm)
        .arg("push")
        .arg(folder.path().join("osm-1.2.4.tgz"))
        .arg(format!("oci://{}/same", registry.address()))
        .arg("--plain-http")
        .output()
        .unwrap();
    assert!(
        pushed.status.success(),
        "{}",
        String::from_utf8_lossy(&pushed.stderr)
    );
    let spec = ImageSpec {
        platforms: vec!["linux/amd64"],
        has_index: false,
        ..ImageSpec::default()
    };
    push_image(&registry, "other/osm", "1.2.4", &spec);
    push_image(&registry, "index/osm", "1.2.4", &ImageSpec::default());

    let host = registry.address();
    let at = |name: &str| check_chart(&format!("{host}/{name}"), host);
    for name in ["same", "absent"] {
        let (status, err) = at(name);
        assert_eq!(status, "ok", "{name}: {err}");
    }
    for name in ["other", "index"] {
        let (status, err) = at(name);
        assert_eq!(status, "FAILED", "{name}");
        assert!(
            err.contains("/osm:1.2.4 is another chart than that of this commit"),
            "{err}"
        );
    }
    let (status, err) = check_chart("localhost:1/charts", host);
    assert_eq!(status, "FAILED");
    assert!(
        err.contains("cannot determine whether the tag exists"),
        "{err}"
    );
}
