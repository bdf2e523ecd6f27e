//! `release --dry-run`: from small images in a staging repository to a binary that installs them into a real cluster.

use std::path::Path;
use std::process::Command;

use image_pins::ReleaseName;
use serde_json::Value;
use test_cluster::{Cluster, Output, run};
use xtask::tools;

/// The components of the mesh.
const COMPONENTS: usize = 7;

/// Runs git in this workspace.
fn git(arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(tools::workspace());
    run(&mut command, "").ok()
}

/// Returns what must not change: files, branches, tags and other references, and worktrees.
fn state() -> [String; 4] {
    [
        git(&["status", "--porcelain", "--ignored"]),
        git(&["diff", "HEAD"]),
        git(&["for-each-ref"]),
        git(&["worktree", "list"]),
    ]
}

/// Returns the release after all that have pins.
fn next_release() -> ReleaseName {
    let files = std::fs::read_dir(tools::workspace().join("digests")).unwrap();
    let releases = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".toml")?.parse::<ReleaseName>().ok()
    });
    let last = releases.max().unwrap();
    ReleaseName::new(last.major(), last.minor(), last.patch() + 1)
}

/// Rehearses a release in a folder, with images of this seed.
fn rehearse(scratch: &Path, release: &ReleaseName, seed: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["release", "--dry-run", "--profile", "dev", "--scratch"])
        .arg(scratch)
        // The next rehearsal finds the dependencies there.
        .args([
            "--target-dir",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/rehearsal"),
        ])
        .args(["--seed", seed, &release.to_string()])
        .current_dir(scratch);
    run(&mut command, "")
}

/// Returns the files that were made for the release, with their content.
fn made(scratch: &Path) -> Vec<(String, Vec<u8>)> {
    let mut made: Vec<_> = std::fs::read_dir(scratch.join("dist"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    made.sort();
    made
}

#[test]
#[ignore = "builds osm: run cargo xtask test --rehearsal"]
fn a_rehearsed_release_installs_the_published_images_and_changes_nothing_else() {
    let before = state();
    let scratch = tempfile::tempdir().unwrap();
    let scratch = scratch.path();
    let release = next_release();
    let first = rehearse(scratch, &release, "1").ok();
    for step in [
        "publish-images --from",
        "import-digests --release",
        "verify-digests --release",
        "bump",
        "release-check",
        "dist --destination",
        "package-chart --release",
        "sbom",
        "notes",
    ] {
        let line = format!("$ cargo xtask {step}");
        assert!(first.contains(&line), "{line}: {first}");
    }
    assert!(
        first.contains(&format!("# rehearsed {release}: ")),
        "{first}"
    );
    for tag in [&release.to_string(), "latest"] {
        let file = scratch.join(format!("digests/osm_image_digest_{tag}.txt"));
        let rows = std::fs::read_to_string(file).unwrap();
        assert_eq!(rows.lines().count(), 1 + COMPONENTS, "{rows}");
    }
    let files = made(scratch);
    let base = scratch.join("workspace");
    let head = |revision: &str| {
        let mut command = Command::new("git");
        command.args(["rev-parse", revision]).current_dir(&base);
        run(&mut command, "").ok()
    };
    let commit = head("main");
    assert_ne!(commit, head("refs/rehearsal/base"));

    // The same again does nothing.
    let again = rehearse(scratch, &release, "1").ok();
    assert!(again.contains("# nothing to commit"), "{again}");
    assert!(!again.contains(": copy sha256:"), "{again}");
    assert!(!again.contains(": push sha256:"), "{again}");
    assert_eq!(head("main"), commit);
    assert!(made(scratch) == files, "the same files again");

    // Other images are refused before anything is made of them.
    let other = rehearse(scratch, &release, "2");
    assert_eq!(other.code, 1, "{}", other.stderr);
    let refused = "hint: the tag of a release never moves";
    assert!(other.stderr.contains(refused), "{}", other.stderr);
    assert!(
        other.stderr.contains("\n  cargo xtask publish-images "),
        "{}",
        other.stderr
    );
    assert_eq!(head("main"), commit);

    let cluster = Cluster::start();
    let program = scratch.join("dist").join("osm");
    cluster
        .run(&program, cluster.kubeconfig(), &["install"])
        .ok();
    let listed = cluster.run(
        &program,
        cluster.kubeconfig(),
        &["images", "list", "-o", "json"],
    );
    let listed: Value = serde_json::from_str(&listed.ok()).unwrap();
    assert_eq!(listed["release"], release.to_string());
    let pods = cluster.get("/api/v1/namespaces/osm-system/pods").unwrap();
    let pods = pods["items"].to_string();
    let pins = std::fs::read_to_string(base.join(format!("digests/{release}.toml"))).unwrap();
    let digests: Vec<&str> = pins
        .split('"')
        .filter(|word| word.starts_with("sha256:"))
        .collect();
    assert!(digests.len() >= COMPONENTS, "{pins}");
    let running = digests.iter().filter(|digest| pods.contains(**digest));
    assert!(
        running.count() >= 3,
        "controller, injector and bootstrap: {pods}"
    );
    assert_eq!(state(), before);
}
