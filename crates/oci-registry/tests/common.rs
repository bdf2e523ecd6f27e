//! Clients, images and places for tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use image_pins::{Digest, Reference};
use oci_registry::model::Descriptor;
use oci_registry::{Client, ClientBuilder, Host, Repository, Retries, digest_of};
use test_registry::LyingRegistry;

/// The size that is written into descriptors for content of other sizes.
pub const OCTETS: &str = "application/octet-stream";

/// Starts the settings of a client that does not wait long before it repeats a request.
pub fn builder(address: &str) -> ClientBuilder {
    Client::builder()
        .insecure(vec![Host::new(address)])
        .retries(Retries {
            count: 3,
            first_pause: Duration::from_millis(1),
        })
}

/// Returns a client for a registry without TLS.
pub fn client(registry: &LyingRegistry) -> Client {
    builder(&registry.address()).build().unwrap()
}

/// Returns a client that sends one request, and one blob, at a time.
pub fn client_with_one_permit(registry: &LyingRegistry) -> Client {
    builder(&registry.address())
        .concurrency(1)
        .requests(1)
        .build()
        .unwrap()
}

/// Returns what is done within the time that a test has for it.
pub async fn in_time<T>(done: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, done)
        .await
        .expect("it waits for itself")
}

/// Returns a repository of a registry.
pub fn repository(address: &str, path: &str) -> Repository {
    let reference: Reference = format!("{address}/{path}").parse().unwrap();
    Repository::from(&reference)
}

/// Returns the descriptor of some bytes.
pub fn descriptor(content: &[u8]) -> Descriptor {
    Descriptor::new(OCTETS, digest_of(content), content.len() as u64)
}

/// Reads a whole blob, or returns the error as text.
pub async fn download(
    client: &Client,
    repository: &Repository,
    blob: &Descriptor,
) -> Result<Vec<u8>, String> {
    let mut reader = client
        .blob(repository, blob)
        .await
        .map_err(|e| e.to_string())?;
    let mut read = Vec::new();
    while let Some(piece) = reader.chunk().await.map_err(|e| e.to_string())? {
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

/// Returns a manifest of an image with these blobs.
pub fn image(blobs: &[&str]) -> String {
    let entries: Vec<String> = blobs
        .iter()
        .map(|blob| serde_json::to_string(&descriptor(blob.as_bytes())).unwrap())
        .collect();
    let (config, layers) = entries.split_first().unwrap();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{}]}}"#,
        layers.join(",")
    )
}

/// The media type of manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Returns the digest of a text.
pub fn digest(text: &str) -> Digest {
    digest_of(text.as_bytes())
}

/// Returns lines of a log, and the function that adds to it.
pub fn log() -> (Arc<Mutex<Vec<String>>>, oci_registry::Log) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let add = move |line: &str| log.lock().unwrap().push(line.to_owned());
    (lines, Arc::new(add))
}
