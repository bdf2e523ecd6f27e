//! Input that `import-digests` refuses: exit code 2, an error with the place and a hint, and nothing written.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::fs;

use common::{Run, Sandbox, V1_0_0, V1_1_0, digest, docker, lines, values};
use xtask::Exit;

const NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The digest of `null` and a line feed, which `jq` prints for a key that is missing.
const NULL: &str = "sha256:38e0b9de817f645c4bec37c0d4a3e58baecccb040f5718dc069a72c7385a0bed";

/// A name, the name and content of a file, and the arguments, in which `%` is the folder of the file.
type Case = (&'static str, &'static str, Vec<u8>, &'static str);

fn case(
    what: &'static str,
    name: &'static str,
    content: impl Into<Vec<u8>>,
    arguments: &'static str,
) -> Case {
    (what, name, content.into(), arguments)
}

/// The lines of v1.0.0 with the digest of `init` replaced.
fn with_digest_of_init(text: &str) -> String {
    lines(&V1_0_0).replace(&digest("e0"), text)
}

fn cases() -> Vec<Case> {
    let artifact = "osm_image_digest_v1.0.0.txt";
    let upper = digest("e0").to_uppercase().replace("SHA", "sha");
    let two_tags = docker("v1.0.0", &V1_0_0[..1]) + &docker("latest", &V1_0_0[1..]);
    let two_registries = docker("v1.0.0", &V1_0_0).replace("mesh/init", "ghcr.io/mesh/init");
    let foreign = docker("v1.0.0", &V1_0_0).replace("mesh/", "ghcr.io/mesh/");
    let with_alpine = docker("v1.0.0", &V1_0_0) + &docker("3.18", &[("alpine", "e8")]);
    let with_own = docker("v1.0.0", &V1_0_0) + &docker("v1.0.0", &[("debug", "e8")]);
    let both_tags = docker("latest", &V1_0_0) + &docker("v1.0.0", &V1_0_0);
    let twice = lines(&V1_0_0) + &lines(&[("init", "e9")]);
    vec![
        case(
            "rows tagged latest",
            "osm_image_digest_latest.txt",
            docker("latest", &V1_0_0),
            "--release v1.0.0 %osm_image_digest_latest.txt",
        ),
        case(
            "rows tagged latest, without --release",
            "osm_image_digest_latest.txt",
            docker("latest", &V1_0_0),
            "%osm_image_digest_latest.txt",
        ),
        case(
            "rows tagged latest in a file of another name",
            "rows.txt",
            docker("latest", &V1_0_0),
            "--release v1.0.0 %rows.txt",
        ),
        case(
            "a missing file named after latest",
            "unused",
            "",
            "--release v1.0.0 %osm_image_digest_latest.txt",
        ),
        case("mixed tags", "rows.txt", two_tags, "%rows.txt"),
        case(
            "two tags in the listing of the release",
            artifact,
            both_tags,
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "a listing with an image that is not of the mesh",
            artifact,
            with_alpine,
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "a listing with an own image of the same tag",
            artifact,
            with_own,
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "the hash of what a failed command printed",
            "v1.0.0.log",
            with_digest_of_init(NULL),
            "%v1.0.0.log",
        ),
        case(
            "a conflict that is not resolved",
            "v1.0.0.log",
            format!(
                "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> release\n",
                lines(&V1_0_0)
            ),
            "%v1.0.0.log",
        ),
        case(
            "rows of another tag than the file name",
            artifact,
            docker("v1.1.0", &V1_1_0),
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "another release than the file name",
            artifact,
            lines(&V1_0_0),
            "--release v1.1.0 %osm_image_digest_v1.0.0.txt",
        ),
        case(
            "no release anywhere",
            "rows.txt",
            lines(&V1_0_0),
            "%rows.txt",
        ),
        case(
            "mixed registries",
            artifact,
            two_registries,
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "another registry than in components.toml",
            artifact,
            foreign,
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "another registry than --registry",
            artifact,
            docker("v1.0.0", &V1_0_0),
            "--registry quay.io/mesh %osm_image_digest_v1.0.0.txt",
        ),
        case(
            "missing components",
            "v1.0.0.log",
            lines(&V1_0_0[..1]),
            "%v1.0.0.log",
        ),
        case(
            "a missing component of this release",
            "v1.1.0.log",
            lines(&V1_0_0),
            "%v1.1.0.log",
        ),
        case(
            "a missing component of a release candidate",
            "v1.1.0-rc.1.log",
            lines(&V1_0_0),
            "%v1.1.0-rc.1.log",
        ),
        case(
            "a component of a later release",
            "v1.0.0.log",
            lines(&V1_1_0),
            "%v1.0.0.log",
        ),
        case(
            "a misspelled component",
            "v1.0.0.log",
            lines(&V1_0_0).replace("injector", "inyector"),
            "%v1.0.0.log",
        ),
        case(
            "an unknown component",
            "v1.0.0.log",
            lines(&V1_0_0) + &lines(&[("golang", "aa")]),
            "%v1.0.0.log",
        ),
        case(
            "an unknown chart key",
            "v1.0.0.values.yaml",
            values(&V1_0_0).replace("appInit:", "appinit:"),
            "%v1.0.0.values.yaml",
        ),
        case(
            "another image for a chart key",
            "v1.0.0.values.yaml",
            values(&V1_0_0).replace("    digest:", "    name: {appInit: start}\n    digest:"),
            "%v1.0.0.values.yaml",
        ),
        case(
            "values with a tag",
            "v1.0.0.values.yaml",
            values(&V1_0_0).replace("tag: \"\"", "tag: latest-main"),
            "%v1.0.0.values.yaml",
        ),
        case(
            "a sidecar without a digest",
            "v1.0.0.values.yaml",
            values(&V1_0_0).replace(&format!("@{}", digest("5a")), ""),
            "%v1.0.0.values.yaml",
        ),
        case(
            "a sidecar with the digest of empty input",
            "v1.0.0.values.yaml",
            values(&V1_0_0).replace(&digest("5a"), NOTHING),
            "%v1.0.0.values.yaml",
        ),
        case(
            "the same component twice",
            "v1.0.0.log",
            twice,
            "%v1.0.0.log",
        ),
        case(
            "the same component in two files",
            "v1.0.0-init.log",
            lines(&[("init", "e9")]),
            "--release v1.0.0 %first.log %v1.0.0-init.log",
        ),
        case(
            "files of two formats",
            "rows.txt",
            docker("v1.0.0", &V1_0_0),
            "--release v1.0.0 %first.log %rows.txt",
        ),
        case(
            "the same digest for two components",
            "v1.0.0.log",
            with_digest_of_init(&digest("c0")),
            "%v1.0.0.log",
        ),
        case(
            "the digest of another release",
            "v1.2.0.log",
            lines(&[
                ("controller", "c2"),
                ("injector", "d1"),
                ("init", "e2"),
                ("healthcheck", "f2"),
            ]),
            "%v1.2.0.log",
        ),
        case(
            "the digest of another component in another release",
            "v1.2.0.log",
            lines(&[
                ("controller", "c2"),
                ("injector", "e1"),
                ("init", "e2"),
                ("healthcheck", "f2"),
            ]),
            "--allow-unchanged injector %v1.2.0.log",
        ),
        case(
            "the same digest in two imported releases",
            "v1.0.0-rc.1.log",
            lines(&V1_0_0),
            "%v1.0.0-rc.1.log %v1.0.0.txt --allow-unchanged injector --allow-unchanged init",
        ),
        case(
            "the digest of empty input",
            "v1.0.0.log",
            with_digest_of_init(NOTHING),
            "%v1.0.0.log",
        ),
        case(
            "all zeros",
            "v1.0.0.log",
            with_digest_of_init(&digest("00")),
            "%v1.0.0.log",
        ),
        case(
            "a digest that is too short",
            "v1.0.0.log",
            with_digest_of_init(&digest("e0")[..70]),
            "%v1.0.0.log",
        ),
        case(
            "a digest that is too long",
            "v1.0.0.log",
            with_digest_of_init(&(digest("e0") + "e")),
            "%v1.0.0.log",
        ),
        case(
            "an upper-case digest",
            "v1.0.0.log",
            with_digest_of_init(&upper),
            "%v1.0.0.log",
        ),
        case(
            "an unknown algorithm",
            "v1.0.0.log",
            with_digest_of_init("md5:e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"),
            "%v1.0.0.log",
        ),
        case(
            "<none> instead of a digest",
            artifact,
            docker("v1.0.0", &V1_0_0).replace(&digest("e0"), "<none>"),
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "<none> instead of a tag",
            artifact,
            docker("<none>", &V1_0_0),
            "%osm_image_digest_v1.0.0.txt",
        ),
        case(
            "an existing pin file with other digests",
            "v1.1.0.txt",
            lines(&[
                ("controller", "c1"),
                ("injector", "d9"),
                ("init", "e9"),
                ("healthcheck", "f1"),
            ]),
            "%v1.1.0.txt",
        ),
        case(
            "an existing pin file without sidecars",
            "v1.1.0.values.yaml",
            values(&V1_1_0),
            "%v1.1.0.values.yaml",
        ),
        case(
            "not UTF-8",
            "v1.0.0.log",
            b"init: \xff".to_vec(),
            "%v1.0.0.log",
        ),
        case(
            "NUL bytes",
            "v1.0.0.log",
            lines(&V1_0_0) + "\0",
            "%v1.0.0.log",
        ),
        case(
            "UTF-16",
            "v1.0.0.log",
            lines(&V1_0_0)
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
            "%v1.0.0.log",
        ),
        case("an empty file", "v1.0.0.log", "", "%v1.0.0.log"),
        case(
            "a file of whitespace",
            "v1.0.0.log",
            "\u{feff}\r\n \r\n",
            "%v1.0.0.log",
        ),
        case(
            "a file larger than 16 MiB",
            "v1.0.0.log",
            lines(&V1_0_0).repeat(100_000),
            "%v1.0.0.log",
        ),
        case("an unknown format", "v1.0.0.log", "hello\n", "%v1.0.0.log"),
        case(
            "another format than --format",
            "v1.0.0.log",
            lines(&V1_0_0),
            "--format skopeo %v1.0.0.log",
        ),
        case("a folder", "unused", "", "--release v1.0.0 %digests"),
        case(
            "a missing file",
            "unused",
            "",
            "--release v1.0.0 %nothing.txt",
        ),
        case(
            "one good and two bad files",
            "v1.0.0.log",
            lines(&V1_0_0),
            "%v1.0.0.log %nothing.txt %digests",
        ),
        case("standard input twice", "unused", "", "--release v1.0.0 - -"),
        case(
            "an unknown component in --allow-unchanged",
            "v1.0.0.log",
            lines(&V1_0_0),
            "--allow-unchanged injektor %v1.0.0.log",
        ),
        case(
            "a missing folder of pin files",
            "v1.0.0.log",
            lines(&V1_0_0),
            "%v1.0.0.log",
        ),
        case(
            "a damaged pin file of another release",
            "v1.0.0.log",
            lines(&V1_0_0),
            "%v1.0.0.log",
        ),
        case(
            "a damaged pin file of this release",
            "v1.0.0.log",
            lines(&V1_0_0),
            "%v1.0.0.log",
        ),
        case(
            "a folder instead of the pin file",
            "v1.0.0.log",
            lines(&V1_0_0),
            "--replace %v1.0.0.log",
        ),
    ]
}

#[test]
fn refusals_name_the_place_and_the_fix_and_write_nothing() {
    let mut messages = String::new();
    for (what, name, content, arguments) in cases() {
        let sandbox = Sandbox::new().pinned("v1.1.0", &V1_1_0);
        sandbox.file("first.log", lines(&V1_0_0));
        sandbox.file("v1.0.0.txt", lines(&V1_0_0));
        sandbox.file(name, content);
        match what {
            "a missing folder of pin files" => {
                fs::remove_dir_all(sandbox.path("digests")).unwrap();
            }
            "a damaged pin file of another release" => {
                sandbox.file("digests/v1.2.0.toml", "schema = 1\n=");
            }
            "a damaged pin file of this release" => {
                sandbox.file("digests/v1.0.0.toml", "schema = 1\n=");
            }
            "a folder instead of the pin file" => {
                fs::create_dir(sandbox.path("digests/v1.0.0.toml")).unwrap();
            }
            _ => {}
        }
        let exists = sandbox.path("digests").exists();
        let before = exists.then(|| sandbox.state());

        let Run { exit, out, err } = sandbox.import(arguments);

        assert_eq!((exit, &*out), (Exit::Refused, ""), "{what}: {err}");
        assert!(err.contains("hint: "), "{what}: {err}");
        assert_eq!(exists.then(|| sandbox.state()), before, "{what}");
        writeln!(messages, "# {what}: {arguments}\n{err}").unwrap();
    }
    insta::assert_snapshot!(messages);
}
