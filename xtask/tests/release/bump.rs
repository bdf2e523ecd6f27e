//! `bump` makes the files of a workspace name a release: all of them or none, and once.

use xtask::Exit;

use crate::fixture::{Fixture, PINS};

#[test]
fn the_files_name_the_release_and_keep_everything_else() {
    let fixture = Fixture::new();
    let before = fixture.state();
    let run = fixture.run(&["bump", "v1.0.1"]);
    assert_eq!((run.exit, &*run.err), (Exit::Done, ""));
    insta::assert_snapshot!(run.out + &fixture.diff(&before));

    let after = fixture.state();
    let again = fixture.run(&["bump", "v1.0.1"]);
    assert_eq!(again.exit, Exit::Done);
    assert_eq!(
        again.out.matches(" is up to date\n").count(),
        3,
        "{}",
        again.out
    );
    assert_eq!(fixture.state(), after);
}

#[test]
fn a_dry_run_prints_the_changes_and_makes_none() {
    let fixture = Fixture::new();
    let before = fixture.state();
    let dry = fixture.run(&["bump", "v1.0.1", "--dry-run"]);
    assert_eq!((dry.exit, &*dry.err), (Exit::Done, ""));
    assert_eq!(fixture.state(), before);
    fixture.run(&["bump", "v1.0.1"]);
    assert_eq!(dry.out, fixture.diff(&before));
    let nothing = fixture.run(&["bump", "v1.0.1", "--dry-run"]);
    assert_eq!((nothing.exit, &*nothing.out), (Exit::Done, ""));
}

/// What is wrong, the release, and the changes: a file, a string in it, and its replacement.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str, &'a str)]);

#[test]
fn refusals_name_the_file_and_the_fix_and_change_nothing() {
    let table: [Case; 9] = [
        ("a release without a pin file", "v1.0.2", &[]),
        (
            "a damaged pin file",
            "v1.0.1",
            &[(PINS, "sha256:c1c1", "sha256:zzzz")],
        ),
        ("an earlier release", "v0.9.0", &[]),
        ("a pre-release of the release", "v1.0.0-rc.1", &[]),
        (
            "no changes",
            "v1.0.1",
            &[("CHANGELOG.md", "- Sail faster.\n", "")],
        ),
        (
            "no section for changes",
            "v1.0.1",
            &[("CHANGELOG.md", "## Unreleased", "## Soon")],
        ),
        (
            "no release in the manifest",
            "v1.0.1",
            &[("Cargo.toml", "release =", "realease =")],
        ),
        (
            "no version of the chart",
            "v1.0.1",
            &[("charts/osm/Chart.yaml", "version: 1.0.0\n", "")],
        ),
        (
            "several",
            "v1.0.2",
            &[
                ("CHANGELOG.md", "## Unreleased", "## Soon"),
                ("Cargo.toml", "release =", "release =="),
            ],
        ),
    ];
    let mut messages = String::new();
    for (what, name, changes) in table {
        let fixture = Fixture::new();
        for (file, from, to) in changes {
            fixture.change(file, from, to);
        }
        let before = fixture.state();
        let run = fixture.run(&["bump", name]);
        assert_eq!((run.exit, &*run.out), (Exit::Refused, ""), "{what}");
        assert_eq!(fixture.state(), before, "{what}");
        messages += &format!("# {what}: {name}\n{}\n", run.err);
    }
    insta::assert_snapshot!(messages);
}
