//! `notes` says what changed, which images a release consists of, and how to verify them.

use xtask::Exit;

use crate::fixture::{Fixture, PINS};

#[test]
fn notes_have_the_changes_the_images_and_how_to_verify_them() {
    let fixture = Fixture::new();
    fixture.change(
        "Cargo.toml",
        "# The workspace.\n",
        "[workspace.package]\nrepository = \"https://github.com/ships/harbor\"\n",
    );
    assert_eq!(fixture.run(&["bump", "v1.0.1"]).exit, Exit::Done);
    let run = fixture.run(&["notes", "v1.0.1"]);
    assert_eq!((run.exit, &*run.err), (Exit::Done, ""));
    insta::assert_snapshot!(run.out);
}

#[test]
fn a_release_without_changes_or_pins_has_no_notes() {
    for (name, expected) in [
        (
            "v1.0.1",
            "error: CHANGELOG.md: there are no changes of v1.0.1\n  hint: run `cargo xtask bump v1.0.1`\n",
        ),
        ("v1.0.0", "error: digests/v1.0.0.toml: cannot read it: "),
    ] {
        let fixture = Fixture::new();
        std::fs::remove_file(fixture.path("digests/v1.0.0.toml")).unwrap();
        let run = fixture.run(&["notes", name]);
        assert_eq!((run.exit, &*run.out), (Exit::Refused, ""));
        assert!(run.err.starts_with(expected), "{}", run.err);
    }
    let fixture = Fixture::new();
    fixture.change(PINS, "sha256:c1c1", "sha256:zzzz");
    assert_eq!(fixture.run(&["bump", "v1.0.1"]).exit, Exit::Refused);
}
