//! `verify-digests`: images that hold, and everything that can be wrong with one of them.

use std::path::Path;

use test_cluster::Output;
use test_registry::{Distribution, ImageSpec, Options, Registry, push_image};

use crate::common::{NAMES, fill, new_image, run_xtask, workspace};

/// Imports the images of a release from the registry `mesh`.
fn import(folder: &Path, registry: &Distribution, release: &str) {
    let mesh = format!("{}/mesh", registry.address());
    let arguments = [
        "import-digests",
        "--from-registry",
        &mesh,
        "--registry",
        &mesh,
        "--release",
        release,
        "--digests-dir",
        "digests",
    ];
    run_xtask(folder, &arguments).ok();
}

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    let base = ["verify-digests", "--digests-dir", "digests"];
    run_xtask(folder, &[&base[..], arguments].concat())
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn images_that_do_not_hold_are_named_and_the_others_are_checked() {
    let registry = Distribution::start(Options::default());
    let (folder, _) = workspace();
    let folder = folder.path();
    let name = |component: &str| format!("{}/mesh/{component}", registry.address());
    let first = fill(&registry, "mesh", "v1.1.0", NAMES);
    let second = fill(&registry, "mesh", "v1.1.1", NAMES);
    import(folder, &registry, "v1.1.0");
    import(folder, &registry, "v1.1.1");

    let held = verify(folder, &[]).ok();
    let line = |release: &str, component: &str, digest: &str, status: &str| {
        format!("{release} {}@{digest}: {status}\n", name(component))
    };
    // In the order of the pin file.
    let order = [0, 2, 1];
    let lines = |release: &str, digests: &[String]| {
        let lines = order.map(|at| line(release, NAMES[at], &digests[at], "ok"));
        lines.concat()
    };
    assert_eq!(held, lines("v1.1.0", &first) + &lines("v1.1.1", &second));
    let windows = verify(
        folder,
        &["--release", "v1.1.1", "--platform", "windows/amd64"],
    );
    assert_eq!(windows.code, 1);
    let expected = "has no image for windows/amd64, only for linux/amd64, linux/arm64";
    assert_eq!(
        windows.stderr.matches(expected).count(),
        3,
        "{}",
        windows.stderr
    );

    // One tag is moved, one is gone with its image, and one is gone alone.
    let moved = push_image(&registry, "mesh/controller", "v1.1.0", &new_image()).digest;
    registry
        .crane(&["delete", &format!("{}@{}", name("init"), first[1])])
        .ok();
    let healthcheck = name("healthcheck");
    registry
        .crane(&["tag", &format!("{healthcheck}@{}", first[2]), "kept"])
        .ok();
    registry
        .crane(&["delete", &format!("{healthcheck}:v1.1.0")])
        .ok();
    let failed = verify(folder, &[]);
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    let expected = [
        line("v1.1.0", "controller", &first[0], "FAILED"),
        line("v1.1.0", "healthcheck", &first[2], "ok, without the tag"),
        line("v1.1.0", "init", &first[1], "FAILED"),
        lines("v1.1.1", &second),
    ];
    assert_eq!(failed.stdout, expected.concat());
    for expected in [
        format!(
            "error: {}:v1.1.0 is {moved}, not {}\n  hint: ",
            name("controller"),
            first[0]
        ),
        format!("error: {}@{}: not found", name("init"), first[1]),
        "2 of 6 images do not hold".to_owned(),
    ] {
        assert!(
            failed.stderr.contains(&expected),
            "{expected}: {}",
            failed.stderr
        );
    }
    verify(folder, &["--release", "v1.1.1"]).ok();
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_mirror_without_tags_holds_and_one_without_images_does_not() {
    let registry = Distribution::start(Options::default());
    let (folder, _) = workspace();
    let folder = folder.path();
    let built = fill(&registry, "mesh", "v1.1.0", NAMES);
    import(folder, &registry, "v1.1.0");
    for (component, digest) in NAMES.iter().zip(&built) {
        let from = format!("{}/mesh/{component}@{digest}", registry.address());
        let to = format!("{}/mirror/{component}:other", registry.address());
        registry.crane(&["copy", &from, &to]).ok();
    }
    let mirror = format!("{}/mirror", registry.address());
    let out = verify(folder, &["--registry", &mirror]).ok();
    assert_eq!(out.matches(": ok, without the tag\n").count(), 3, "{out}");
    let nowhere = verify(
        folder,
        &["--registry", &format!("{}/nowhere", registry.address())],
    );
    assert_eq!(nowhere.code, 1);
    assert_eq!(
        nowhere.stderr.matches("not found").count(),
        3,
        "{}",
        nowhere.stderr
    );
    let closed = verify(folder, &["--registry", "localhost:1/mesh"]);
    assert_eq!(closed.code, 1);
    let errors = closed
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 3, "{}", closed.stderr);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_manifest_of_one_platform_lacks_the_others() {
    let registry = Distribution::start(Options::default());
    let (folder, digests) = workspace();
    let spec = ImageSpec {
        platforms: vec!["linux/amd64"],
        has_index: false,
        ..new_image()
    };
    let digest = push_image(&registry, "mesh/init", "v1.1.0", &spec).digest;
    let pins = format!(
        "schema = 1\nrelease = \"v1.1.0\"\nregistry = \"{}/mesh\"\n[source]\nfile = \"f\"\nformat = \"skopeo\"\n\
         sha256 = \"{digest}\"\n[images]\ninit = \"{digest}\"\n",
        registry.address()
    );
    std::fs::write(digests.join("v1.1.0.toml"), pins).unwrap();
    let both = verify(folder.path(), &[]);
    assert_eq!(both.code, 1);
    assert!(
        both.stderr
            .contains("has no image for linux/arm64, only for linux/amd64")
    );
    verify(folder.path(), &["--platform", "linux/amd64"]).ok();
}

#[test]
fn pin_files_that_cannot_be_read_are_named() {
    let (folder, digests) = workspace();
    let table: [(&[&str], &str); 4] = [
        (&[], "the folder has no pin files"),
        (&["--release", "v1.1.0"], "v1.1.0.toml: cannot read it"),
        (&["--release", "1.1.0"], "the leading `v` is missing"),
        (
            &["--platform", "linux"],
            "is not a platform such as linux/amd64",
        ),
    ];
    for (arguments, expected) in table {
        let error = verify(folder.path(), arguments).fails(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    std::fs::write(digests.join("v1.1.0.toml"), "schema = 1\n").unwrap();
    let error = verify(folder.path(), &[]).fails(2);
    assert!(error.contains("v1.1.0.toml:"), "{error}");
}
