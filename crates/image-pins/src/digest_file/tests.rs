//! Tests of the formats: what each parser accepts and what it refuses.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// The text with `A` and `B` in place of `{a}` and `{b}`.
fn filled(text: &str) -> String {
    text.replace("{a}", A).replace("{b}", B)
}

/// Summarizes a file on one line, short enough for a table.
fn summary(text: &str, format: Option<Format>) -> String {
    let file = match parse(filled(text).as_bytes(), Path::new("f"), format) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let mut summary = file.format.to_string();
    for row in file.rows {
        let registry = row
            .registry
            .map(|registry| format!("{registry}/"))
            .unwrap_or_default();
        let subject = match row.subject {
            Subject::Name(name) => name,
            Subject::ChartKey { key, name } => format!("[{key}={}]", name.unwrap_or_default()),
        };
        let tag = row.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = if row.digest.to_string() == A {
            "a"
        } else {
            "b"
        };
        let Position { line, column } = row.position;
        write!(
            summary,
            " | {registry}{subject}{tag}@{digest} {line}:{column}"
        )
        .unwrap();
    }
    for external in file.external {
        let Position { line, column } = external.position;
        write!(
            summary,
            " | {}={} {line}:{column}",
            external.key,
            external.reference.name()
        )
        .unwrap();
    }
    summary
}

#[test]
fn each_format_is_detected_and_its_images_are_read() {
    for (text, expected) in [
        // docker images
        (
            "mesh/init v1.0.0 {a} 6734 4 seconds ago 8MB\n",
            "docker-images | mesh/init:v1.0.0@a 1:18",
        ),
        (
            "REPOSITORY TAG DIGEST IMAGE ID CREATED SIZE\r\n\r\nghcr.io/m/x  v1\t{a}\r\n",
            "docker-images | ghcr.io/m/x:v1@a 3:17",
        ),
        (
            "localhost:5000/x v1 {a}",
            "docker-images | localhost:5000/x:v1@a 1:21",
        ),
        ("init v1 {a}", "docker-images | init:v1@a 1:9"),
        // name lines
        (
            "init: {a}\nosm-crds: {b}",
            "name-lines | init@a 1:7 | osm-crds@b 2:11",
        ),
        ("\u{feff}init: {a}\r\n", "name-lines | init@a 1:7"),
        ("mesh/init: {a}", "name-lines | mesh/init@a 1:12"),
        (
            "ghcr.io/mesh/init:v1.0.0: {a}",
            "name-lines | ghcr.io/mesh/init:v1.0.0@a 1:27",
        ),
        (
            "2021-09-21T15:04:05.1234567Z init: {a}",
            "name-lines | init@a 1:36",
        ),
        (
            "build\tPush\t2021-09-21T15:04:05Z init: {a}",
            "name-lines | init@a 1:39",
        ),
        ("\u{1b}[32minit\u{1b}[0m: {a}", "name-lines | init@a 1:16"),
        (
            "##[group]Run make\n[command]/usr/bin/docker push\nv1: digest: {b} size: 1234\nDigest: {b}\n\
             error: https://x/y:0123456789abcdef0123456789abcdef0123456789\nmesh/init v1 {b}\n\ninit: {a}\nDone.",
            "name-lines | init@a 8:7",
        ),
        // values.yaml
        (
            "osm:\n  image:\n    registry: mesh\n    tag: \"\"\n    digest:\n      osmInit: {a}\n",
            "values-yaml | mesh/[osmInit=]@a 6:16",
        ),
        (
            "# values\nOpenServiceMesh: # root\n  image:\n    name: {osmInit: init}\n    digest:\n      osmInit: \"{a}\"\n  \
             sidecarImage: e/envoy@{b}\n  sidecarWindowsImage: \"\"\nother: [1, 2]\n",
            "values-yaml | [osmInit=init]@a 6:16 | sidecarImage=e/envoy 7:17",
        ),
        // buildx
        (
            r#"{"buildx.build.ref": "b", "containerimage.digest": "{a}", "image.name": "docker.io/mesh/init:v1.0.0"}"#,
            "buildx-metadata | docker.io/mesh/init:v1.0.0@a 1:53",
        ),
        (
            r#"{"image.name": "m/init:latest, m/init:v1.0.0", "containerimage.digest": "{a}"}"#,
            "buildx-metadata | m/init:v1.0.0@a 1:74",
        ),
        (
            r#"{"image.name": "m/init:latest,m/init:edge", "containerimage.digest": "{a}"}"#,
            "buildx-metadata | m/init:latest@a 1:71 | m/init:edge@a 1:71",
        ),
        (
            r#"{"init": {"image.name": "m/init:v1.0.0", "containerimage.digest": "{a}",
  "containerimage.descriptor": {"digest": "{b}"}},
 "crds": {"image.name": "m/crds:v1.0.0", "containerimage.digest": "{b}"},
 "buildx.build.warnings": [{"x": 1}], "ok": true, "none": null, "n": 1.5}"#,
            "buildx-metadata | m/init:v1.0.0@a 1:68 | m/crds:v1.0.0@b 3:68",
        ),
        // imagetools, one and several
        (
            r#"{"name":"m/init:v1.0.0","manifest":{"digest":"{a}","manifests":[{"digest":"{b}"}]},"image":{}}"#,
            "imagetools | m/init:v1.0.0@a 1:47",
        ),
        (
            "{\"name\":\"m/x@{a}\",\"manifest\":{\"digest\":\"{a}\"}}\n{\"name\":\"m/y\",\"manifest\":{\"digest\":\"{b}\"}}",
            "imagetools | m/x@a 1:109 | m/y@b 2:37",
        ),
        // skopeo: one, several, an array; escapes
        (
            r#"{"Name": "docker.io/m/init", "Digest": "{a}"}"#,
            "skopeo | docker.io/m/init@a 1:41",
        ),
        (
            "\n[{\"Name\": \"m\\/init\", \"Tag\": \"v1\", \"Digest\": \"{a}\"}, {\"Digest\": \"{b}\", \"Name\": \"m/x\"}]",
            "skopeo | m/init:v1@a 2:46 | m/x@b 2:133",
        ),
    ] {
        assert_eq!(summary(text, None), expected, "{text}");
    }
}

#[test]
fn invalid_input_is_refused_with_its_position() {
    let upper = filled("init: {a}")
        .to_uppercase()
        .replace("INIT", "init")
        .replace("SHA", "sha");
    let mut messages = String::new();
    for text in [
        "",
        " \r\n\t",
        "\u{feff}",
        "init: {a}\n\0",
        "hello\nworld\n",
        "init: sha256:12ab",
        "init: {a}0",
        &upper,
        "init: md5:0123456789abcdef0123456789abcdef",
        "init: <none>",
        "osm-crds: sha256:\n",
        "a/init v1 {a}\nb/init <none> {a}",
        "a/init v1 <none>",
        "<none> v1 {a}",
        "a/init v1 {a}\nhello",
        "a/init:v1 v1 {a}",
        "a/init v/1 {a}",
        "osm:\n  image:\n    tag: v1\n    digest: {x: {a}}",
        "osm:\n  image:\n    digest:\n      osmInit: \"\"\n",
        "osm:\n  image:\n    digest:\n      osmInit:\n",
        "osm:\n  image:\n    digest:\n      osmInit: 12\n",
        "osm:\n  image:\n    registry: http://x\n",
        "osm:\n  image:\n    digest:\n      a: {a}\n      a: {a}\n",
        "osm:\n  x: 1\n",
        "osm:\n  image: {}\nOpenServiceMesh:\n  image: {}\n",
        "osm:\n  image:\n    digest: {x: {a}}\n  sidecarImage: envoy:v1\n",
        "osm:\n  - : [\n",
        "{\"image.name\": \"m/x:v1\"}",
        "{\"containerimage.digest\": \"{a}\"}",
        "{\"containerimage.digest\": \"{a}\", \"containerimage.digest\": \"{b}\", \"image.name\": \"m/x\"}",
        "{\"containerimage.digest\": \"{a}\", \"image.name\": \"m/x,\"}",
        "{\"containerimage.digest\": 1, \"image.name\": \"m/x\"}",
        "{\"name\": \"m/x@{b}\", \"manifest\": {\"digest\": \"{a}\"}}",
        "{\"Name\": \"m/x\", \"Digest\": \"{a}\"",
        "{\"Name\": \"m/x\", \"Digest\": \"{a}\"}\nx",
        "{\"containerimage.digest\": \"{a}\", \"containerimage.config.digest\": \"{a}\", \"image.name\": \"m/x:v1\"}",
        "{\"x\": {\"containerimage.digest\": \"{a}\", \"containerimage.config.digest\": \"{a}\", \"image.name\": \"m/x\"}}",
        "{\"name\": \"m/x\", \"manifest\": {\"digest\": \"{a}\", \"config\": {\"digest\": \"{a}\"}}}",
        "{\"name\": \"m/x\", \"manifest\": {\"digest\": \"{a}\", \"layers\": [{\"digest\": \"{a}\"}]}}",
        "{\"Name\": \"m/x\", \"Digest\": \"{a}\", \"Layers\": [\"{b}\", \"{a}\"]}",
        "init: {a}\n<<<<<<< HEAD\nosm-crds: {a}\n=======\nosm-crds: {b}\n>>>>>>> main\n",
        "{\n<<<<<<< HEAD\n\"image.name\": \"m/x\"",
        "osm:\n  image:\n    digest:\n||||||| base\n",
        "{\"Digest\": null}",
        "{}",
    ] {
        writeln!(
            messages,
            "{:?}\n  {}\n",
            text.replace(A, "{a}"),
            summary(text, None)
        )
        .unwrap();
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn input_that_is_not_text_is_refused_with_its_position() {
    for (bytes, expected) in [
        (&b"init: x\n\xff"[..], "f:2:1: not UTF-8"),
        (b"\xff\xfei\0n\0i\0t\0", "f:1:4: NUL byte"),
        (
            &vec![b' '; MAX_LEN + 1],
            "f: the file is larger than 16 MiB",
        ),
        (&vec![b' '; MAX_LEN], "f: the file is empty"),
    ] {
        let message = parse(bytes, Path::new("f"), None).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn columns_of_damaged_json_count_characters() {
    for (text, expected) in [
        ("{\"Digest\": \"éé\" x", "f:1:17: not the expected JSON"),
        ("{\"Digest\":\n\"é\" x", "f:2:5: not the expected JSON"),
        ("[{\"Digest\": \"éé\" x", "f:1:18: not the expected JSON"),
        ("{\"Digest\": \"\n", "f:1:13: not the expected JSON"),
    ] {
        let message = summary(text, None);
        assert!(message.starts_with(expected), "{text:?}: {message}");
    }
}

#[test]
fn a_named_format_is_not_detected() {
    assert_eq!(
        summary("init: {a}", Some(Format::NameLines)),
        "name-lines | init@a 1:7"
    );
    let message = summary("init: {a}", Some(Format::Skopeo));
    assert!(
        message.starts_with("f:1:1: not the expected JSON"),
        "{message}"
    );
    let message = summary("hello", Some(Format::NameLines));
    assert!(
        message.starts_with("f: no image with a digest found in this file, read as name-lines"),
        "{message}"
    );
}

#[test]
fn format_names_round_trip_and_typos_get_a_suggestion() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let message = |text: &str| text.parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        message("values-yml"),
        "`values-yml` is not a digest file format: did you mean `values-yaml`?"
    );
    assert_eq!(
        message("xml"),
        "`xml` is not a digest file format: expected one of docker-images, name-lines, values-yaml, buildx-metadata, \
         imagetools, skopeo"
    );
}

/// Strings composed of fragments of the formats, so that every parser is reached.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(A.to_owned()),
        Just("sha256:".to_owned()),
        Just("<none>".to_owned()),
        "[ \t\r\n{}\\[\\]\":,/@#\u{1b}\u{feff}\0é-]",
        "osm:|  image:|    digest:|init|mesh/|v1\\.0\\.0|\"Name\"|\"Digest\"|\"manifest\"|\"image.name\"|[0-9T:Z.-]{1,20}",
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsers_never_panic_on_text_and_every_position_is_in_the_file(text in pieces(), format in 0..=Format::ALL.len()) {
        let format = Format::ALL.get(format).copied();
        if let Ok(file) = parse(text.as_bytes(), Path::new("f"), format) {
            prop_assert!(!file.rows.is_empty());
            for row in file.rows {
                let line = text.lines().nth(row.position.line - 1);
                prop_assert!(line.is_some_and(|line| row.position.column <= line.chars().count()), "{:?}", row);
            }
        }
    }

    #[test]
    fn parsers_never_panic_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0..=Format::ALL.len()) {
        let _ = parse(&bytes, Path::new("f"), Format::ALL.get(format).copied());
    }
}
