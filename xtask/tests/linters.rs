//! cargo-deny and lychee find nothing in this workspace, and find what is wrong in others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/lint.rs"]
mod lint;

use std::path::Path;
use std::process::Command;

use lint::lint;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
#[ignore = "needs cargo-deny: run cargo xtask test"]
fn cargo_deny_finds_what_may_not_be_depended_on() {
    let deny = |config: &Path| {
        let config = config.display().to_string();
        let arguments = [
            "--color=never",
            "--locked",
            "--workspace",
            "--config",
            &config,
        ];
        let checks = ["check", "bans", "licenses", "sources"];
        lint(
            "OSM_TEST_CARGO_DENY",
            arguments.iter().chain(&checks),
            workspace(),
        )
    };
    let (clean, said) = deny(&workspace().join("deny.toml"));
    assert!(clean && !said.contains("warning["), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let strict = folder.path().join("deny.toml");
    let text =
        "[bans]\ndeny = [{ crate = \"serde_json\" }]\n[licenses]\nallow = [\"Apache-2.0\"]\n";
    std::fs::write(&strict, text).unwrap();
    let (clean, said) = deny(&strict);
    assert!(!clean, "{said}");
    for found in ["error[banned]", "serde_json", "error[rejected]"] {
        assert!(said.contains(found), "{found}: {said}");
    }
}

#[test]
#[ignore = "needs lychee: run cargo xtask test"]
fn lychee_finds_dead_links() {
    let listed = Command::new("git")
        .args(["ls-files", "*.md"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let pages = String::from_utf8(listed.stdout).unwrap();
    assert!(pages.contains("docs/pinning.md"), "{pages}");
    let follow = |pages: &[&str]| {
        let arguments = ["--offline", "--no-progress", "--include-fragments"];
        lint(
            "OSM_TEST_LYCHEE",
            arguments.iter().chain(pages),
            workspace(),
        )
    };
    let (clean, said) = follow(&pages.lines().collect::<Vec<_>>());
    assert!(clean, "{said}");

    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    std::fs::write(&page, "[gone](gone.md) [nowhere](page.md#nowhere)\n").unwrap();
    let (clean, said) = follow(&[&page.display().to_string()]);
    assert!(!clean, "{said}");
    for found in ["gone.md", "#nowhere", "2 Errors"] {
        assert!(said.contains(found), "{found}: {said}");
    }
}
