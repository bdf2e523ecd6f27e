//! What `publish-images` refuses: images that are not complete, targets that are not clear, and wrong input.

use test_registry::{
    Answer, Distribution, ImageSpec, LyingRegistry, Olareg, Options, Registry, push_image,
};

use crate::common::{
    NAMES, Published, client, digests, exists, fill, new_image, publish_with, run_xtask,
};

/// Returns the methods and paths of the requests that write.
fn writes<'r>(requests: impl Iterator<Item = (&'r str, &'r str)>) -> Vec<String> {
    requests
        .filter(|(method, _)| !["GET", "HEAD"].contains(method))
        .map(|(method, path)| format!("{method} {path}"))
        .collect()
}

/// Answers of a registry: method, path and answer.
type Script<'s> = &'s [(&'s str, &'s str, Answer)];

/// Breaks the image of a component at the source.
type Break = fn(&Distribution, &str);

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn an_image_that_is_not_complete_at_the_source_is_refused() {
    let source = Distribution::start(Options::default());
    let target = Distribution::start(Options::default());
    let one_platform: Break = |source, repository| {
        let spec = ImageSpec {
            platforms: vec!["linux/amd64"],
            ..new_image()
        };
        push_image(source, repository, "v1.2.5", &spec);
    };
    let no_index: Break = |source, repository| {
        let spec = ImageSpec {
            platforms: vec!["linux/amd64"],
            has_index: false,
            ..new_image()
        };
        push_image(source, repository, "v1.2.5", &spec);
    };
    let no_child: Break = |source, repository| {
        let image = push_image(source, repository, "v1.2.5", &new_image());
        let child = &image.manifests.last().unwrap().1;
        let name = format!("{}/{repository}@{child}", source.address());
        source.crane(&["delete", &name]).ok();
    };
    let no_blob: Break = |source, repository| {
        let image = push_image(source, repository, "v1.2.5", &new_image());
        let blob = image.blobs.keys().next_back().unwrap();
        let links = "distribution/storage/docker/registry/v2/repositories";
        let links = source.home().path().join(links).join(repository);
        let link = blob.replace(':', "/");
        std::fs::remove_dir_all(links.join("_layers").join(link)).unwrap();
    };
    let no_tag: Break = |source, repository| {
        let name = format!("{}/{repository}:v1.2.5", source.address());
        source.crane(&["delete", &name]).ok();
    };
    let twin: Break = |source, repository| {
        let other = repository.replace("/init", "/controller");
        let [other, name] =
            [&other, repository].map(|name| format!("{}/{name}:v1.2.5", source.address()));
        source.crane(&["copy", &other, &name]).ok();
    };
    let table: [(&str, Break, &str); 6] = [
        (
            "one-platform",
            one_platform,
            "init@sha256:… has no image for linux/arm64, only for linux/amd64",
        ),
        (
            "no-index",
            no_index,
            "init@sha256:… is a manifest for linux/amd64, but an index",
        ),
        ("no-child", no_child, "init@sha256:…: not found"),
        ("no-blob", no_blob, "init: the blob sha256:…: not found"),
        ("no-tag", no_tag, "init:v1.2.5 does not exist"),
        ("twin", twin, "init@sha256:… has the same digest as"),
    ];
    for (name, break_image, expected) in table {
        let staging = format!("staging/{name}");
        fill(&source, &staging, "v1.2.5", NAMES);
        break_image(&source, &format!("{staging}/init"));
        let from = format!("{}/{staging}", source.address());
        let error = publish_to(target.address(), &from, &[]).refused();
        let shown = without_digests(&error);
        assert!(shown.contains(expected), "{name}: {error}");
        assert_eq!(error.matches("error: ").count(), 1, "{name}: {error}");
        assert!(error.ends_with("nothing was written\n"), "{error}");
    }
    let requests = target.requests();
    let requests = requests.iter().map(|r| (&*r.method, &*r.path));
    assert_eq!(writes(requests), [""; 0]);
}

/// Replaces the digits of digests.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("sha256:…");
        shown.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    shown
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_release_that_has_another_image_at_the_target_is_refused() {
    let source = Olareg::start();
    let target = Distribution::start(Options::default());
    let built = fill(&source, "staging", "v1.2.5", NAMES);
    let other = fill(&target, "public", "v1.2.5", ["healthcheck"]);
    let before = target.requests().len();
    let error = publish_to(target.address(), &staging(&source), &[]).refused();
    let name = format!("{}/public/healthcheck", target.address());
    let expected = format!(
        "error: {name}:v1.2.5 is {}, not {}\n  hint: ",
        other[0], built[2]
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.ends_with("nothing was written\n"), "{error}");
    let requests = target.requests();
    let requests = requests.iter().skip(before).map(|r| (&*r.method, &*r.path));
    assert_eq!(writes(requests), [""; 0]);
    assert!(!exists(&target, "public", "init", "v1.2.5"));
    assert_eq!(digests(&target, "public", "v1.2.5", ["healthcheck"]), other);
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_target_that_does_not_clearly_say_what_it_has_is_refused() {
    let source = Olareg::start();
    let built = fill(&source, "staging", "v1.2.5", NAMES);
    let here = |answer: Answer| {
        move |method: &'static str, registry: &LyingRegistry| {
            registry.on(method, "/v2/public/init/manifests/v1.2.5", answer.clone());
        }
    };
    let body = r#"{"errors":[{"code":"UNKNOWN","message":"later"}]}"#;
    let redirect = Answer::redirect(307, "/v2/public/init/manifests/v1.2.5");
    let table = [
        (here(Answer::new(403)), "access denied"),
        (
            here(Answer::new(401)),
            "the registry refuses access without credentials",
        ),
        (
            here(Answer::new(500).body(body)),
            "500 Internal Server Error",
        ),
        (here(Answer::new(503)), "503 Service Unavailable"),
        (here(Answer::new(400)), "400 Bad Request"),
        (here(redirect), "more than 5 redirects"),
        // Without a digest, the manifest is read.
        (
            here(Answer::new(200).body(body)),
            "it has no schemaVersion 2",
        ),
    ];
    for (answer, expected) in table {
        let target = LyingRegistry::start();
        for method in ["HEAD", "GET"] {
            answer(method, &target);
        }
        let error = refused_by(&target, &source);
        let place = format!("{}/public/init:v1.2.5: ", target.address());
        assert!(
            error.starts_with("error: cannot determine whether the tag exists: "),
            "{error}"
        );
        assert!(
            error.contains(&place) && error.contains(expected),
            "{expected}: {error}"
        );
    }
    // The same for `latest`, and for a list of tags that cannot be had although there are tags.
    let found = |digest: &str| Answer::new(200).header("Docker-Content-Digest", digest);
    let latest = "/v2/public/init/manifests/latest";
    let list = "/v2/public/init/tags/list";
    let table: [(Script<'_>, &str); 4] = [
        (
            &[("HEAD", latest, Answer::new(403))],
            "latest: access denied",
        ),
        (
            &[("GET", list, Answer::new(403))],
            "cannot determine the highest release: ",
        ),
        (
            &[("HEAD", latest, found(&built[0]))],
            "cannot determine the highest release: ",
        ),
        (
            &[
                ("HEAD", "/v2/public/init/manifests/v1.2.5", found(&built[1])),
                ("GET", list, Answer::new(404)),
            ],
            "cannot determine the highest release: ",
        ),
    ];
    for (answers, expected) in table {
        let target = LyingRegistry::start();
        for (method, path, answer) in answers {
            target.on(method, path, answer.clone());
        }
        let error = refused_by(&target, &source);
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.contains("/public/init"), "{error}");
    }
}

/// Publishes to a registry that lies, and returns the error. Nothing is written.
fn refused_by(target: &LyingRegistry, source: &impl Registry) -> String {
    let error = publish_to(&target.address(), &staging(source), &[target.address()]).refused();
    assert!(error.ends_with("nothing was written\n"), "{error}");
    let requests = target.requests();
    let requests = requests.iter().map(|r| (&*r.method, &*r.path));
    assert_eq!(writes(requests), [""; 0], "{error}");
    error
}

/// Returns where the images of a release are tested.
fn staging(registry: &impl Registry) -> String {
    format!("{}/staging", registry.address())
}

/// Publishes the release v1.2.5 to `public` of a registry. A run that is refused writes no file.
fn publish_to(target: &str, from: &str, insecure: &[String]) -> Published {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--from",
        from,
        "--to",
        &format!("{target}/public"),
        "--confirm",
        "--digest-dir",
        &folder.path().display().to_string(),
        "v1.2.5",
    ];
    let published = publish_with(&client(insecure), &arguments);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(published.result.is_ok() || files == 0);
    published
}

#[test]
#[ignore = "needs registries: run cargo xtask test"]
fn a_target_without_everything_of_all_images_gets_no_tag() {
    let source = Olareg::start();
    fill(&source, "staging", "v1.2.5", NAMES);
    let refusing = LyingRegistry::start();
    refusing.on("POST", "/v2/public/init/blobs/uploads/", Answer::new(403));
    // It takes everything, and then says that nothing is there.
    let hiding = LyingRegistry::start();
    let table = [
        (
            refusing,
            "/public/init@sha256:",
            "no tag was set; run the same command again to continue\n",
        ),
        (
            hiding,
            "/public/controller@sha256:",
            "not all tags were set; run the same command again to continue\n",
        ),
    ];
    for (target, expected, end) in table {
        let uploads = Answer::new(202).header("Location", "/upload");
        target.on("POST", "/v2/public/", uploads);
        target.on("PUT", "/", Answer::new(201));
        let error = publish_to(&target.address(), &staging(&source), &[target.address()]).refused();
        assert!(error.contains(expected), "{error}");
        assert!(error.ends_with(end), "{error}");
        let requests = target.requests().into_iter();
        let manifests = requests.filter(|r| r.method == "PUT" && r.path.contains("/manifests/"));
        let (by_digest, by_tag): (Vec<_>, Vec<_>) = manifests
            .map(|request| request.path)
            .partition(|path| path.contains("/sha256:"));
        assert!(by_digest.len() >= 2 * 3, "{by_digest:?}");
        assert_eq!(by_tag, [""; 0]);
    }
}

#[test]
fn wrong_input_is_refused_before_a_registry_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let base = [
        "publish-images",
        "--from",
        "localhost:1/staging",
        "--to",
        "localhost:1/public",
    ];
    let table: [(&[&str], &str); 12] = [
        (
            &["v1.2"],
            "`v1.2` is not the name of a release such as `v1.2.4`",
        ),
        (
            &["pre-rel-v1.2"],
            "`pre-rel-v1.2` is not the name of a release",
        ),
        (&["1.2.3"], "the leading `v` is missing"),
        (&["v1.2.3+linux"], "a tag cannot contain `+`"),
        (&["latest"], "`latest` is not the name of a release"),
        (&[], "<vX.Y.Z>"),
        (&["v1.2.5", "--to", "localhost:1/staging:v1"], "--to"),
        (
            &["v1.2.5", "--insecure-registry", "http://localhost"],
            "expected a host",
        ),
        (
            &["v1.2.5", "--confirm", "--digest-dir", "missing"],
            "--digest-dir missing: cannot write to it",
        ),
        (
            &["v1.2.5", "--registry-auth-file", "missing"],
            "--registry-auth-file missing: cannot read it",
        ),
        (
            &["v0.3.0"],
            "no component in digests/components.toml is part of v0.3.0",
        ),
        (&["v1.2.5", "--latest"], "unexpected argument '--latest'"),
    ];
    for (arguments, expected) in table {
        let mut all: Vec<&str> = base.to_vec();
        if arguments.contains(&"--to") {
            all.truncate(3);
        }
        all.extend(arguments);
        let error = run_xtask(folder.path(), &all).fails(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let same = [
        "publish-images",
        "--from",
        "docker.io/mesh",
        "--to",
        "mesh",
        "v1.2.5",
    ];
    let error = run_xtask(folder.path(), &same).fails(2);
    assert!(error.contains("--from and --to are both mesh"), "{error}");
}
