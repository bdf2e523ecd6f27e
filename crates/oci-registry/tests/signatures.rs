//! Signatures in registries: both places are read, and what one of them does hides nothing at the other.

use std::fs;

use image_pins::Digest;
use oci_registry::digest_of;
use oci_registry::signature::{Format, PublicKey};
use test_registry::{Answer, LyingRegistry};

use crate::common::{MANIFEST, client, repository};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Returns a file of an image that cosign has signed in both formats.
fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/signatures/cosign/");
    fs::read(format!("{folder}{name}")).unwrap()
}

fn typed(media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200)
        .header("Content-Type", media_type)
        .body(body)
}

/// What a place does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Signed,
    Empty,
    Broken,
}

/// Returns a registry with these places of signatures.
fn registry(image: &Digest, tag: Place, referrers: Place) -> LyingRegistry {
    let registry = LyingRegistry::start();
    for name in ["simple-payload.json", "bundle.json"] {
        let content = file(name);
        let path = format!("/v2/a/b/blobs/{}", digest_of(&content));
        registry.on("GET", &path, Answer::new(200).body(content));
    }
    let bundle = file("bundle-manifest.json");
    let (digest, size) = (digest_of(&bundle), bundle.len());
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{size}}}]}}"#
    );
    registry.on(
        "GET",
        &format!("/v2/a/b/manifests/{digest}"),
        typed(MANIFEST, bundle),
    );
    let at_tag = format!("/v2/a/b/manifests/sha256-{}.sig", image.hex());
    let listed = format!("/v2/a/b/referrers/{image}");
    let answers = [
        (at_tag, tag, typed(MANIFEST, file("simple-manifest.json"))),
        (listed, referrers, typed(INDEX, list)),
    ];
    for (path, place, signed) in answers {
        match place {
            Place::Signed => registry.on("GET", &path, signed),
            Place::Empty => registry.on("GET", &path, Answer::new(404)),
            Place::Broken => registry.on("GET", &path, Answer::new(500)),
        };
    }
    registry
}

#[tokio::test]
async fn a_signature_counts_whatever_the_other_place_does() {
    let image: Digest = String::from_utf8(file("digest"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let key = PublicKey::from_pem(&file("cosign.pub")).unwrap();
    let places = [Place::Signed, Place::Empty, Place::Broken];
    for (tag, referrers) in places.into_iter().flat_map(|tag| places.map(|r| (tag, r))) {
        let registry = registry(&image, tag, referrers);
        let repository = repository(&registry.address(), "a/b");
        let verified = client(&registry)
            .verify_signatures(&repository, &image, &key)
            .await;
        let expected: Vec<Format> = [(tag, Format::SimpleSigning), (referrers, Format::Bundle)]
            .into_iter()
            .filter(|(place, _)| *place == Place::Signed)
            .map(|(_, format)| format)
            .collect();
        let label = format!("{tag:?} {referrers:?}");
        match verified {
            Ok(verified) => {
                let found: Vec<Format> = verified
                    .signatures()
                    .iter()
                    .map(|(format, _)| *format)
                    .collect();
                assert_eq!(found, expected, "{label}");
            }
            Err(error) => {
                assert!(expected.is_empty(), "{label}: {error}");
                let is_told = error.to_string().contains("the registry answers 500");
                assert_eq!(
                    is_told,
                    [tag, referrers].contains(&Place::Broken),
                    "{label}: {error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn not_more_signatures_are_read_than_an_image_can_need() {
    let image = digest_of(b"image");
    let key = PublicKey::from_pem(&file("cosign.pub")).unwrap();
    let registry = LyingRegistry::start();
    let entry = |number: usize, kind: &str| {
        let digest = digest_of(number.to_string().as_bytes());
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":2,"artifactType":"{kind}"}}"#
        )
    };
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let mut entries: Vec<String> = (0..150).map(|number| entry(number, bundle)).collect();
    // What has another type is not a signature, and costs no request.
    entries.extend((150..300).map(|number| entry(number, "application/spdx+json")));
    let list = entries.join(",");
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{list}]}}"#);
    registry.on("GET", "/v2/a/b/referrers/", typed(INDEX, list));
    let repository = repository(&registry.address(), "a/b");
    let verified = client(&registry)
        .verify_signatures(&repository, &image, &key)
        .await;
    let error = verified.unwrap_err().to_string();
    assert!(error.contains("more than 100 signatures"), "{error}");
    let requests = registry.requests();
    let read = requests
        .iter()
        .filter(|r| r.path.contains("/manifests/sha256:"));
    assert_eq!(read.count(), 100);
}
