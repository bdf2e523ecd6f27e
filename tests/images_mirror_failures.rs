//! What ends `osm images mirror` and `osm images save`, or single images of them: tags, missing images, logins, Ctrl-C, and
//! wrong input.

use std::process::Stdio;

use serde_json::{Value, json};
use test_registry::{
    Answer, Auth, Distribution, ImageSpec, LyingRegistry, Options, Registry, push_image,
};

use crate::common::mesh_images::{
    PREFIX, Source, TAG, all_repositories, component_repositories, distribution, to,
};
use crate::common::{command, finish, lines, run, scratch};

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn a_tag_at_the_mirror_is_moved_only_on_request() {
    let (source, target) = (Source::new(distribution()), distribution());
    let repository = format!("{PREFIX}/osm-crds");
    let other = ImageSpec {
        seed: 100,
        ..ImageSpec::default()
    };
    let taken = push_image(&target, &repository, TAG, &other).digest;
    let wanted = source.registry.digest("mesh/osm-crds", TAG);
    let refused = source.mirror(&target, &["-o", "json"]);
    assert_eq!(refused.code, 1);
    let name = format!("{}/{repository}:{TAG}", target.localhost_address());
    let message = format!("{name}: the tag has the digest {taken} already, not {wanted}");
    for said in [message.as_str(), "--move-tags", "1 of 7 images failed"] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    let report: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(report["install"], json!([]));
    let dry = source.mirror(&target, &["--dry-run"]);
    assert_eq!(dry.code, 1);
    assert!(dry.stderr.contains(&message), "{}", dry.stderr);
    assert_eq!(target.digest(&repository, TAG), taken);
    // The others are there.
    for (from, to) in component_repositories() {
        if to != repository {
            assert_eq!(target.digest(&to, TAG), source.registry.digest(&from, TAG));
        }
    }
    source.mirror(&target, &["--move-tags"]).ok();
    assert_eq!(target.digest(&repository, TAG), wanted);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn the_failure_of_one_image_does_not_end_the_others() {
    let (source, target) = (Source::new(distribution()), distribution());
    let absent = format!(
        "{}/gone@sha256:{}",
        source.registry.localhost_address(),
        "ab".repeat(32)
    );
    let curl = format!("osm.curlImage={absent}");
    let output = source.mirror(&target, &["--include-external", "--set", &curl]);
    assert_eq!(output.code, 1);
    let rows: Vec<&str> = output.stdout.lines().skip(1).collect();
    let failed = rows.iter().filter(|row| row.ends_with("FAILED"));
    assert_eq!((rows.len(), failed.count()), (all_repositories().len(), 1));
    assert!(
        output
            .stderr
            .contains(&format!("1 of 10 images failed:\n{absent}: not found")),
        "{}",
        output.stderr
    );
    target.digest(&format!("{PREFIX}/envoy"), TAG);

    // Of an archive, nothing is there unless everything is.
    let folder = scratch("images-save-failure");
    let archive = folder.join("images.tar").display().to_string();
    std::fs::write(&archive, "older").unwrap();
    let mut save = vec!["images", "save", &archive, "--include-external"];
    save.extend(source.images.iter().map(String::as_str));
    save.extend(["--set", &curl]);
    let output = source.osm(&target, &save);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&absent), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&archive).unwrap(), "older");

    // A tag that is not there ends the command before anything is copied.
    let tag = [
        "--set",
        &format!(
            "osm.curlImage={}:gone",
            source.registry.localhost_address() + "/curl"
        ),
    ];
    let before = target.requests().len();
    let error = source
        .mirror(&target, &[&["--include-external"][..], &tag].concat())
        .fails(1);
    assert!(
        error.contains("/curl:gone: the tag does not exist"),
        "{error}"
    );
    assert_eq!(target.requests().len(), before);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn a_registry_that_wants_a_login_is_named() {
    let basic = || {
        Distribution::start(Options {
            auth: Auth::Basic,
            ..Options::default()
        })
    };
    let closed = Source::new(basic());
    let open = Source::new(distribution());
    let asked = |source: &Source<Distribution>, images: &[String], to: &str| {
        let home = source.registry.home();
        let authority = home.authority_file().display().to_string();
        let mut words = vec!["images", "mirror", "--to", to, "--ca-file", &authority];
        words.extend(images.iter().map(String::as_str));
        let output = run(&mut command(&words), "");
        assert_eq!(output.code, 1);
        output.stderr
    };
    let mirror = distribution();
    // A tag is looked up first. Digests are read by the plan.
    let tags = asked(&closed, &closed.images, &to(&mirror));
    let digests = asked(&closed, &closed.images[..2], &to(&mirror));
    let target = asked(&open, &open.images, &to(&closed.registry));
    let host = closed.registry.localhost_address();
    for error in [tags, digests, target] {
        let hint = format!("log in with `docker login {host}`");
        assert!(error.contains(&hint), "{error}");
    }
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn a_registry_without_tls_has_to_be_named() {
    let source = Source::new(distribution());
    let target = Distribution::start(Options {
        has_tls: false,
        ..Options::default()
    });
    let refused = source.mirror(&target, &[]);
    assert_eq!(refused.code, 1);
    let host = target.localhost_address();
    let hint = format!("a registry without TLS needs --insecure-registry {host}");
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
    assert_eq!(target.requests(), []);
    // It is not needed, and not allowed, for the source.
    let plain = source.mirror(&target, &["--insecure-registry", &host]);
    plain.ok();
    target.digest(&format!("{PREFIX}/init"), TAG);
    let other = source.registry.localhost_address();
    let wrong = source.mirror(&target, &["--insecure-registry", &other]);
    assert_eq!(wrong.code, 1, "{}", wrong.stderr);
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn ctrl_c_says_how_to_go_on() {
    let source = Source::new(distribution());
    let target = LyingRegistry::start();
    target.on("POST", "/v2/", Answer::new(202).paused());
    let to = format!("{}/mesh", target.address());
    let authority = source
        .registry
        .home()
        .authority_file()
        .display()
        .to_string();
    let host = target.address();
    let mut words = vec![
        "images",
        "mirror",
        "--to",
        &to,
        "--insecure-registry",
        &host,
    ];
    words.extend(["--ca-file", &authority]);
    words.extend(source.images.iter().map(String::as_str));
    let mut child = command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    target.await_paused(1);
    let mut next_line = lines(child.stderr.take().unwrap());
    let kill = format!("kill -INT {}", child.id());
    let sent = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(sent.unwrap().success());
    let mut said = String::new();
    while let Some(line) = next_line() {
        said += &format!("{line}\n");
    }
    assert_eq!(finish(child).code, 1);
    let message =
        "error: interrupted: what was copied so far is kept. Rerun the same command to resume\n";
    assert!(said.ends_with(message), "{said}");
}

#[test]
fn input_that_cannot_work_is_refused_before_anything_is_asked() {
    let folder = scratch("images-mirror-input");
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("text"), "no archive").unwrap();
    let (text, absent, nowhere) = (path("text"), path("absent.tar"), path("gone/images.tar"));
    let folder_path = folder.display().to_string();
    let mirror = ["images", "mirror", "--to"];
    let save = ["images", "save"];
    let table: &[(&[&str], &[&str], &str)] = &[
        (
            &mirror,
            &["https://mirror.test/mesh"],
            "`https://` is not part of an image name",
        ),
        (&mirror, &["mirror.test/mesh:v1"], "has a tag"),
        (&mirror, &["mirror.test/mesh@sha256:0"], "has a digest"),
        (&mirror, &["mirror.test/mesh/"], "ends with a slash"),
        (&mirror, &["mirror.test/Mesh"], "has upper-case letters"),
        (
            &mirror,
            &["openservicemesh"],
            "openservicemesh/init is the source",
        ),
        (&mirror, &["docker.io/openservicemesh"], "is the source"),
        (
            &mirror,
            &["mirror.test/a", "--platform", "linux"],
            "is not a platform such as linux/amd64",
        ),
        (
            &mirror,
            &["mirror.test/a", "--release", "v9.9.9"],
            "--release: this binary does not have release",
        ),
        (
            &mirror,
            &["mirror.test/a", "--concurrency", "0"],
            "0 is not in 1..=100",
        ),
        (
            &mirror,
            &["mirror.test/a", "--insecure-registry", "http://a"],
            "without https://",
        ),
        (&mirror, &["mirror.test/a", "--from", &absent], "--from "),
        (&mirror, &["mirror.test/a", "--from", &text], "--from "),
        (
            &mirror,
            &["mirror.test/a", "--from", &folder_path],
            "not a regular file",
        ),
        (&save, &[&nowhere], "the folder "),
        (&save, &[&folder_path], "not a regular file"),
        (
            &save,
            &["/proc/images.tar"],
            "/proc/images.tar: cannot open the .part file",
        ),
        (&save, &[".."], "has no file name"),
    ];
    for (start, rest, message) in table {
        let words = [*start, *rest].concat();
        let error = run(&mut command(&words), "").fails(2);
        assert!(error.contains(message), "{words:?}: {error}");
    }
    let files = std::fs::read_dir(&folder).unwrap();
    assert_eq!(files.count(), 1, "nothing is written");
}

#[test]
fn images_that_would_be_in_each_others_way_are_refused() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let sets = |first: &str, second: &str| {
        [
            "--set".to_owned(),
            format!("osm.curlImage={first}"),
            "--set".to_owned(),
            format!("osm.sidecarImage={second}"),
        ]
    };
    let (one, other) = (digest("b"), digest("c"));
    let table = [
        (
            sets(
                &format!("a.test/x/proxy@{one}"),
                &format!("b.test/y/proxy@{other}"),
            ),
            "would both be mirror.test/mesh/proxy".to_owned(),
        ),
        (
            sets(
                &format!("a.test/proxy:1@{one}"),
                &format!("a.test/proxy:1@{other}"),
            ),
            format!("mirror.test/mesh/proxy:1 would be two images, {one} and {other}"),
        ),
        (
            sets(
                &format!("a.test/x/osm-crds@{one}"),
                &format!("a.test/proxy@{other}"),
            ),
            "would both be mirror.test/mesh/osm-crds".to_owned(),
        ),
    ];
    for (sets, message) in table {
        let mut words = vec![
            "images",
            "mirror",
            "--to",
            "mirror.test/mesh",
            "--include-external",
        ];
        words.extend(sets.iter().map(String::as_str));
        let error = run(&mut command(&words), "").fails(2);
        assert!(error.contains(&message), "{error}");
    }
}
