//! `release-check` refuses every release that would be wrong, and names what is wrong with it.

use xtask::Exit;
use xtask::flags;
use xtask::release_check::{Generator, PIN_FILES};

use crate::fixture::{Fixture, PINS, digest};

const NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const CHART: &str = "charts/osm/Chart.yaml";
const TEMPLATE: &str = "charts/osm/templates/controller.yaml";
const COMPONENTS: &str = "digests/components.toml";

/// What is done to a repository that is ready for the release.
enum Break {
    /// A string in a file is replaced, with the pre-release already.
    Change(&'static str, String, String),
    /// The same, after the pre-release.
    ChangeAfter(&'static str, &'static str, &'static str),
    /// The same, and not committed.
    Edit(&'static str, &'static str, &'static str),
    /// A file is removed, with the pre-release already.
    Remove(&'static str),
    /// A file is written, and not committed.
    Write(&'static str, &'static str),
    /// Git does this.
    Git(&'static [&'static str]),
}
use Break::{ChangeAfter, Edit, Git, Remove, Write};

fn change(file: &'static str, from: impl Into<String>, to: impl Into<String>) -> Break {
    Break::Change(file, from.into(), to.into())
}

impl Break {
    fn apply(&self, fixture: &Fixture) {
        match self {
            Break::Change(file, from, to) => fixture.change(file, from, to),
            ChangeAfter(file, from, to) | Edit(file, from, to) => fixture.change(file, from, to),
            Remove(file) => std::fs::remove_file(fixture.path(file)).unwrap(),
            Write(file, text) => fixture.write(file, text),
            Git(arguments) => fixture.git(arguments),
        }
        if matches!(self, Break::Change(..) | ChangeAfter(..) | Remove(_)) {
            fixture.commit();
        }
        if matches!(self, Break::Change(..) | Remove(_)) {
            fixture.git(&["tag", "--force", "pre-rel-v1.0.1"]);
        }
    }
}

/// Returns each problem with its hint, without the number of all.
fn problems(err: &str) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    for line in err.lines() {
        match (line.strip_prefix("error: "), problems.last_mut()) {
            (Some(problem), _) => problems.push(problem.to_owned()),
            (None, Some(last)) if line.starts_with("  ") => *last += &format!("\n{line}"),
            _ => {}
        }
    }
    problems
}

#[test]
fn a_release_that_is_ready_passes() {
    let fixture = Fixture::ready();
    for arguments in [&["release-check"][..], &["release-check", "v1.0.1"]] {
        let run = fixture.run(arguments);
        assert_eq!((run.exit, &*run.err), (Exit::Done, ""));
        insta::assert_snapshot!("a_release_that_is_ready_passes", run.out);
    }
}

#[test]
fn every_problem_is_named_with_what_to_do_next() {
    #[rustfmt::skip]
    let table: Vec<(&str, Break, &[&str])> = vec![
        ("no pin file", Remove(PINS), &["digests/v1.0.1.toml is missing"]),
        ("a component is missing", change(PINS, format!("init = \"{}\"\n", digest("e1")), ""),
            &["no digest of init", "an image without a digest: registry.example.com/mesh/init@"]),
        ("a component of a later release", change(PINS, "controller = ", format!("bootstrap = \"{}\"\ncontroller = ", digest("b1"))),
            &["bootstrap is not a component of v1.0.1", "renders registry.example.com/mesh/bootstrap@sha256:b1b1"]),
        ("the pins of the release before", change(PINS, format!("controller = \"{}\"\ninit = \"{}\"", digest("c1"), digest("e1") ), format!("controller = \"{}\"\ninit = \"{}\"", digest("c0"), digest("e0") )),
            &["all digests are those of v1.0.0"]),
        ("a digest of the release before", change(PINS, digest("c1"), digest("c0")), &["controller has the same digest as controller in v1.0.0"]),
        ("a digest of another component of another release", change(PINS, digest("c1"), digest("e0")),
            &["controller has the same digest as init in v1.0.0"]),
        ("a digest of another component", change(PINS, digest("e1"), digest("c1")), &["init has the same digest as controller in v1.0.1"]),
        ("the digest file of latest", change(PINS, "osm_image_digest_v1.0.1", "osm_image_digest_latest"),
            &["wrong source: the file name contains `latest`"]),
        ("the hash of nothing", change(PINS, digest("c1"), NOTHING), &["digests/v1.0.1.toml:12:14: "]),
        ("zeros", change(PINS, digest("c1"), digest("00")), &["digests/v1.0.1.toml:12:14: "]),
        ("a damaged pin file of another release", change("digests/v1.0.0.toml", "schema = 1", "schema = 2"), &["digests/v1.0.0.toml:2:10: "]),
        ("no components", change(COMPONENTS, "schema = 1", "schema = 2"), &["digests/components.toml:1:10: "]),
        ("another release in the manifest", ChangeAfter("Cargo.toml", "v1.0.1", "v1.0.0"), &["Cargo.toml: release is v1.0.0, not v1.0.1"]),
        ("another version of the chart", change(CHART, "\nversion: \"1.0.1\"", "\nversion: 1.0.0"),
            &["charts/osm/Chart.yaml: version is 1.0.0, not 1.0.1"]),
        ("another appVersion", change(CHART, "appVersion: \"v1.0.1\"", "appVersion: 1.0"), &["charts/osm/Chart.yaml: appVersion is 1.0, not v1.0.1"]),
        ("no version of the chart", change(CHART, "\nversion: \"1.0.1\"", ""), &["charts/osm cannot be rendered", "version is missing, not 1.0.1"]),
        ("a tag that is not semver", Git(&["tag", "v1.0"]), &["the tag v1.0 of the commit: `v1.0` is not the name of a release"]),
        ("a tag of another release", Git(&["tag", "v1.0.2"]), &["the commit has the tag v1.0.2, but the release is v1.0.1"]),
        ("a floating image", change(TEMPLATE, "          env:", "        - name: debug\n          image: busybox:1\n          env:"),
            &["osm/templates/controller.yaml: Deployment/controller has an image without a digest: busybox:1"]),
        ("a floating image in a variable", change(TEMPLATE, "          env:", "          env:\n            - {name: PROBE_IMAGE, value: probe}"),
            &["has an image without a digest: probe"]),
        ("a floating image in a configuration", change(TEMPLATE, "{\"sidecar\": {", "{\"sidecar\": {\"windowsImage\": \"windows:v1\", "),
            &["ConfigMap/preset-mesh-config has an image without a digest: windows:v1"]),
        ("a tag by default", change("charts/osm/values.yaml", "tag: \"\"", "tag: latest"),
            &["mesh/controller:latest", "mesh/init:latest", "mesh/controller@sha256:c1", "mesh/init@sha256:e1"]),
        ("a chart that cannot be rendered", change(TEMPLATE, "{{- if .Values", "{{- iff .Values"),
            &["charts/osm cannot be rendered with the pins: "]),
        ("a third-party image of all releases without a digest", change(COMPONENTS, format!("@{}", digest("90")), ""),
            &["digests/components.toml: the third-party image prometheus.image has no digest: prom/prometheus:v2.53.0"]),
        ("a third-party image of the release without a digest", change(PINS, format!("@{}", digest("5a")), ""),
            &["digests/v1.0.1.toml: the third-party image sidecarImage has no digest: proxies/envoy:v1"]),
        ("no section of changes", change("CHANGELOG.md", "## v1.0.1", "## v1.0.2"), &["CHANGELOG.md: no section `## v1.0.1`"]),
        ("no changes", change("CHANGELOG.md", "- Sail faster.\n", ""), &["CHANGELOG.md: the section `## v1.0.1` is empty"]),
        ("an edited file", Edit("src/main.rs", "{}", "{ }"), &["files with uncommitted changes: src/main.rs"]),
        ("an untracked file of the chart", Write("charts/osm/templates/x.yaml", ""),
            &["not in git, but would be in the release: charts/osm/templates/x.yaml"]),
        ("an untracked file of digests", Write("digests/a.txt", ""), &["not in git, but would be in the release: digests/a.txt"]),
        ("an ignored file of the chart", Write("charts/osm/values.bak", ""), &["not in git, but would be in the release: charts/osm/values.bak"]),
        ("no pre-release", Git(&["tag", "--delete", "pre-rel-v1.0.1"]), &["the tag pre-rel-v1.0.1 does not exist"]),
        ("code that the pre-release did not have", ChangeAfter("src/main.rs", "{}", "{ }"),
            &["files that differ from the pre-release pre-rel-v1.0.1: src/main.rs"]),
        ("a manifest that the pre-release did not have", ChangeAfter("Cargo.toml", "harbor", "port"),
            &["differ from the pre-release pre-rel-v1.0.1: Cargo.toml"]),
        ("a chart that the pre-release did not have", ChangeAfter(CHART, "1.23.0", "1.24.0"),
            &["differ from the pre-release pre-rel-v1.0.1: charts/osm/Chart.yaml"]),
        ("a pin file that was edited", change(PINS, "schema = 1", "# Mended.\nschema = 1"),
            &["generated files that are not up to date: digests/v1.0.1.toml"]),
        ("another branch", Git(&["branch", "--move", "main", "topic"]), &["is neither on main nor on a branch release-*"]),
    ];
    let mut messages = String::new();
    for (what, change, expected) in table {
        let fixture = Fixture::ready();
        change.apply(&fixture);
        let run = fixture.run(&["release-check", "v1.0.1"]);
        let found = problems(&run.err);
        assert_eq!(run.exit, Exit::Differs, "{what}: {}", run.err);
        assert_eq!(found.len(), expected.len(), "{what}: {}", run.err);
        for expected in expected {
            assert!(
                run.err.contains(expected),
                "{what}: {expected}: {}",
                run.err
            );
        }
        let stable = found.join("\n").replace(&fixture.head(), "COMMIT");
        messages += &format!("# {what}\n{stable}\n\n");
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn all_problems_are_listed() {
    let fixture = Fixture::ready();
    fixture.change("Cargo.toml", "v1.0.1", "v1.0");
    fixture.change("CHANGELOG.md", "## v1.0.1", "## v1.0");
    fixture.change("digests/v1.0.0.toml", "schema = 1", "schema = 2");
    std::fs::remove_file(fixture.path(PINS)).unwrap();
    fixture.write("charts/osm/x", "");
    fixture.git(&["branch", "--move", "main", "topic"]);
    let run = fixture.run_with(&["release-check", "v1.0.1"], None, &[PIN_FILES]);
    assert_eq!(run.exit, Exit::Differs);
    insta::assert_snapshot!(run.out + &run.err.replace(&fixture.head(), "COMMIT"));
}

#[test]
fn a_name_that_is_not_semver_is_refused() {
    for name in ["v1.2", "1.0.1", "latest"] {
        let error = flags::parse(["xtask", "release-check", name]).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(
            error.to_string().contains("is not the name of a release"),
            "{error}"
        );
    }
    let fixture = Fixture::ready();
    fixture.change("Cargo.toml", "v1.0.1", "v1.0");
    let run = fixture.run(&["release-check"]);
    assert_eq!((run.exit, &*run.out), (Exit::Refused, ""));
    assert!(
        run.err
            .contains("Cargo.toml: `v1.0` is not the name of a release"),
        "{}",
        run.err
    );
}

#[test]
fn without_a_time_of_the_build_there_is_no_release() {
    let fixture = Fixture::ready();
    let hint = "\n  hint: set it to the time of the commit: `export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)`";
    for (time, expected) in [
        (None, "SOURCE_DATE_EPOCH is not set"),
        (
            Some("today"),
            "SOURCE_DATE_EPOCH=\"today\" is not a number of seconds since 1970",
        ),
    ] {
        let run = fixture.run_with(&["release-check"], time, &[PIN_FILES]);
        assert_eq!(run.exit, Exit::Differs);
        assert_eq!(problems(&run.err), [format!("{expected}{hint}")]);
    }
}

#[test]
fn images_that_were_not_rebuilt_are_allowed_by_name() {
    let fixture = Fixture::ready();
    change(PINS, digest("c1"), digest("c0")).apply(&fixture);
    for name in ["controller", "appController"] {
        let run = fixture.run(&["release-check", "--allow-unchanged", name]);
        assert_eq!((run.exit, &*run.err), (Exit::Done, ""));
    }
    let other = fixture.run(&["release-check", "--allow-unchanged", "init"]);
    assert_eq!(problems(&other.err).len(), 1, "{}", other.err);
    let unknown = fixture.run(&["release-check", "--allow-unchanged", "contoller"]);
    assert_eq!(unknown.exit, Exit::Refused);
    assert!(
        unknown.err.contains("did you mean `controller`?"),
        "{}",
        unknown.err
    );
}

#[test]
fn branches_of_releases_may_be_those_of_a_remote() {
    for branch in [
        "refs/heads/release-v1.0",
        "refs/remotes/origin/main",
        "refs/remotes/origin/release-v1.0",
    ] {
        let fixture = Fixture::ready();
        fixture.git(&["update-ref", branch, "HEAD"]);
        fixture.git(&["checkout", "--quiet", "--detach"]);
        fixture.git(&["branch", "--delete", "--force", "main"]);
        let run = fixture.run(&["release-check"]);
        assert_eq!((run.exit, &*run.err), (Exit::Done, ""), "{branch}");
    }
}

#[test]
fn what_is_derived_may_change_after_the_pre_release() {
    let fixture = Fixture::ready();
    fixture.write("docs/reference/values.md", "v1.0.1\n");
    fixture.write("tests/snapshots/list.snap", "v1.0.1\n");
    fixture.commit();
    let run = fixture.run(&["release-check"]);
    assert_eq!((run.exit, &*run.err), (Exit::Done, ""));
}

#[test]
fn a_stale_file_is_named_with_the_command_that_writes_it() {
    let command = "make docs";
    let stale = Generator {
        command,
        stale: |workspace| {
            assert!(workspace.join("Cargo.toml").exists());
            Ok(vec!["docs/a.md".to_owned(), "docs/b.md".to_owned()])
        },
    };
    let failing = Generator {
        command,
        stale: |_| Err("no make".to_owned()),
    };
    let fixture = Fixture::ready();
    let run = fixture.run_with(&["release-check"], Some("0"), &[stale, failing]);
    assert_eq!(run.exit, Exit::Differs);
    assert_eq!(
        problems(&run.err),
        [
            "generated files that are not up to date: docs/a.md, docs/b.md\n  hint: run `make docs` and commit",
            "cannot compare what `make docs` writes: no make",
        ]
    );
}

#[test]
fn where_git_cannot_answer_nothing_is_taken_for_granted() {
    let fixture = Fixture::ready();
    std::fs::remove_dir_all(fixture.path(".git")).unwrap();
    let run = fixture.run(&["release-check"]);
    assert_eq!(run.exit, Exit::Differs);
    let found = problems(&run.err);
    assert_eq!(found.len(), 4, "{}", run.err);
    assert!(
        found.iter().all(|problem| problem.starts_with("git ")),
        "{}",
        run.err
    );
}
