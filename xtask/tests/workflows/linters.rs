//! actionlint and zizmor find nothing in the workflows, and find what is wrong in others.

use std::path::{Path, PathBuf};

use super::{folder, lint};

const NEEDS_ACTIONLINT: &str = "OSM_TEST_ACTIONLINT";
const NEEDS_ZIZMOR: &str = "OSM_TEST_ZIZMOR";

/// A workflow that both have something to say about.
const WRONG: &str = "on: pull_request_target
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
      - run: echo ${{ steps.missing.outputs.x }}
";

/// Runs a linter on a folder of workflows.
fn lint(variable: &str, arguments: &[&str], workflows: &Path) -> (bool, String) {
    let mut files: Vec<_> = std::fs::read_dir(workflows)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let arguments = arguments.iter().map(PathBuf::from).chain(files);
    lint::lint(variable, arguments, Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// Other programs that actionlint would start are left out, because not every machine has them.
const ACTIONLINT: [&str; 3] = ["-no-color", "-shellcheck=", "-pyflakes="];
/// It finds the most with this persona, and asks nobody.
const ZIZMOR: [&str; 6] = [
    "--offline",
    "--no-config",
    "--no-progress",
    "--persona=auditor",
    "--color=never",
    "--strict-collection",
];

#[test]
#[ignore = "needs actionlint: run cargo xtask test"]
fn actionlint_has_no_findings() {
    let (clean, said) = lint(NEEDS_ACTIONLINT, &ACTIONLINT, &folder());
    assert!(clean && said.is_empty(), "{said}");
    let wrong = wrong();
    let (clean, said) = lint(NEEDS_ACTIONLINT, &ACTIONLINT, wrong.path());
    assert!(
        !clean && said.contains("\"missing\" is not defined"),
        "{said}"
    );
}

#[test]
#[ignore = "needs zizmor: run cargo xtask test"]
fn zizmor_has_no_findings() {
    let (clean, said) = lint(NEEDS_ZIZMOR, &ZIZMOR, &folder());
    // Nothing is hidden by a comment, either.
    assert!(clean && said.contains("No findings to report"), "{said}");
    assert!(
        !said.contains("ignored") && !said.contains("suppressed"),
        "{said}"
    );
    let wrong = wrong();
    let (clean, said) = lint(NEEDS_ZIZMOR, &ZIZMOR, wrong.path());
    assert!(!clean, "{said}");
    for rule in ["dangerous-triggers", "template-injection", "unpinned-uses"] {
        assert!(said.contains(rule), "{rule}: {said}");
    }
}

fn wrong() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrong.yml"), WRONG).unwrap();
    folder
}
