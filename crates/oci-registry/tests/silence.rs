//! Registries that are silent: how long each step may take.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::future::join_all;
use oci_registry::{Client, ClientBuilder, CopyImage, ImageSource, Retries, Timeouts};
use test_registry::{Answer, LyingRegistry};

use crate::common::{MANIFEST, builder, descriptor, digest, download, image, in_time, repository};

const CONTENT: &str = "the content of a layer";
const SILENT: &str = "no answer within 0.5 seconds";

/// Returns a client that waits half a second, and a second more to store the layer.
fn impatient(builder: ClientBuilder, retries: u32) -> Client {
    let settings = builder
        .timeouts(Timeouts {
            silence: Duration::from_millis(500),
            stored_per_second: CONTENT.len() as u64,
            ..Timeouts::default()
        })
        .retries(Retries {
            count: retries,
            first_pause: Duration::from_millis(1),
        });
    settings.build().unwrap()
}

async fn read(registry: &LyingRegistry, retries: u32) -> Result<Vec<u8>, String> {
    let client = impatient(builder(&registry.address()), retries);
    let repository = repository(&registry.address(), "a");
    in_time(download(
        &client,
        &repository,
        &descriptor(CONTENT.as_bytes()),
    ))
    .await
}

#[tokio::test]
async fn a_silent_connection_is_broken() {
    let content = || Answer::new(200).body(CONTENT);
    let answers = [content().paused(), content().paused_after(4)];
    let reads = answers.map(|answer| async move {
        let registry = LyingRegistry::start();
        registry.on("GET", "/v2/a/blobs/", answer);
        read(&registry, 0).await.unwrap_err()
    });
    for error in join_all(reads).await {
        assert!(error.ends_with(SILENT), "{error}");
    }

    let registry = LyingRegistry::start();
    let challenge = format!(r#"Bearer realm="http://{}/token""#, registry.address());
    let refused = Answer::new(401).header("WWW-Authenticate", &challenge);
    registry
        .on("GET", "/v2/a/blobs/", refused)
        .on("GET", "/token", Answer::new(200).paused());
    let error = read(&registry, 0).await.unwrap_err();
    let message = format!("the token server 127.0.0.1 cannot be used: {SILENT}");
    assert!(error.ends_with(&message), "{error}");
}

#[tokio::test]
async fn a_download_that_falls_silent_is_resumed_where_it_was() {
    let registry = LyingRegistry::start();
    let size = CONTENT.len();
    let rest = Answer::new(206)
        .header("Content-Range", &format!("bytes 4-{}/{size}", size - 1))
        .body(&CONTENT[4..]);
    let silent = Answer::new(200).body(CONTENT).paused_after(4).times(1);
    registry
        .on("GET", "/v2/a/blobs/", silent)
        .on("GET", "/v2/a/blobs/", rest);
    assert_eq!(read(&registry, 1).await.unwrap(), CONTENT.as_bytes());
    let requests = registry.requests();
    let ranges: Vec<_> = requests.iter().map(|r| r.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=4-")]);
}

/// Copies an image with a layer to a registry that accepts uploads, unless `script` says something else.
async fn upload(layer: &str, script: impl FnOnce(&LyingRegistry)) -> String {
    let registry = LyingRegistry::start();
    script(&registry);
    let session = |path: &str| Answer::new(202).header("Location", path);
    for blob in ["{}", layer] {
        let path = format!("/v2/from/blobs/{}", digest(blob));
        registry.on("GET", &path, Answer::new(200).body(blob));
    }
    let text = image(&["{}", layer]);
    let manifest = Answer::new(200)
        .header("Content-Type", MANIFEST)
        .body(&*text);
    registry
        .on("GET", "/v2/from/manifests/", manifest)
        .on("POST", "/v2/to/blobs/uploads/?mount=", Answer::new(405))
        .on("POST", "/v2/to/blobs/uploads/", session("/v2/to/session"))
        .on("PUT", "/v2/to/session", Answer::new(201));
    let client = impatient(builder(&registry.address()), 0);
    let image = CopyImage {
        from: ImageSource::Repository(repository(&registry.address(), "from")),
        digest: digest(&text),
        to: repository(&registry.address(), "to"),
        tag: None,
        move_tag: false,
        platforms: Vec::new(),
    };
    let copied = in_time(client.copy([image], &|_| {})).await.remove(0);
    copied.unwrap_err().to_string()
}

#[tokio::test]
async fn an_upload_whose_server_stops_reading_is_broken() {
    // More than the buffers of the system take.
    let layer = "0123456789abcdef".repeat((48 << 20) / 16);
    let error = upload(&layer, |registry| {
        let silent = Answer::new(202).early().paused();
        registry.on("PATCH", "/v2/to/session", silent);
    });
    let error = error.await;
    assert!(error.ends_with(SILENT), "{error}");
}

#[tokio::test]
async fn the_end_of_an_upload_may_take_longer_for_a_large_blob() {
    let end = format!("/v2/to/session?digest={}", digest(CONTENT));
    let error = upload(CONTENT, |registry| {
        registry.on("PUT", &end, Answer::new(201).paused());
    });
    let error = error.await;
    let message = "no answer within 1.5 seconds";
    assert!(error.ends_with(message), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_not_established_in_time_is_given_up() {
    // The operating system accepts the connection, but no server answers the first message of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let timeouts = Timeouts {
        connect: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let client = Client::builder().timeouts(timeouts).build().unwrap();
    let blob = descriptor(CONTENT.as_bytes());
    let read = in_time(download(&client, &repository(&address, "a"), &blob)).await;
    let error = read.unwrap_err();
    assert!(
        error.ends_with("the TLS handshake did not finish within 500ms"),
        "{error}"
    );
}
