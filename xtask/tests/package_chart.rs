//! A packaged chart has the pins of its release, and the real helm renders it without more values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use image_pins::PinFile;
use xtask::Exit;
use xtask::flags::PackageChart;
use xtask::{package_chart, tools};

fn package(release: &str, folder: &std::path::Path) -> String {
    let flags = PackageChart {
        release: Some(release.parse().unwrap()),
        destination: folder.to_owned(),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = package_chart::run(&flags, &mut out, &mut err);
    assert_eq!(exit, Exit::Done, "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).unwrap().trim().to_owned()
}

#[test]
fn the_same_release_gives_the_same_bytes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let read = |folder: &std::path::Path| std::fs::read(package("v1.2.4", folder)).unwrap();
    assert_eq!(read(one.path()), read(other.path()));
}

#[test]
fn releases_without_a_pin_file_or_of_another_chart_are_refused() {
    for (release, message) in [
        ("v1.2.99", "v1.2.99.toml"),
        ("v1.1.4", "for releases v1.2.x"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let flags = PackageChart {
            release: Some(release.parse().unwrap()),
            destination: folder.path().to_owned(),
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
fn helm_renders_a_packaged_chart_with_every_pin_of_its_release() {
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
        for (name, digest) in &pins.images {
            let image = format!("{}/{name}@{digest}", pins.registry);
            assert!(text.contains(&image), "{release}: {image}");
        }
        assert!(text.contains(&format!("app.kubernetes.io/version: \"{release}\"")));
    }
}
