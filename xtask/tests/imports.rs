//! Input that `import-digests` accepts, the files it writes, and `--check`, `--dry-run` and `--replace`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{Sandbox, V1_0_0, V1_1_0, all_formats, digest, docker, lines, values};
use image_pins::PinFile;
use xtask::Exit;

#[test]
fn every_format_gives_the_same_pins() {
    for (name, content) in all_formats("v1.1.0", &V1_1_0) {
        let sandbox = Sandbox::new();
        sandbox.file(&name, &content);
        let run = sandbox.import(&format!("%{name}"));
        assert_eq!(run.exit, Exit::Done, "{name}: {}", run.err);
        let pins = sandbox.pins("v1.1.0");
        let images: Vec<_> = pins
            .images
            .iter()
            .map(|(name, digest)| (name.clone(), digest.to_string()))
            .collect();
        let mut expected = V1_1_0.map(|(name, byte)| (name.to_owned(), digest(byte)));
        expected.sort();
        assert_eq!(images, expected, "{name}");
        assert_eq!(pins.registry.as_ref(), "mesh", "{name}");
        assert_eq!(pins.source.file, name);
        let external: Vec<_> = pins.external.keys().collect();
        let of_values: &[&str] = if name.ends_with("values.yaml") {
            &["sidecarImage", "sidecarWindowsImage"]
        } else {
            &[]
        };
        assert_eq!(external, of_values, "{name}");
    }
}

#[test]
fn pin_file_table_and_diff_are_readable() {
    let sandbox = Sandbox::new();
    sandbox.file("v1.0.0.values.yaml", values(&V1_0_0));
    let mut seen = String::new();
    let changed = values(&[("controller", "c0"), ("injector", "d9"), ("init", "e0")]);
    for (arguments, content) in [
        ("--check %v1.0.0.values.yaml", values(&V1_0_0)),
        ("--dry-run %v1.0.0.values.yaml", values(&V1_0_0)),
        ("%v1.0.0.values.yaml", values(&V1_0_0)),
        ("%v1.0.0.values.yaml", values(&V1_0_0)),
        ("--check %v1.0.0.values.yaml", values(&V1_0_0)),
        ("--check %v1.0.0.values.yaml", changed.clone()),
        ("--replace %v1.0.0.values.yaml", changed),
    ] {
        sandbox.file("v1.0.0.values.yaml", content);
        let run = sandbox.import(arguments);
        assert_eq!(run.err, "", "{arguments}");
        writeln!(
            seen,
            "$ import-digests {arguments}\n{}exit: {:?}\n",
            run.out, run.exit
        )
        .unwrap();
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn harmless_irregularities_are_accepted() {
    let text = lines(&V1_0_0);
    let rows = docker("v1.0.0", &V1_0_0);
    for (name, content, arguments) in [
        ("CRLF", text.replace('\n', "\r\n"), "%v1.0.0.log"),
        (
            "a byte-order mark",
            format!("\u{feff}{text}"),
            "%v1.0.0.log",
        ),
        (
            "a component twice with the same digest",
            text.clone() + &lines(&V1_0_0[1..]),
            "%v1.0.0.log",
        ),
        (
            "the registry with its host name",
            rows.replace("mesh/", "docker.io/mesh/"),
            "%v1.0.0.log",
        ),
        (
            "another registry with --registry",
            rows.replace("mesh/", "ghcr.io/mesh/"),
            "--registry ghcr.io/mesh %v1.0.0.log",
        ),
        (
            "the release in --release and in the file name",
            rows.clone(),
            "--release v1.0.0 %v1.0.0.log",
        ),
        (
            "sha512",
            text.replace(&digest("e0"), &format!("sha512:{}", "e0".repeat(64))),
            "%v1.0.0.log",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("v1.0.0.log", content);
        let run = sandbox.import(arguments);
        assert_eq!(run.exit, Exit::Done, "{name}: {}", run.err);
        assert_eq!(sandbox.pins("v1.0.0").images.len(), 3, "{name}");
    }
}

#[test]
fn an_unchanged_pin_file_is_not_written() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    let before = sandbox.state();
    for (arguments, content) in [
        ("%v1.0.0.log", lines(&V1_0_0)),
        ("%v1.0.0.txt", docker("v1.0.0", &V1_0_0)),
    ] {
        sandbox.file(arguments.trim_start_matches('%'), content);
        let run = sandbox.import(arguments);
        assert_eq!(run.exit, Exit::Done, "{}", run.err);
        assert_eq!(sandbox.state(), before, "{arguments}: {}", run.out);
    }
}

#[test]
fn the_same_pins_from_another_file_are_recorded_only_with_replace() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    sandbox.file("rows.txt", docker("v1.0.0", &V1_0_0));
    let run = sandbox.import("%rows.txt");
    assert!(
        run.out
            .ends_with("v1.0.0.toml is up to date: the same pins, recorded from v1.0.0.log\n"),
        "{}",
        run.out
    );
    assert_eq!(sandbox.import("--check %rows.txt").exit, Exit::Differs);
    assert_eq!(sandbox.import("--replace %rows.txt").exit, Exit::Done);
    assert_eq!(sandbox.pins("v1.0.0").source.file, "rows.txt");
    assert_eq!(sandbox.import("--check %rows.txt").exit, Exit::Done);
}

#[test]
fn check_finds_an_edited_pin_file_and_prints_the_command_that_fixes_it() {
    let edits: [fn(&str) -> String; 5] = [
        |text| format!("# mine\n{text}"),
        |text| text.replace("c0c0", "c0c1"),
        |text| text.replace("\"mesh\"", "\"other\""),
        |text| text.replace("v1.0.0.log", "v1.0.0.txt"),
        |text| text.replace("schema = 1", "schema = 2"),
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
        let path = sandbox.path("digests/v1.0.0.toml");
        let good = fs::read_to_string(&path).unwrap();
        let edited = edit(&good);
        assert_ne!(edited, good);
        fs::write(&path, &edited).unwrap();

        let run = sandbox.import("--check %v1.0.0.log");
        assert_eq!(run.exit, Exit::Differs, "edit {index}: {}", run.err);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            edited,
            "--check writes nothing"
        );

        let command = run.out.lines().last().unwrap().trim();
        let arguments = command.strip_prefix("cargo xtask import-digests ").unwrap();
        // The harness passes the folder itself.
        let arguments = arguments.replace("--digests-dir %digests ", "");
        let fixed = sandbox.import(&arguments);
        assert_eq!(fixed.exit, Exit::Done, "edit {index}: {}", fixed.err);
        assert_eq!(fs::read_to_string(&path).unwrap(), good, "edit {index}");
    }
}

#[test]
fn a_component_may_keep_its_digest_with_allow_unchanged() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    sandbox.file(
        "v1.0.1.log",
        lines(&[("controller", "c2"), ("injector", "d0"), ("init", "e0")]),
    );
    assert_eq!(
        sandbox
            .import("%v1.0.1.log --allow-unchanged injector")
            .exit,
        Exit::Refused
    );
    // By image name or by chart key.
    assert_eq!(
        sandbox
            .import("%v1.0.1.log --allow-unchanged injector --allow-unchanged appInit")
            .exit,
        Exit::Done
    );
}

#[test]
fn files_of_several_releases_are_grouped_by_release() {
    let sandbox = Sandbox::new();
    sandbox.file("v1.0.0.log", lines(&V1_0_0));
    sandbox.file("rows.txt", docker("v1.1.0", &V1_1_0));
    let run = sandbox.import("%rows.txt %v1.0.0.log");
    assert_eq!(run.exit, Exit::Done, "{}", run.err);
    assert_eq!(
        (
            sandbox.pins("v1.0.0").images.len(),
            sandbox.pins("v1.1.0").images.len()
        ),
        (3, 4)
    );
    assert_eq!(
        sandbox.import("--check %v1.0.0.log %rows.txt").exit,
        Exit::Done
    );
}

#[test]
fn nothing_is_written_if_one_release_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.file("v1.0.0.log", lines(&V1_0_0));
    sandbox.file("v1.1.0.log", lines(&V1_0_0[1..]));
    let before = sandbox.state();
    assert_eq!(
        sandbox.import("%v1.0.0.log %v1.1.0.log").exit,
        Exit::Refused
    );
    assert_eq!(sandbox.state(), before);
}

#[test]
fn the_order_of_files_with_one_image_each_does_not_matter() {
    let mut texts = Vec::new();
    for order in [
        "%init.json %controller.json %injector.json",
        "%injector.json %init.json %controller.json",
    ] {
        let sandbox = Sandbox::new();
        for (name, byte) in V1_0_0 {
            let digest = digest(byte);
            let names = format!("docker.io/mesh/{name}:v1.0.0,docker.io/mesh/{name}:latest");
            let content =
                format!(r#"{{"containerimage.digest": "{digest}", "image.name": "{names}"}}"#);
            sandbox.file(&format!("{name}.json"), content);
        }
        let run = sandbox.import(order);
        assert_eq!(run.exit, Exit::Done, "{}", run.err);
        assert_eq!(
            sandbox.pins("v1.0.0").source.file,
            "controller.json, init.json, injector.json"
        );
        texts.push(fs::read_to_string(sandbox.path("digests/v1.0.0.toml")).unwrap());
    }
    assert_eq!(texts.first(), texts.last());
}

#[test]
fn a_digest_file_is_read_from_standard_input() {
    let sandbox = Sandbox::new();
    let run = sandbox.import_with("--release v1.0.0 -", lines(&V1_0_0).as_bytes());
    assert_eq!(run.exit, Exit::Done, "{}", run.err);
    assert_eq!(sandbox.pins("v1.0.0").source.file, "standard input");
    let run = sandbox.import_with(
        "--check --release v1.0.0 -",
        (lines(&V1_0_0) + "\n").as_bytes(),
    );
    assert_eq!(run.exit, Exit::Differs);
    assert!(run.out.ends_with(" --replace -\n"), "{}", run.out);
}

#[test]
fn the_pin_files_of_this_workspace_are_in_standard_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../digests");
    let mut releases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && !path.ends_with("components.toml")
        {
            let text = fs::read_to_string(&path).unwrap();
            let pins = PinFile::parse(&text, &path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                pins.to_toml("cargo xtask import-digests"),
                text,
                "{}",
                path.display()
            );
            releases += 1;
        }
    }
    assert!(releases >= 13, "{releases} pin files");
}
