//! Tables of valid and invalid references, registries and tags.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use image_pins::{Reference, RepositoryPrefix, Tag};

/// `(text, domain, path, tag, whether pinned)`.
type Row = (
    &'static str,
    Option<&'static str>,
    &'static str,
    Option<&'static str>,
    bool,
);

const SHA256: &str = "sha256:541d31419b95e3c62d8cc0967db9cdb4ad2782cc08faa6f15f04c081200e324a";

#[test]
fn valid_references_have_their_parts() {
    let rows: &[Row] = &[
        ("curl", None, "curl", None, false),
        ("curl:8.10.1", None, "curl", Some("8.10.1"), false),
        ("curlimages/curl", None, "curlimages/curl", None, false),
        ("a/b/c/d", None, "a/b/c/d", None, false),
        // As in distribution/reference: without a slash, `localhost` is a name and `5000` its tag.
        ("localhost:5000", None, "localhost", Some("5000"), false),
        ("foo_bar.com:8080", None, "foo_bar.com", Some("8080"), false),
        ("localhost/curl", Some("localhost"), "curl", None, false),
        (
            "localhost:5000/curl",
            Some("localhost:5000"),
            "curl",
            None,
            false,
        ),
        (
            "test.com:8080/foo:tag",
            Some("test.com:8080"),
            "foo",
            Some("tag"),
            false,
        ),
        ("host:1/a:b", Some("host:1"), "a", Some("b"), false),
        ("Registry/app", Some("Registry"), "app", None, false),
        ("[::1]/app", Some("[::1]"), "app", None, false),
        (
            "[2001:db8::1]:5000/app:v1",
            Some("[2001:db8::1]:5000"),
            "app",
            Some("v1"),
            false,
        ),
        (
            "sub-dom1.example.com/x/y.z__a--b_c:1",
            Some("sub-dom1.example.com"),
            "x/y.z__a--b_c",
            Some("1"),
            false,
        ),
        (
            "lower:Upper-TAG_1.0",
            None,
            "lower",
            Some("Upper-TAG_1.0"),
            false,
        ),
    ];
    for (text, domain, path, tag, pinned) in rows {
        for (digest, pinned) in [(String::new(), *pinned), (format!("@{SHA256}"), true)] {
            let text = format!("{text}{digest}");
            let reference: Reference = text.parse().unwrap();
            let parts = (
                reference.domain(),
                reference.path(),
                reference.tag(),
                reference.is_pinned(),
            );
            assert_eq!(parts, (*domain, *path, *tag, pinned), "{text}");
        }
    }
}

#[test]
fn short_names_are_normalized() {
    for (text, normalized) in [
        ("curl", "docker.io/library/curl"),
        ("curl:8", "docker.io/library/curl:8"),
        ("curlimages/curl", "docker.io/curlimages/curl"),
        ("docker.io/curl", "docker.io/library/curl"),
        ("index.docker.io/curl", "docker.io/library/curl"),
        ("index.docker.io/a/b", "docker.io/a/b"),
        ("localhost/curl", "localhost/curl"),
        ("example.com/curl", "example.com/curl"),
    ] {
        assert_eq!(
            text.parse::<Reference>().unwrap().normalized().to_string(),
            normalized,
            "{text}"
        );
    }
}

#[test]
fn names_have_at_most_255_and_tags_at_most_128_characters() {
    for (name, ok) in [
        ("a".repeat(255), true),
        ("a".repeat(256), false),
        (format!("x.y/{}", "a/".repeat(126)), false),
    ] {
        assert_eq!(name.parse::<Reference>().is_ok(), ok, "{}", name.len());
        assert_eq!(
            format!("{name}:{}", "t".repeat(128))
                .parse::<Reference>()
                .is_ok(),
            ok,
            "{}",
            name.len()
        );
    }
    assert!("t".repeat(128).parse::<Tag>().is_ok());
    assert!("t".repeat(129).parse::<Tag>().is_err());
    // Its normalized name would be too long, so it is unchanged.
    let long: Reference = "a".repeat(250).parse().unwrap();
    assert_eq!(long.normalized(), long);
}

#[test]
fn a_prefix_and_a_name_give_an_image() {
    for text in [
        "openservicemesh",
        "registry.example.com:5000/mesh",
        "[::1]:5000",
        "localhost:5000",
        "localhost",
        "a/b/c",
        "[::1]",
    ] {
        let image = text
            .parse::<RepositoryPrefix>()
            .unwrap()
            .image("osm-controller")
            .unwrap();
        assert_eq!(image.to_string(), format!("{text}/osm-controller"));
        assert_eq!((image.tag(), image.file_name()), (None, "osm-controller"));
    }
    let registry: RepositoryPrefix = "openservicemesh".parse().unwrap();
    for name in ["", "a:b", "a@b", "/a", "a/", "A", "a b"] {
        assert!(registry.image(name).is_err(), "{name}");
    }
}

#[test]
fn errors_say_why_a_reference_is_invalid() {
    let mut messages = String::new();
    let mut push = |kind: &str, text: &str, error: String| {
        writeln!(messages, "{kind} {text:?}\n    {error}").unwrap();
    };
    let long = format!("app:{}", "t".repeat(129));
    for text in [
        "",
        " ",
        "app ",
        ":tag",
        "app:",
        "app@",
        "app:@",
        "@sha256:00",
        "app@sha256:00",
        "app@md5:00",
        "app@none",
        "https://example.com/app:v1",
        "example.com/",
        "/app",
        "a//b",
        "-a/b",
        "a-/b",
        "a/-b",
        "a/b-",
        "a/b..c",
        "a/b___c",
        "a/_b",
        "App",
        "example.com/App",
        "exa_mple.com:80/app",
        "host:port/app",
        "[::1]",
        "[::1/app",
        "[fe80::1%eth0]/app",
        "[]/app",
        "é/app",
        "app:-v1",
        "app:v1:v2",
        "app:{{ tag }}",
        "app%!s(<nil>)",
        &long,
        &"a/".repeat(150),
    ] {
        push(
            "reference",
            text,
            text.parse::<Reference>().unwrap_err().to_string(),
        );
    }
    for text in [
        "",
        "https://example.com/",
        "openservicemesh/",
        "example.com:5000/",
        "openservicemesh:v1",
        "example.com:5000/mesh:v1",
        "mesh@sha256:00",
        "localhost:",
        "a//b",
        "Example.com/Mesh",
        "-",
        "[::1]x",
    ] {
        push(
            "registry",
            text,
            text.parse::<RepositoryPrefix>().unwrap_err().to_string(),
        );
    }
    for text in ["", ".v1", "v 1", "latest\n"] {
        push("tag", text, text.parse::<Tag>().unwrap_err().to_string());
    }
    insta::assert_snapshot!(messages);
}
