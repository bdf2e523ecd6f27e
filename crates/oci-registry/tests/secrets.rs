//! No secret is in the log, in an error, or in anything else that can be shown.

use std::error::Error;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_registry::{Client, CopyImage, CredentialStore, ImageSource};
use serde_json::{Value, json};
use test_registry::{Answer, Cut, LyingRegistry};

use crate::common::{MANIFEST, builder, digest, image, log, repository};

/// Part of every secret here.
const MARKER: &str = "in-no-output";
const LAYER: &str = "the content of a layer";

/// Every way in which a user can prove who it is, as an entry of a file.
fn credentials() -> [(&'static str, Value); 4] {
    let auth = |password: &str| STANDARD.encode(format!("reader:{password}"));
    [
        ("password", json!({"auth": auth("password-in-no-output")})),
        (
            "identity token",
            json!({"identitytoken": "identity-in-no-output"}),
        ),
        (
            "registry token",
            json!({"registrytoken": "registry-in-no-output"}),
        ),
        (
            "token as password",
            json!({"auth": STANDARD.encode("<token>:token-in-no-output")}),
        ),
    ]
}

/// What was shown in one run.
struct Shown {
    text: String,
    log: Arc<Mutex<Vec<String>>>,
    _file: tempfile::NamedTempFile,
}

impl Shown {
    fn add_error(&mut self, error: &(dyn Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.text
                .push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
            next = error.source();
        }
    }

    /// Fails if a secret was shown, plain or encoded.
    #[track_caller]
    fn assert_no_secret(self, label: &str) {
        let log = self.log.lock().unwrap().join("\n");
        assert!(log.contains("GET http://"), "{label}: {log}");
        let all = format!("{}\n{log}", self.text);
        let mut secrets = vec![MARKER.to_owned()];
        for (_, entry) in credentials() {
            secrets.extend(entry["auth"].as_str().map(str::to_owned));
        }
        for secret in secrets {
            assert!(!all.contains(&secret), "{label}: {secret} in\n{all}");
        }
    }
}

/// A client with an entry of a file for a registry, and what it shows.
fn client(registry: &LyingRegistry, entry: &Value) -> (Client, Shown) {
    let address = registry.address();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = json!({"auths": {&address: entry}});
    file.write_all(text.to_string().as_bytes()).unwrap();
    let (log, add) = log();
    let store = CredentialStore::file(file.path());
    let shown = Shown {
        text: format!("{store:?}"),
        log,
        _file: file,
    };
    let client = builder(&address).credentials(store).log(add).build();
    (client.unwrap(), shown)
}

fn challenge(registry: &LyingRegistry) -> Answer {
    let realm = format!("http://{}/token?key={MARKER}", registry.address());
    let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
    Answer::new(401).header("WWW-Authenticate", &challenge)
}

/// A registry with an image in `from`, whose content is behind redirects with signed URLs, and that accepts uploads.
fn registry(script: impl FnOnce(&LyingRegistry)) -> LyingRegistry {
    let registry = LyingRegistry::start();
    let token =
        json!({"token": format!("bearer-{MARKER}"), "refresh_token": format!("refresh-{MARKER}")});
    script(&registry);
    registry
        .on("GET", "/v2/from/manifests/", challenge(&registry).times(1))
        .on("GET", "/token", Answer::new(200).body(token.to_string()))
        .on("POST", "/token", Answer::new(200).body(token.to_string()));
    for blob in ["{}", LAYER] {
        let stored = format!("/store/{}?signature={MARKER}", digest(blob));
        let path = format!("/v2/from/blobs/{}", digest(blob));
        registry
            .on("GET", &path, Answer::redirect(307, &stored))
            .on("HEAD", &path, Answer::redirect(307, &stored))
            .on("GET", &stored, Answer::new(200).body(blob))
            .on("HEAD", &stored, Answer::new(200).body(blob));
    }
    let manifest = Answer::new(200).header("Content-Type", MANIFEST);
    let session = format!("/v2/to/blobs/uploads/1?state={MARKER}");
    registry
        .on(
            "GET",
            "/v2/from/manifests/",
            manifest.body(image(&["{}", LAYER])),
        )
        .on(
            "POST",
            "/v2/to/blobs/uploads/",
            Answer::new(202).header("Location", &session),
        )
        .on("PUT", "/v2/to/", Answer::new(201));
    registry
}

/// Checks and copies the image. Returns whether both succeed, and everything that was shown.
async fn run(registry: &LyingRegistry, entry: &Value) -> (bool, Shown) {
    let (client, mut shown) = client(registry, entry);
    let place = |path| repository(&registry.address(), path);
    let digest = digest(&image(&["{}", LAYER]));
    let checked = client.check_image(&place("from"), &digest).await;
    let image = CopyImage {
        from: ImageSource::Repository(place("from")),
        digest,
        to: place("to"),
        tag: Some("v1".parse().unwrap()),
        move_tag: false,
        platforms: Vec::new(),
    };
    let copied = client.copy([image], &|_| {}).await.remove(0);
    let succeeded = checked.is_ok() && copied.is_ok();
    for error in [checked.err(), copied.err()].into_iter().flatten() {
        shown.add_error(&error);
    }
    (succeeded, shown)
}

#[tokio::test]
async fn what_succeeds_shows_no_secret() {
    for (label, entry) in credentials() {
        let registry = registry(|_| {});
        let (succeeded, shown) = run(&registry, &entry).await;
        assert!(succeeded, "{label}: {}", shown.text);
        // Otherwise nothing would be there to be shown.
        let requests = registry.requests();
        let has = |part: &str| requests.iter().any(|r| r.path.contains(part));
        assert!(has("signature=in-no") && has("state=in-no"), "{label}");
        let sent = requests.iter().filter_map(|r| r.header("authorization"));
        assert!(
            sent.clone().any(|header| header.contains(MARKER)),
            "{label}"
        );
        shown.assert_no_secret(label);
    }
}

#[tokio::test]
async fn what_fails_shows_no_secret() {
    type Script = fn(&LyingRegistry);
    let manifests = "/v2/from/manifests/";
    let failures: [(&str, Script); 12] = [
        ("401", |r| {
            r.on("GET", "/v2/from/manifests/", challenge(r));
        }),
        ("401 to a blob that is sent", |r| {
            r.on(
                "PUT",
                "/v2/to/blobs/",
                challenge(r).early().cut_after(0, Cut::Reset),
            );
        }),
        ("403", |r| {
            r.on("GET", "/v2/from/manifests/", Answer::new(403).body("no"));
        }),
        ("500", |r| {
            r.on("PUT", "/v2/to/blobs/uploads/1", Answer::new(500));
        }),
        ("token server: 401", |r| {
            r.on("GET", "/token", Answer::new(401))
                .on("POST", "/token", Answer::new(401));
        }),
        ("token server: not JSON", |r| {
            let answer = || Answer::new(200).body(r#"{"token":"bearer-in-no-output""#);
            r.on("GET", "/token", answer())
                .on("POST", "/token", answer());
        }),
        ("token server: another type", |r| {
            let answer = || Answer::new(200).body(r#"{"token":["bearer-in-no-output"]}"#);
            r.on("GET", "/token", answer())
                .on("POST", "/token", answer());
        }),
        ("token server: not a header", |r| {
            let answer = || Answer::new(200).body(r#"{"token":"bearer in-no-output\n"}"#);
            r.on("GET", "/token", answer())
                .on("POST", "/token", answer());
        }),
        ("token server: reset", |r| {
            let answer = || Answer::new(200).body("{}").cut_after(0, Cut::Reset);
            r.on("GET", "/token", answer())
                .on("POST", "/token", answer());
        }),
        ("token server elsewhere", |r| {
            let realm = r#"Bearer realm="http://user:in-no-output@10.0.0.1/?key=in-no-output""#;
            let refused = Answer::new(401).header("WWW-Authenticate", realm);
            r.on("GET", "/v2/from/manifests/", refused);
        }),
        ("redirect with a user", |r| {
            let answer =
                Answer::redirect(307, "http://user:in-no-output@127.0.0.1/?key=in-no-output");
            r.on("GET", "/v2/from/manifests/", answer);
        }),
        ("redirect to nowhere", |r| {
            let answer = Answer::redirect(307, "http://127.0.0.1:1/store?key=in-no-output");
            r.on("GET", "/v2/from/manifests/", answer);
        }),
    ];
    for (label, entry) in credentials() {
        for (failure, script) in failures {
            let label = format!("{failure}, {label}");
            // A token for the registry itself is not asked for.
            let needs_no_token =
                entry["registrytoken"].is_string() && failure.starts_with("token server:");
            let registry = registry(script);
            let (succeeded, shown) = run(&registry, &entry).await;
            assert_eq!(succeeded, needs_no_token, "{label}: {}", shown.text);
            assert!(
                registry
                    .requests()
                    .iter()
                    .any(|r| r.path.starts_with(manifests))
            );
            shown.assert_no_secret(&label);
        }
    }
}

#[tokio::test]
async fn a_file_with_credentials_that_cannot_be_used_is_not_shown() {
    let registry = registry(|_| {});
    let repository = repository(&registry.address(), "from");
    for text in [
        r#"{"auths":{"in-no-output":"#,
        r#"{"auths":{"HOST":{"auth":"!in-no-output"}}}"#,
        r#"{"auths":{"HOST":{"auth":"aW4tbm8tb3V0cHV0"}}}"#,
        r#"{"auths":{"HOST":{"auth":["in-no-output"]}}}"#,
        r#"{"auths":{"HOST":"in-no-output"}}"#,
        r#"{"credHelpers":{"HOST":"is-not-installed"},"auths":{"HOST":{"auth":"cjppbi1uby1vdXRwdXQ="}}}"#,
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = text.replace("HOST", &registry.address());
        file.write_all(text.as_bytes()).unwrap();
        let (log, add) = log();
        let store = CredentialStore::file(file.path());
        let client = builder(&registry.address()).credentials(store).log(add);
        let client = client.build().unwrap();
        let digest = digest(&image(&["{}", LAYER]));
        registry.on("HEAD", "/v2/from/manifests/", challenge(&registry));
        let error = client.has_manifest(&repository, &digest).await.unwrap_err();
        let mut shown = Shown {
            text: String::new(),
            log,
            _file: file,
        };
        shown.add_error(&error);
        shown.text.push_str(&shown.log.lock().unwrap().join("\n"));
        for secret in [MARKER, "aW4tbm8tb3V0cHV0", "cjppbi1uby1vdXRwdXQ"] {
            assert!(!shown.text.contains(secret), "{text}: {}", shown.text);
        }
    }
}
