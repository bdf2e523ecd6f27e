//! `import-digests --from-registry`: the same pin file as from the digest file, and the same refusals.

use std::path::Path;

use test_cluster::Output;
use test_registry::{Distribution, ImageSpec, Options, Registry, push_image};

use crate::common::{NAMES, client, fill, new_image, publish_with, run_xtask, workspace};

fn import(folder: &Path, mesh: &str, arguments: &[&str]) -> Output {
    let base = [
        "import-digests",
        "--from-registry",
        mesh,
        "--digests-dir",
        "digests",
    ];
    run_xtask(folder, &[&base[..], arguments].concat())
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn the_pin_file_is_the_same_as_from_the_digest_file() {
    let registry = Distribution::start(Options::default());
    let (folder, digests) = workspace();
    let folder = folder.path();
    fill(&registry, "staging", "v1.1.0", NAMES);
    let mesh = format!("{}/mesh", registry.address());
    let arguments = [
        "--from",
        &format!("{}/staging", registry.address()),
        "--to",
        &mesh,
        "--confirm",
        "--digest-dir",
        &folder.display().to_string(),
        "v1.1.0",
    ];
    publish_with(&client(&[]), &arguments).ok();
    let pin_file = digests.join("v1.1.0.toml");
    let from_file = [
        "import-digests",
        "--registry",
        &mesh,
        "--digests-dir",
        "digests",
        "osm_image_digest_v1.1.0.txt",
    ];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    test_cluster::run(command.args(from_file).current_dir(folder), "").ok();
    let expected = std::fs::read_to_string(&pin_file).unwrap();
    assert!(
        expected.contains("file = \"osm_image_digest_v1.1.0.txt\""),
        "{expected}"
    );

    let release = ["--registry", &mesh, "--release", "v1.1.0"];
    let checked = import(folder, &mesh, &[&release[..], &["--check"]].concat()).ok();
    assert!(checked.contains("is up to date"), "{checked}");
    std::fs::remove_file(&pin_file).unwrap();
    let out = import(folder, &mesh, &release).ok();
    assert!(out.contains("wrote digests/v1.1.0.toml"), "{out}");
    assert_eq!(std::fs::read_to_string(&pin_file).unwrap(), expected);

    // The command that mends a difference does not name a file.
    std::fs::remove_file(&pin_file).unwrap();
    let differs = import(folder, &mesh, &[&release[..], &["--check"]].concat());
    assert_eq!(differs.code, 1);
    let authority = folder.join("authority.pem").display().to_string();
    let command = format!(
        "    cargo xtask import-digests --release v1.1.0 --from-registry {mesh} --registry {mesh} --digests-dir digests \
         --ca-file {authority}\n"
    );
    assert!(differs.stdout.ends_with(&command), "{}", differs.stdout);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn what_cannot_be_a_release_is_refused() {
    let registry = Distribution::start(Options::default());
    let (folder, digests) = workspace();
    let folder = folder.path();
    let mesh = format!("{}/mesh", registry.address());
    let files = || std::fs::read_dir(&digests).unwrap().count();
    let release =
        |release: &'static str| ["--registry", &mesh, "--release", release].map(str::to_owned);
    let refused = |name: &'static str, expected: &[&str]| {
        let arguments = release(name);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let before = files();
        let error = import(folder, &mesh, &arguments).fails(2);
        for expected in expected {
            assert!(error.contains(expected), "{name}: {expected}: {error}");
        }
        assert!(error.ends_with("nothing was written\n"), "{error}");
        assert_eq!(files(), before, "{name}");
    };
    fill(&registry, "mesh", "v1.1.0", ["init"]);
    refused(
        "v1.1.0",
        &[
            "/mesh/controller:v1.1.0 does not exist",
            "/mesh/healthcheck:v1.1.0 does not exist",
        ],
    );
    fill(&registry, "mesh", "v1.1.1", NAMES);
    let spec = ImageSpec {
        platforms: vec!["linux/arm64"],
        has_index: false,
        ..new_image()
    };
    push_image(&registry, "mesh/init", "v1.1.1", &spec);
    refused(
        "v1.1.1",
        &[
            "/mesh/init@sha256:",
            "is a manifest for linux/arm64, but an index",
        ],
    );
    fill(&registry, "mesh", "v1.1.2", NAMES);
    let copy = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|name| format!("{mesh}/{name}"));
        registry.crane(&["copy", &from, &to]).ok();
    };
    copy("controller:v1.1.2", "init:v1.1.2");
    refused(
        "v1.1.2",
        &[
            "osm_image_digest_v1.1.2.txt of ",
            "init has the same digest as controller",
        ],
    );

    // The images of the release before: the import of a file says the same.
    fill(&registry, "mesh", "v1.1.3", NAMES);
    let arguments = release("v1.1.3");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    import(folder, &mesh, &arguments).ok();
    for name in NAMES {
        copy(&format!("{name}:v1.1.3"), &format!("{name}:v1.1.4"));
    }
    refused(
        "v1.1.4",
        &[
            "controller has the same digest as in v1.1.3",
            "--allow-unchanged controller",
        ],
    );
    // Other images under the tag of a release that is pinned.
    fill(&registry, "mesh", "v1.1.3", ["init"]);
    refused("v1.1.3", &["init is sha256:", "add --replace"]);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let (folder, _) = workspace();
    let table: [(&[&str], &str); 6] = [
        (&["--from-registry", "localhost:1/mesh"], "--release"),
        (
            &["--from-registry", "localhost:1/mesh", "--release", "latest"],
            "is not the name of a release",
        ),
        (
            &[
                "--from-registry",
                "localhost:1/mesh",
                "--release",
                "v1.1.0",
                "file",
            ],
            "cannot be used with",
        ),
        (
            &[
                "--from-registry",
                "localhost:1/mesh",
                "--release",
                "v1.1.0",
                "--format",
                "skopeo",
            ],
            "cannot be used with",
        ),
        (&["file"], "--from-registry"),
        (
            &["--from-registry", "mesh:v1", "--release", "v1.1.0"],
            "--from-registry",
        ),
    ];
    for (arguments, expected) in table {
        let all = [&["import-digests", "--digests-dir", "digests"], arguments].concat();
        // Every run has --ca-file, which has an effect with a registry only.
        let error = run_xtask(folder.path(), &all).fails(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}
