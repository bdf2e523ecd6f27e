//! What the build does with pin files and the chart: it fails where something is missing, damaged or
//! foreign, and it does no more than it has to.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::common::{copy_folder, osm, repository, scratch};
use serde_json::Value;

/// The copies share one target folder, in which cargo cannot tell them apart: one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// A copy of the workspace that a test can damage.
struct Workspace(PathBuf, #[allow(dead_code)] MutexGuard<'static, ()>);

impl Workspace {
    fn copy(name: &str) -> Workspace {
        // A test that failed while it had its turn left nothing that matters to the next.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = scratch(&format!("build_script/{name}"));
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "rust-toolchain.toml",
            "build.rs",
        ] {
            std::fs::copy(repository(file), folder.join(file)).unwrap();
        }
        for dir in [
            "benches", "build", "charts", "crates", "digests", "src", "tests", "xtask",
        ] {
            copy_folder(Path::new(&repository(dir)), &folder.join(dir));
        }
        Workspace(folder, turn)
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }

    /// Runs cargo; all copies share what they build of other people's crates.
    fn cargo(&self, args: &[&str], release: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(args)
            // The build script does the same for what needs a cluster, which takes much longer to build.
            .args(["--offline", "--locked", "--no-default-features"])
            .current_dir(&self.0)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("build_script/target"),
            )
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env_remove("OSM_RELEASE");
        if let Some(release) = release {
            command.env("OSM_RELEASE", release);
        }
        command.output().unwrap()
    }

    /// The errors of a build that has to fail.
    #[track_caller]
    fn errors(&self, release: Option<&str>) -> String {
        let done = self.cargo(&["build"], release);
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success(), "{stderr}");
        let errors = stderr
            .lines()
            .filter(|line| line.starts_with("error: openservicemesh"));
        errors.map(|line| format!("{line}\n")).collect()
    }
}

#[test]
fn a_release_without_a_pin_file_fails_and_names_the_mending_command() {
    let errors = Workspace::copy("missing").errors(Some("v9.9.9"));
    assert!(
        errors.contains("digests/v9.9.9.toml is missing"),
        "{errors}"
    );
    assert!(
        errors.contains("cargo xtask import-digests --release v9.9.9"),
        "{errors}"
    );
}

#[test]
fn a_component_without_a_pin_fails_and_names_file_and_component() {
    let workspace = Workspace::copy("component");
    let text = std::fs::read_to_string(workspace.0.join("digests/v1.2.4.toml")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("osm-crds"))
        .unwrap()
        .to_owned()
        + "\n";
    workspace.change("digests/v1.2.4.toml", &line, "");
    let errors = workspace.errors(None);
    assert!(errors.contains("digests/v1.2.4.toml"), "{errors}");
    assert!(errors.contains("osm-crds"), "{errors}");
    assert!(
        errors.contains("cargo xtask import-digests --release v1.2.4"),
        "{errors}"
    );
}

#[test]
fn a_damaged_pin_file_fails_with_its_line() {
    let workspace = Workspace::copy("damaged");
    workspace.change(
        "digests/v1.2.0.toml",
        "osm-crds = \"sha256:",
        "osm-crds = \"sha256:zz",
    );
    let errors = workspace.errors(None);
    assert!(errors.contains("digests/v1.2.0.toml:"), "{errors}");
}

#[test]
fn a_chart_that_names_an_unknown_component_fails_with_the_place() {
    let workspace = Workspace::copy("unknown");
    workspace.change(
        "charts/osm/templates/cleanup.yaml",
        "\"osmCRDs\"",
        "\"osmGateway\"",
    );
    let errors = workspace.errors(None);
    assert!(errors.contains("osmGateway"), "{errors}");
    assert!(
        errors.contains("charts/osm/templates/cleanup.yaml:"),
        "{errors}"
    );
}

#[test]
fn the_main_channel_has_a_tag_that_moves_and_pulls_always() {
    let workspace = Workspace::copy("main");
    let run = |args: &[&str]| {
        let mut all = vec!["run", "--quiet"];
        // cargo's own flags stand before the program's.
        all.extend(["--offline", "--locked", "--"]);
        all.extend(args);
        let done = Command::new(env!("CARGO"))
            .args(&all)
            .current_dir(&workspace.0)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("build_script/target"),
            )
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("OSM_RELEASE", "main")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    };
    let data: Value = serde_json::from_str(&run(&["images", "list", "-o", "json"])).unwrap();
    assert_eq!(data["release"], "main");
    let components: Vec<&Value> = data["images"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|image| {
            image["reference"]
                .as_str()
                .unwrap()
                .starts_with("openservicemesh/")
        })
        .collect();
    assert_eq!(components.len(), 7);
    for image in components {
        assert_eq!(image["pinned"], false, "{image}");
        assert!(
            image["reference"]
                .as_str()
                .unwrap()
                .ends_with(":latest-main"),
            "{image}"
        );
    }
    let pins = workspace.0.join("pins.yaml").display().to_string();
    std::fs::write(&pins, osm(&["images", "list", "-o", "helm-values"]).ok()).unwrap();
    let pinned = run(&["images", "list", "-f", &pins]);
    assert!(
        !pinned.contains("latest-main"),
        "a user's digests are stronger: {pinned}"
    );
    let objects = run(&["install", "--dry-run"]);
    assert_eq!(objects.matches("imagePullPolicy: Always").count(), 5);
    assert_eq!(objects.matches("imagePullPolicy: IfNotPresent").count(), 0);
}

#[test]
fn a_second_build_does_nothing_and_a_touched_pin_file_builds_only_the_root_package() {
    let workspace = Workspace::copy("rebuild");
    let compiled = || {
        let done = workspace.cargo(&["build", "--verbose"], None);
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{stderr}");
        let lines = stderr
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Compiling "));
        lines
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    compiled();
    assert_eq!(compiled(), Vec::<String>::new(), "the second build");
    let pin_file = std::fs::File::options()
        .append(true)
        .open(workspace.0.join("digests/v1.2.3.toml"))
        .unwrap();
    pin_file
        .set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    assert_eq!(
        compiled(),
        ["openservicemesh"],
        "after a pin file was touched"
    );
}
