//! A packaged chart contains the pins of its release, and the real helm renders it without other values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use helm_chart::Chart;
use helm_chart::values::insert;
use image_pins::{Components, PinFile};
use xtask::Exit;
use xtask::flags::PackageChart;
use xtask::{package_chart, tools};

fn package(release: &str, folder: &Path) -> String {
    let flags = PackageChart {
        release: Some(release.parse().unwrap()),
        destination: folder.to_owned(),
        push: None,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = package_chart::run(&flags, &mut out, &mut err);
    assert_eq!(exit, Exit::Done, "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).unwrap().trim().to_owned()
}

#[test]
fn packaging_is_reproducible() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let read = |folder: &Path| std::fs::read(package("v1.2.4", folder)).unwrap();
    assert_eq!(read(one.path()), read(other.path()));
}

#[test]
fn files_have_the_time_of_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["package-chart", "--release", "v1.2.4"])
        .current_dir(folder.path())
        .env("SOURCE_DATE_EPOCH", "1658768589")
        .status();
    assert!(done.unwrap().success());
    let file = std::fs::File::open(folder.path().join("osm-1.2.4.tgz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let times: Vec<u64> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().header().mtime().unwrap())
        .collect();
    assert!(times.len() > 10, "{times:?}");
    assert!(times.iter().all(|time| *time == 1_658_768_589), "{times:?}");
}

#[test]
fn a_packaged_chart_has_the_pins_as_values_and_keeps_the_comments() {
    let folder = tempfile::tempdir().unwrap();
    let packaged = package("v1.2.3", folder.path());
    let chart = Chart::load(Path::new(&packaged)).unwrap();
    assert_eq!(chart.metadata.version, "1.2.3");
    assert_eq!(chart.metadata.app_version, "v1.2.3");

    let workspace = tools::workspace();
    let pins = PinFile::read(&workspace.join("digests/v1.2.3.toml")).unwrap();
    assert!(!pins.images.is_empty() && !pins.external.is_empty());
    let original = Chart::load(workspace.join("charts/osm")).unwrap();
    let mut values = original.values;
    let components = Components::read(&workspace.join("digests/components.toml")).unwrap();
    for (name, digest) in &pins.images {
        let key = &components.by_name(name).unwrap().key;
        let path = format!("osm.image.digest.{key}");
        insert(&mut values, &path, digest.to_string().into());
    }
    for (key, reference) in components.external.iter().chain(&pins.external) {
        insert(
            &mut values,
            &format!("osm.{key}"),
            reference.to_string().into(),
        );
    }
    insert(
        &mut values,
        "osm.image.registry",
        pins.registry.to_string().into(),
    );
    assert_eq!(chart.values, values);

    let comments = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.trim_start().starts_with('#'));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let original = std::fs::read_to_string(workspace.join("charts/osm/values.yaml")).unwrap();
    let comments_before = comments(&original);
    assert!(comments_before.len() > 50, "{comments_before:?}");
    let values_file = unpack(Path::new(&packaged), "osm/values.yaml");
    assert_eq!(comments(&values_file), comments_before);
}

/// The text of one file of a .tgz file.
fn unpack(archive: &Path, name: &str) -> String {
    let file = std::fs::File::open(archive).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut entries = archive.entries().unwrap();
    let mut entry = entries
        .find_map(|entry| {
            let entry = entry.unwrap();
            (entry.path().unwrap() == Path::new(name)).then_some(entry)
        })
        .unwrap();
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn releases_without_pins_or_of_another_minor_version_are_refused() {
    for (release, message) in [
        ("v1.2.99", "v1.2.99.toml"),
        ("v1.1.4", "for releases v1.2.x"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let flags = PackageChart {
            release: Some(release.parse().unwrap()),
            destination: folder.path().to_owned(),
            push: None,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(
            package_chart::run(&flags, &mut out, &mut err),
            Exit::Refused
        );
        let err = String::from_utf8(err).unwrap();
        assert!(err.contains(message), "{err}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn helm_renders_a_packaged_chart_with_all_pins() {
    let helm = std::env::var_os("OSM_TEST_HELM").expect("run `cargo xtask test`");
    let folder = tempfile::tempdir().unwrap();
    for release in ["v1.2.3", "v1.2.4"] {
        let chart = package(release, folder.path());
        let done = Command::new(&helm)
            .args(["template", "osm", &chart, "--namespace", "osm-system"])
            .output()
            .unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let pins =
            PinFile::read(&tools::workspace().join(format!("digests/{release}.toml"))).unwrap();
        assert!(!pins.images.is_empty(), "{release}");
        for (name, digest) in &pins.images {
            let image = format!("{}/{name}@{digest}", pins.registry);
            assert!(text.contains(&image), "{release}: {image}");
        }
        assert!(text.contains(&format!("app.kubernetes.io/version: \"{release}\"")));
    }
}
