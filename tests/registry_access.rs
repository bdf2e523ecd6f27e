//! How registries are reached: whom `--ca-file` trusts, what `--verbose` shows, and that no output has a secret.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use test_registry::{
    Answer, Auth, IDENTITY_TOKEN, LyingRegistry, Options, PASSWORD, Registry, TokenOptions, USER,
};

use crate::common::certificates::{SERVERS, bundle};
use crate::common::cluster::base64;
use crate::common::recorder::{Answers, Recorder};
use crate::common::{Output, command, run, scratch};
use crate::images_verify::Mirror;

/// Flags with which every image is one of a registry, so that no other registry is asked.
fn images_at(registry: &str) -> Vec<String> {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let mut flags = vec!["--image-registry".to_owned(), format!("{registry}/mesh")];
    for key in ["curlImage", "sidecarImage", "sidecarWindowsImage"] {
        flags.extend([
            "--set".to_owned(),
            format!("osm.{key}={registry}/other@{digest}"),
        ]);
    }
    flags
}

fn verify(images: &[String], more: &[&str]) -> Output {
    let mut arguments = vec!["images", "verify"];
    arguments.extend(images.iter().map(String::as_str));
    arguments.extend(more);
    run(&mut command(&arguments), "")
}

#[test]
#[ignore = "needs crane: run cargo xtask test"]
fn certificates_of_registries_are_verified_as_by_crane() {
    let folder = scratch("registry-certificates");
    let crane = std::env::var_os("OSM_TEST_CRANE").expect("run `cargo xtask test`");
    for (server, authorities, error) in SERVERS {
        let label = format!("{server}, {}", authorities.join(" and "));
        let recorder = Recorder::start_tls(server, Answers::Empty);
        let path = folder.join("bundle.pem");
        std::fs::write(&path, bundle(authorities)).unwrap();
        let mut theirs = Command::new(&crane);
        theirs
            .args(["manifest", &format!("{}/a:b", recorder.address)])
            .env_clear()
            .env("HOME", &folder)
            .env("SSL_CERT_FILE", &path)
            .env("SSL_CERT_DIR", &folder);
        let theirs = run(&mut theirs, "");
        let is_trusted = !recorder.take().is_empty();
        let path = path.display().to_string();
        let ours = verify(&images_at(&recorder.address), &["--ca-file", &path]);
        assert_eq!(
            !recorder.take().is_empty(),
            is_trusted,
            "{label}: {}{}",
            theirs.stderr,
            ours.stderr
        );
        assert_eq!(error.is_none(), is_trusted, "{label}: {}", theirs.stderr);
        if let Some(error) = error {
            assert_ne!(ours.code, 0, "{label}");
            assert!(ours.stderr.contains(error), "{label}: {}", ours.stderr);
        }
    }
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn each_request_to_a_registry_is_logged_on_demand() {
    let mirror = Mirror::start(Options::default());
    let quiet = verify(&[&mirror.images[..], &mirror.access].concat(), &[]);
    let before = mirror.registry.requests().len();
    let verbose = verify(
        &[&mirror.images[..], &mirror.access].concat(),
        &["--verbose"],
    );
    assert_eq!(verbose.stdout, quiet.stdout);
    let is_log = |line: &&str| line.contains(" https://");
    assert_eq!(
        quiet.stderr.lines().filter(is_log).count(),
        0,
        "{}",
        quiet.stderr
    );
    let lines: Vec<&str> = verbose.stderr.lines().filter(is_log).collect();
    let envoy = format!(
        "GET https://{}/manifests/sha256:",
        mirror.name("envoy").replacen('/', "/v2/", 1)
    );
    let envoy: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(&envoy))
        .collect();
    assert!(
        envoy
            .iter()
            .any(|line| line.contains(": 200 OK, ") && line.ends_with("ms")),
        "{lines:?}"
    );
    let requests = mirror.registry.requests().len() - before;
    assert_eq!(lines.len(), requests, "{lines:?}");
}

#[test]
fn commands_that_contact_no_registry_refuse_verbose() {
    let error = osm!("images list --verbose").fails(2);
    assert!(error.contains("omit --verbose"), "{error}");
    for (line, is_listed) in [
        ("images verify --help", true),
        ("install --help", true),
        ("images list --help", false),
        ("completion --help", false),
    ] {
        let help = osm!("{line}").ok();
        assert_eq!(help.contains("--verbose"), is_listed, "{line}: {help}");
    }
}

/// Fails if an output has a secret, plain or encoded.
#[track_caller]
fn assert_no_secret(label: &str, output: &Output) {
    let auth = base64(&format!("{USER}:{PASSWORD}"));
    // Signed tokens begin with an encoded `{"`.
    for secret in [PASSWORD, IDENTITY_TOKEN, &auth, "eyJ", "in-no-output"] {
        for text in [&output.stdout, &output.stderr] {
            assert!(!text.contains(secret), "{label}: {secret} in {text}");
        }
    }
    assert!(
        !output.stderr.contains("panicked"),
        "{label}: {}",
        output.stderr
    );
}

#[test]
#[ignore = "needs a registry: run cargo xtask test"]
fn no_output_has_a_secret_of_a_registry_that_wants_one() {
    let token = Auth::Token(TokenOptions::default());
    for auth in [Auth::Basic, token] {
        let label = format!("{auth:?}");
        let mirror = Mirror::start(Options {
            auth,
            ..Options::default()
        });
        let home = mirror.registry.home();
        let flags = [&mirror.images[..], &mirror.access].concat();
        let file = home.credentials_file().display().to_string();
        let token_server = ["--token-server", "localhost", "--verbose"];
        let verify = |file: &str| {
            verify(
                &flags,
                &[&["--registry-auth-file", file], &token_server[..]].concat(),
            )
        };
        let right = verify(&file);
        assert_eq!(right.code, 0, "{label}: {}", right.stderr);
        assert!(
            right.stderr.contains(": 401 Unauthorized, "),
            "{}",
            right.stderr
        );
        assert_no_secret(&label, &right);

        let address = mirror.registry.address().to_owned();
        let write = |name: &str, text: String| {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let entry = |entry: &str| format!(r#"{{"auths":{{"{address}":{entry}}}}}"#);
        let wrong = base64(&format!("{USER}:wrong-in-no-output"));
        let other = base64("other-in-no-output");
        let program = "#!/bin/sh\necho helper-in-no-output\necho helper-in-no-output >&2\nexit 1\n";
        let program = write("docker-credential-broken", program.to_owned());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let helper = format!(r#"{{"credHelpers":{{"{address}":"broken"}}}}"#);
        for (name, text, secrets) in [
            (
                "wrong password",
                entry(&format!(r#"{{"auth":"{wrong}"}}"#)),
                vec![&*wrong],
            ),
            (
                "wrong identity token",
                entry(r#"{"identitytoken":"identity-in-no-output"}"#),
                vec![],
            ),
            (
                "wrong registry token",
                entry(r#"{"registrytoken":"registry-in-no-output"}"#),
                vec![],
            ),
            (
                "no password",
                entry(&format!(r#"{{"auth":"{other}"}}"#)),
                vec![&*other],
            ),
            ("not JSON", entry("in-no-output"), vec![]),
            ("helper", helper, vec![]),
        ] {
            let path = write("wrong.json", text).display().to_string();
            let mut arguments = vec!["images", "verify", "--registry-auth-file", &path];
            arguments.extend(flags.iter().map(String::as_str));
            arguments.extend(token_server);
            let folders = format!("{}:/usr/bin:/bin", home.path().display());
            let output = run(command(&arguments).env("PATH", folders), "");
            let label = format!("{label}, {name}");
            assert_eq!(output.code, 1, "{label}: {}", output.stderr);
            assert_no_secret(&label, &output);
            for secret in secrets {
                assert!(
                    !output.stderr.contains(secret),
                    "{label}: {}",
                    output.stderr
                );
            }
        }
    }
}

#[test]
fn no_output_has_a_secret_of_a_url() {
    let realm = r#"Bearer realm="http://user:in-no-output@127.0.0.1/token?key=in-no-output""#;
    for (label, answer) in [
        (
            "redirect",
            Answer::redirect(307, "/store?signature=in-no-output"),
        ),
        (
            "redirect with a user",
            Answer::redirect(307, "http://user:in-no-output@127.0.0.1/"),
        ),
        (
            "redirects without end",
            Answer::redirect(307, "/v2/?key=in-no-output"),
        ),
        (
            "token server",
            Answer::new(401).header("WWW-Authenticate", realm),
        ),
    ] {
        let registry = LyingRegistry::start();
        registry
            .on("GET", "/v2/", answer.clone())
            .on("HEAD", "/v2/", answer);
        let address = registry.address();
        let more = ["--verbose", "--insecure-registry", &address];
        let output = verify(&images_at(&address), &more);
        assert_eq!(output.code, 1, "{label}: {}", output.stderr);
        assert!(
            output.stderr.contains(&format!("GET http://{address}/v2/")),
            "{label}"
        );
        assert_no_secret(label, &output);
    }
}
