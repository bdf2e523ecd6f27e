//! Tokens and passwords: who gets them, and how often they are asked for.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;
use oci_registry::CredentialStore;
use test_registry::{Answer, Cut, LyingRegistry};

use crate::common::{builder, client, descriptor, download, log, repository};

const CONTENT: &[u8] = b"the content of a layer";
const USER: &str = "reader";
const PASSWORD: &str = "password-in-no-output";
const TOKEN: &str = "token-in-no-output";

/// A file with the credentials of a registry.
fn credentials(address: &str) -> tempfile::NamedTempFile {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, r#"{{"auths":{{"{address}":{{"auth":"{auth}"}}}}}}"#).unwrap();
    file
}

fn bearer(realm: &str) -> Answer {
    let challenge = format!(r#"Bearer realm="{realm}",service="s",scope="repository:a/b:pull""#);
    Answer::new(401).header("WWW-Authenticate", &challenge)
}

/// A registry that refuses everything, and whose token server answers this.
fn registry_with_token_server(answer: Answer) -> LyingRegistry {
    let registry = LyingRegistry::start();
    let realm = format!("http://{}/token", registry.address());
    registry
        .on("GET", "/v2/a/b/blobs/", bearer(&realm))
        .on("GET", "/token", answer);
    registry
}

fn token() -> Answer {
    Answer::new(200).body(format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#))
}

#[tokio::test]
async fn a_token_is_asked_for_once_however_many_requests_wait_for_it() {
    const READERS: usize = 6;
    let registry = Arc::new(LyingRegistry::start());
    let realm = format!("http://{}/token", registry.address());
    registry
        .on(
            "GET",
            "/v2/a/b/blobs/",
            bearer(&realm).times(READERS).paused(),
        )
        .on("GET", "/v2/a/b/blobs/", Answer::new(200).body(CONTENT))
        .on("GET", "/token", token());
    let client = client(&registry);
    let repository = repository(&registry.address(), "a/b");
    let blob = descriptor(CONTENT);
    // All are refused before the first of them can ask for a token.
    let all = Arc::clone(&registry);
    let release = std::thread::spawn(move || {
        all.await_paused(READERS);
        all.release();
    });
    let reads = (0..READERS).map(|_| download(&client, &repository, &blob));
    for read in join_all(reads).await {
        assert_eq!(read.unwrap(), CONTENT);
    }
    release.join().unwrap();
    let requests = registry.requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|r| r.path.starts_with("/token"))
        .collect();
    assert_eq!(asked.len(), 1);
    let query = asked[0].query();
    let value = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("service"), Some("s"));
    assert_eq!(value("scope"), Some("repository:a/b:pull"));
    assert_eq!(asked[0].header("authorization"), None);
    let with_token = requests
        .iter()
        .filter(|r| r.header("authorization") == Some(&format!("Bearer {TOKEN}")));
    assert_eq!(with_token.count(), READERS);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let registry = LyingRegistry::start();
    let realm = format!("http://{}/token", registry.address());
    registry
        .on("GET", "/v2/a/b/blobs/", bearer(&realm))
        .on("GET", "/token", token());
    let repository = repository(&registry.address(), "a/b");
    let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
    let error = read.unwrap_err();
    assert!(error.contains("the registry refuses"), "{error}");
    let paths: Vec<_> = registry.requests().into_iter().map(|r| r.path).collect();
    let asked = paths
        .iter()
        .filter(|path| path.starts_with("/token"))
        .count();
    assert_eq!((asked, paths.len()), (1, 3), "{paths:?}");
}

#[tokio::test]
async fn a_password_goes_to_the_token_server_and_the_token_to_the_registry() {
    let registry = LyingRegistry::start();
    let address = registry.address();
    registry
        .on(
            "GET",
            "/v2/a/b/blobs/",
            bearer(&format!("http://{address}/token")).times(1),
        )
        .on("GET", "/v2/a/b/blobs/", Answer::new(200).body(CONTENT))
        .on("GET", "/token", token());
    let file = credentials(&address);
    let (lines, log) = log();
    let client = builder(&address)
        .credentials(CredentialStore::file(file.path()))
        .log(log)
        .build()
        .unwrap();
    let repository = repository(&address, "a/b");
    let read = download(&client, &repository, &descriptor(CONTENT)).await;
    assert_eq!(read.unwrap(), CONTENT);
    let sent: Vec<_> = registry
        .requests()
        .iter()
        .map(|r| {
            r.header("authorization")
                .map(|a| a.split(' ').next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        sent,
        [None, Some("Basic".to_owned()), Some("Bearer".to_owned())]
    );
    let lines = lines.lock().unwrap().join("\n");
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(!lines.contains("in-no-output"), "{lines}");
}

#[tokio::test]
async fn a_password_is_sent_to_a_registry_that_asks_for_one() {
    let registry = LyingRegistry::start();
    let address = registry.address();
    let challenge = Answer::new(401).header("WWW-Authenticate", r#"Basic realm="r""#);
    registry
        .on("GET", "/v2/a/b/blobs/", challenge.clone().times(1))
        .on("GET", "/v2/a/b/blobs/", Answer::new(200).body(CONTENT))
        .on("GET", "/v2/refused/b/blobs/", challenge);
    let file = credentials(&address);
    let client = builder(&address)
        .credentials(CredentialStore::file(file.path()))
        .build()
        .unwrap();
    let blob = descriptor(CONTENT);
    let read = download(&client, &repository(&address, "a/b"), &blob).await;
    assert_eq!(read.unwrap(), CONTENT);
    let refused = download(&client, &repository(&address, "refused/b"), &blob).await;
    let error = refused.unwrap_err();
    assert!(
        error.contains("the registry refuses these credentials"),
        "{error}"
    );
    assert!(!error.contains("in-no-output"), "{error}");
}

#[tokio::test]
async fn a_redirect_takes_no_token_along() {
    let store = LyingRegistry::start();
    store.on("GET", "/store", Answer::new(200).body(CONTENT));
    let registry = LyingRegistry::start();
    let address = registry.address();
    registry
        .on(
            "GET",
            "/v2/a/b/blobs/",
            bearer(&format!("http://{address}/token")).times(1),
        )
        .on(
            "GET",
            "/v2/a/b/blobs/",
            Answer::redirect(307, &format!("http://{}/store", store.address())),
        )
        .on("GET", "/token", token());
    let repository = repository(&address, "a/b");
    let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
    assert_eq!(read.unwrap(), CONTENT);
    assert_eq!(store.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_token_server_elsewhere_is_not_asked() {
    for realm in [
        "http://token.example.com/token",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/token",
        "file:///etc/passwd",
        "https://user:secret@127.0.0.1/token",
    ] {
        let registry = LyingRegistry::start();
        registry.on("GET", "/v2/a/b/blobs/", bearer(realm));
        let repository = repository(&registry.address(), "a/b");
        let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
        let error = read.unwrap_err();
        assert_eq!(registry.requests().len(), 1, "{error}");
        assert!(error.starts_with(&repository.to_string()), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_token_server_that_asks_for_a_pause_gets_it_unless_it_is_too_long() {
    let table = [("0", true), ("86400", false)];
    for (pause, is_made) in table {
        let registry = LyingRegistry::start();
        let address = registry.address();
        registry
            .on(
                "GET",
                "/v2/a/b/blobs/",
                bearer(&format!("http://{address}/token")).times(1),
            )
            .on("GET", "/v2/a/b/blobs/", Answer::new(200).body(CONTENT))
            .on(
                "GET",
                "/token",
                Answer::new(429).header("Retry-After", pause).times(1),
            )
            .on("GET", "/token", token());
        let repository = repository(&address, "a/b");
        let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
        match is_made {
            true => assert_eq!(read.unwrap(), CONTENT),
            false => {
                let error = read.unwrap_err();
                assert!(error.contains("too many requests"), "{error}");
                assert_eq!(registry.requests().len(), 2);
            }
        }
    }
}

#[tokio::test]
async fn what_a_token_server_answers_is_limited_and_checked() {
    let large = vec![b' '; (1 << 20) + 1];
    let table = [
        (
            Answer::new(200).body(large),
            "the answer of the token server has more than 1048576",
        ),
        (
            Answer::new(200).body(b" ").endless(),
            "the answer of the token server has more than",
        ),
        (Answer::new(200).body("{}"), "its token server"),
        (
            Answer::new(200).body(r#"{"token":"a\nb"}"#),
            "its token server",
        ),
        (
            Answer::new(401).body(r#"{"details":"x"}"#),
            "the token server 127.0.0.1 refuses",
        ),
        (
            Answer::redirect(307, "http://127.0.0.1:1/"),
            "its token server redirects",
        ),
        (
            Answer::new(500),
            "the token server 127.0.0.1 cannot be used: it answers 500",
        ),
    ];
    for (answer, message) in table {
        let registry = registry_with_token_server(answer);
        let address = registry.address();
        let repository = repository(&address, "a/b");
        let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
        let error = read.unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_token_server_that_is_not_available_is_asked_as_often_as_the_settings_say() {
    for answer in [
        Answer::new(503),
        Answer::new(200).body("{}").cut_after(0, Cut::Reset),
        Answer::new(200).body("{}").cut_after(0, Cut::Close),
    ] {
        let label = format!("{answer:?}");
        let registry = registry_with_token_server(answer);
        let address = registry.address();
        let repository = repository(&address, "a/b");
        let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
        let error = read.unwrap_err();
        assert!(
            error.contains("the token server 127.0.0.1 cannot be used: "),
            "{error}"
        );
        let paths: Vec<_> = registry.requests().into_iter().map(|r| r.path).collect();
        let asked = paths.iter().filter(|path| path.starts_with("/token"));
        assert_eq!((asked.count(), paths.len()), (4, 5), "{label}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_given_is_asked_for_once_however_many_requests_wait_for_it() {
    for (answer, asks, message) in [
        (Answer::new(401), 1, "the token server 127.0.0.1 refuses"),
        (Answer::new(503), 4, "it answers 503"),
    ] {
        let registry = registry_with_token_server(answer);
        let address = registry.address();
        let client = client(&registry);
        let repository = repository(&address, "a/b");
        let blob = descriptor(CONTENT);
        // From the first request on, it is known that a token is needed.
        let first = download(&client, &repository, &blob).await.unwrap_err();
        assert!(first.contains(message), "{first}");
        let reads = (0..6).map(|_| download(&client, &repository, &blob));
        for read in join_all(reads).await {
            assert_eq!(read.unwrap_err(), first);
        }
        let requests = registry.requests();
        let asked = requests.iter().filter(|r| r.path.starts_with("/token"));
        assert_eq!(asked.count(), 2 * asks, "{message}");
    }
}
