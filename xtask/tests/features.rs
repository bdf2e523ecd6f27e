//! What the tasks that need no network are built from.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Returns the names of the packages that xtask is built from.
fn packages(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "xtask",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--locked",
            "--offline",
        ])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn only_the_tasks_that_talk_to_registries_need_a_tls_stack() {
    let network = ["hyper", "rustls", "tokio", "oci-registry"];
    let plain = packages(&[]);
    assert!(plain.contains(&"image-pins".to_owned()), "{plain:?}");
    let with_registry = packages(&["--features", "registry"]);
    for name in network.map(str::to_owned) {
        assert!(!plain.contains(&name), "{name}");
        assert!(with_registry.contains(&name), "{name}");
    }
}
