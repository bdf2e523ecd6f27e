//! The build fails if a pin file or the chart is missing, damaged or has unknown components, and rebuilds only what
//! changed.
//!
//! Most tests run the compiled build script, as cargo does, on a copy of its input. One test builds a copy of the
//! workspace with cargo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::common::{Output, copy_folder, osm, release, repository, run, scratch};
use serde_json::Value;

/// A change of a file: its path, a string in it, and the replacement of the first occurrence.
type Change<'a> = (&'a str, &'a str, &'a str);

/// A build that must fail: its name, the release if it is not the one in Cargo.toml, the changes, and parts of the error.
type Case<'a> = (&'a str, Option<&'a str>, &'a [Change<'a>], &'a [&'a str]);

/// Copies files and folders of the workspace to a new folder.
fn copy_workspace(name: &str, parts: &[&str]) -> PathBuf {
    let folder = scratch(&format!("build_script/{name}"));
    for part in parts {
        let from = PathBuf::from(repository(part));
        if from.is_dir() {
            copy_folder(&from, &folder.join(part));
        } else {
            std::fs::copy(&from, folder.join(part)).unwrap();
        }
    }
    folder
}

fn apply(folder: &Path, (file, from, to): Change) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

/// Runs the build script of this workspace on a copy of its input with these changes.
fn run_build_script(name: &str, release: Option<&str>, changes: &[Change]) -> Output {
    let folder = copy_workspace(name, &["Cargo.toml", "charts", "digests"]);
    for change in changes {
        apply(&folder, *change);
    }
    let out = folder.join("out");
    std::fs::create_dir(&out).unwrap();
    let mut command = Command::new(env!("OSM_BUILD_SCRIPT"));
    command
        .current_dir(&folder)
        .env_clear()
        .env("CARGO_MANIFEST_DIR", &folder)
        .env("OUT_DIR", &out)
        .envs(release.map(|release| ("OSM_RELEASE", release)));
    run(&mut command, "")
}

/// Returns the line of a component in a pin file.
fn pin_of(component: &str, pin_file: &str) -> String {
    let text = std::fs::read_to_string(repository(pin_file)).unwrap();
    let line = text.lines().find(|line| line.starts_with(component));
    format!("{}\n", line.unwrap())
}

#[test]
fn invalid_input_fails_with_the_place_and_the_fix() {
    let pin_file = format!("digests/{}.toml", release());
    let osm_crds = pin_of("osm-crds", &pin_file);
    // What an error at a line of the chart begins with: the line itself, or the first one that contains this.
    let at = |file: &str, part: &str, rest: &str| {
        let text = std::fs::read_to_string(repository(&format!("charts/osm/{file}"))).unwrap();
        let position = |is_line: &dyn Fn(&str) -> bool| text.lines().position(is_line);
        let index =
            position(&|line| line == part).or_else(|| position(&|line| line.contains(part)));
        let index = index.unwrap();
        format!("charts/osm/{file}:{}:{rest}", index + 1)
    };
    let gateway = at("templates/cleanup.yaml", "osmCRDs", "");
    #[rustfmt::skip]
    let table: &[Case] = &[
        ("a release without a pin file", Some("v9.9.9"), &[],
            &["digests/v9.9.9.toml is missing", "cargo xtask import-digests --release v9.9.9"]),
        ("a component without a pin", None, &[(&pin_file, &osm_crds, "")],
            &[&pin_file, "osm-crds", &format!("cargo xtask import-digests --release {}", release())]),
        ("a damaged pin file", None, &[("digests/v1.2.0.toml", "osm-crds = \"sha256:", "osm-crds = \"sha256:zz")],
            &["digests/v1.2.0.toml:"]),
        ("an unknown component key", None, &[("charts/osm/templates/cleanup.yaml", "\"osmCRDs\"", "\"osmGateway\"")],
            &["osmGateway", gateway.trim_end_matches(':')]),
        ("a template that does not parse", None, &[("charts/osm/templates/cleanup.yaml", "include ", "inclood ")],
            &[&at("templates/cleanup.yaml", "include ", "")]),
        ("a subtemplate that does not parse", None, &[("charts/osm/templates/_helpers.tpl", "{{- end", "{{- end end")],
            &[&at("templates/_helpers.tpl", "{{- end", "")]),
        ("values that are not YAML", None, &[("charts/osm/values.yaml", "osm:", "osm: [")],
            &["charts/osm/values.yaml:"]),
        ("a default that the schema refuses", None, &[("charts/osm/values.yaml", "replicaCount: 1", "replicaCount: many")],
            &[&at("values.yaml", "    replicaCount: 1", "5: osm.osmController.replicaCount: must be an integer")]),
        ("a default that is missing", None, &[("charts/osm/values.yaml", "    replicaCount: 1\n", "")],
            &[&at("values.yaml", "  osmController:", "3: osm.osmController.replicaCount: must be set")]),
        ("a pin that the schema refuses", None, &[("charts/osm/values.schema.json", "\"registry\": {\"type\": \"string\"", "\"registry\": {\"type\": \"integer\"")],
            &["digests/v0.11.0.toml: osm.image.registry: must be an integer"]),
        ("a schema that is not JSON", None, &[("charts/osm/values.schema.json", "{", "{,")],
            &["charts/osm/values.schema.json:1:2"]),
        ("a schema that is not valid", None, &[("charts/osm/values.schema.json", "\"type\": \"object\"", "\"type\": \"map\"")],
            &["charts/osm/values.schema.json: the schema is not valid"]),
        ("metadata without a name", None, &[("charts/osm/Chart.yaml", "name: osm", "nam: osm")],
            &["charts/osm/Chart.yaml:1:1: the chart needs a name"]),
        ("an item that the schema refuses", None, &[("charts/osm/values.yaml", "imagePullSecrets: []", "imagePullSecrets: [{nam: x}]")],
            &[&at("values.yaml", "imagePullSecrets: []", "23: osm.imagePullSecrets[0].nam: unknown value; did you mean osm.imagePullSecrets[0].name?")]),
        ("no place for pins", None, &[("digests/components.toml", "[values]", "[value]")],
            &["digests/components.toml:", "did you mean `values`?"]),
    ];
    for (case, release, changes, wanted) in table {
        let done = run_build_script(&case.replace(' ', "-"), *release, changes);
        let errors: Vec<&str> = (done.stdout.lines())
            .filter_map(|line| line.strip_prefix("cargo::error="))
            .collect();
        // Cargo prints each error and fails.
        assert!(!errors.is_empty(), "{case}: no error: {}", done.stderr);
        for want in *wanted {
            let said = errors.iter().any(|error| error.contains(want));
            assert!(said, "{case}: {want:?} is not in: {errors:?}");
        }
    }
    let good = run_build_script("good", None, &[]);
    assert!(!good.stdout.contains("cargo::error="), "{}", good.stdout);
    good.ok();
}

/// A copy of the workspace, which cargo builds.
struct Workspace {
    folder: PathBuf,
    target: PathBuf,
}

impl Workspace {
    fn copy() -> Self {
        // Everything that cargo reads. The test binary may be empty.
        let parts = [
            "Cargo.toml",
            "Cargo.lock",
            "rust-toolchain.toml",
            "build.rs",
            "benches",
            "build",
            "charts",
            "crates",
            "digests",
            "src",
            "xtask",
        ];
        let folder = copy_workspace("workspace", &parts);
        // The copy shares the compiled dependencies of this build. Cargo names what it compiles by the path inside the
        // workspace and by the profile: with the same profile, the packages of the copy would replace those of this build.
        let manifest = folder.join("Cargo.toml");
        let mut text = std::fs::read_to_string(&manifest).unwrap();
        for package in [
            "helm-chart",
            "helm-release",
            "image-pins",
            "openservicemesh",
        ] {
            text.push_str(&format!(
                "\n[profile.dev.package.{package}]\ndebug = false\n"
            ));
        }
        std::fs::write(&manifest, text).unwrap();
        std::fs::create_dir(folder.join("tests")).unwrap();
        std::fs::write(folder.join("tests/main.rs"), "").unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build_script/target");
        Self { folder, target }
    }

    /// Builds `osm` without the feature `cluster`, which takes long to build and does not affect the build script.
    fn build(&self, release: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["build", "--package", "openservicemesh", "--verbose"])
            .args(["--offline", "--locked", "--no-default-features"])
            .current_dir(&self.folder)
            .env_remove("OSM_RELEASE")
            .env("CARGO_TARGET_DIR", &self.target)
            // Uses the dependencies of the tests, which are already built.
            .env(
                "CARGO_BUILD_BUILD_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap(),
            )
            .envs(release.map(|release| ("OSM_RELEASE", release)));
        run(&mut command, "")
    }

    /// Builds successfully and returns the packages that were compiled.
    #[track_caller]
    fn compiled(&self, release: Option<&str>) -> Vec<String> {
        let done = self.build(release);
        assert_eq!(done.code, 0, "{}", done.stderr);
        (done.stderr.lines())
            .filter_map(|line| line.trim().strip_prefix("Compiling "))
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    }

    fn osm(&self, args: &[&str]) -> String {
        let mut command = Command::new(self.target.join("debug/osm"));
        run(command.args(args).env_clear(), "").ok()
    }
}

#[test]
fn cargo_builds_the_chosen_channel_rebuilds_only_changes_and_shows_errors() {
    let workspace = Workspace::copy();
    let built = workspace.compiled(Some("main"));
    assert!(built.contains(&"openservicemesh".to_owned()), "{built:?}");
    the_main_channel_has_a_floating_tag_and_always_pulls(&workspace);

    assert_eq!(
        workspace.compiled(Some("main")),
        [""; 0],
        "the second build"
    );
    let pin_file = std::fs::File::options()
        .append(true)
        .open(workspace.folder.join("digests/v1.2.3.toml"))
        .unwrap();
    pin_file
        .set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    assert_eq!(
        workspace.compiled(Some("main")),
        ["openservicemesh"],
        "after a pin file was touched"
    );

    let pin_file = format!("digests/{}.toml", release());
    let osm_crds = pin_of("osm-crds", &pin_file);
    apply(&workspace.folder, (&pin_file, &osm_crds, ""));
    let failed = workspace.build(None);
    assert_eq!(failed.code, 101, "{}", failed.stderr);
    let error = (failed.stderr.lines()).find(|line| line.starts_with("error: openservicemesh"));
    let error = error.unwrap_or_else(|| panic!("{}", failed.stderr));
    assert!(error.contains(&pin_file), "{error}");
}

fn the_main_channel_has_a_floating_tag_and_always_pulls(workspace: &Workspace) {
    let listed = workspace.osm(&["images", "list", "-o", "json"]);
    let data: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(data["release"], "main");
    let images = data["images"].as_array().unwrap().iter();
    let components: Vec<(&Value, &str)> = images
        .map(|image| (&image["pinned"], image["reference"].as_str().unwrap()))
        .filter(|(_, reference)| reference.starts_with("openservicemesh/"))
        .collect();
    assert_eq!(components.len(), 7);
    for (pinned, reference) in components {
        assert_eq!(pinned, false, "{reference}");
        assert!(reference.ends_with(":latest-main"), "{reference}");
    }
    let version = workspace.osm(&["version", "-o", "json"]);
    let data: Value = serde_json::from_str(&version).unwrap();
    assert_eq!(data["client"]["release"], "main");
    assert!(data["client"]["pinFileSha256"].is_null(), "{data}");
    let pins = workspace.folder.join("pins.yaml").display().to_string();
    std::fs::write(&pins, osm(&["images", "list", "-o", "helm-values"]).ok()).unwrap();
    let pinned = workspace.osm(&["images", "list", "-f", &pins]);
    assert!(
        !pinned.contains("latest-main"),
        "a user's digests take precedence: {pinned}"
    );
    let objects = workspace.osm(&["install", "--dry-run"]);
    assert_eq!(objects.matches("imagePullPolicy: Always").count(), 5);
    assert_eq!(objects.matches("imagePullPolicy: IfNotPresent").count(), 0);
}
