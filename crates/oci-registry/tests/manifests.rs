//! Manifests and tags: they are what their digest says, and neither too large nor ambiguous.

use oci_registry::model::Manifest;
use test_registry::{Answer, LyingRegistry};

use crate::common::{MANIFEST, client, client_with_one_permit, digest, image, in_time, repository};

const MIB: usize = 1 << 20;

/// Reads the manifest `text` by its digest from a registry that answers this.
async fn read(text: &str, answer: Answer) -> Result<Manifest, String> {
    let registry = LyingRegistry::start();
    registry.on("GET", "/v2/a/b/manifests/sha256:", answer);
    let repository = repository(&registry.address(), "a/b");
    let manifest = client(&registry).manifest(&repository, &digest(text)).await;
    let wanted = format!("{repository}@{}", digest(text));
    manifest.map_err(|error| {
        let error = error.to_string();
        assert!(error.starts_with(&wanted), "{error}");
        error
    })
}

fn typed(text: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200).header("Content-Type", MANIFEST).body(text)
}

#[tokio::test]
async fn a_manifest_is_read_by_its_digest() {
    let text = image(&["config", "layer"]);
    let manifest = read(&text, typed(text.clone())).await.unwrap();
    assert_eq!(manifest.bytes().as_ref(), text.as_bytes());
    assert_eq!(manifest.blobs().count(), 2);
}

#[tokio::test]
async fn a_manifest_that_was_not_asked_for_is_an_error() {
    let text = image(&["config", "layer"]);
    let other = image(&["config", "other layer"]);
    let html = Answer::new(200)
        .header("Content-Type", "text/html")
        .body("<html>");
    let large = vec![b' '; 4 * MIB + 1];
    let table = [
        (typed(other), "it is not what was asked for"),
        (typed(format!("{text} ")), "it is not what was asked for"),
        (html, "it is not a manifest"),
        (
            typed(large.clone()),
            "the manifest has more than 4194304 bytes",
        ),
        (
            typed(large).chunked(),
            "the manifest has more than 4194304 bytes",
        ),
        (
            typed(b" ").endless(),
            "the manifest has more than 4194304 bytes",
        ),
        (
            typed(text.clone()).header("Content-Encoding", "gzip"),
            "the registry sends it with the encoding",
        ),
        (
            Answer::new(200)
                .header("Content-Type", "text/plain")
                .body(text.clone()),
            "it is announced as text/plain",
        ),
        (Answer::new(404), "not found"),
    ];
    for (answer, message) in table {
        let error = read(&text, answer).await.unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_tag_is_resolved_by_a_request_that_is_not_counted_as_a_pull() {
    let text = image(&["config"]);
    let registry = LyingRegistry::start();
    let named = digest(&text).to_string();
    registry.on(
        "HEAD",
        "/v2/a/named/",
        Answer::new(200).header("Docker-Content-Digest", &named),
    );
    for path in ["silent", "wrong"] {
        let answer = Answer::new(200).header("Docker-Content-Digest", "sha256:../..");
        let answer = if path == "silent" {
            Answer::new(200)
        } else {
            answer
        };
        registry.on("HEAD", &format!("/v2/a/{path}/"), answer);
        registry.on("GET", &format!("/v2/a/{path}/"), typed(text.clone()));
    }
    registry.on("HEAD", "/v2/a/headless/", Answer::new(405));
    registry.on("GET", "/v2/a/headless/", typed(text.clone()));
    registry.on("HEAD", "/v2/a/broken/", Answer::new(500));
    let client = client(&registry);
    let tag = "v1".parse().unwrap();
    for path in ["named", "silent", "wrong", "headless"] {
        let repository = repository(&registry.address(), &format!("a/{path}"));
        let found = client.resolve(&repository, &tag).await.unwrap();
        assert_eq!(found, Some(digest(&text)), "{path}");
    }
    let absent = repository(&registry.address(), "a/absent");
    assert_eq!(client.resolve(&absent, &tag).await.unwrap(), None);
    let broken = repository(&registry.address(), "a/broken");
    let error = client.resolve(&broken, &tag).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{broken}:v1: the registry answers 500")),
        "{error}"
    );

    let requests = registry.requests();
    let of = |path: &str| {
        let found = requests
            .iter()
            .filter(|request| request.path.contains(path));
        found
            .map(|request| request.method.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("/named/"), ["HEAD"]);
    assert_eq!(of("/silent/"), ["HEAD", "GET"]);
    let accepted = requests[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "accept")
        .count();
    assert_eq!(accepted, 4, "both forms of manifests and indexes");
}

#[tokio::test]
async fn a_checked_image_has_all_blobs_and_names_the_platforms_that_run() {
    let texts =
        ["layer", "variant", "attestation", "other attestation"].map(|layer| image(&["{}", layer]));
    let platforms = [
        r#""platform":{"os":"linux","architecture":"amd64"}"#,
        r#""platform":{"os":"linux","architecture":"arm","variant":"v7"}"#,
        r#""platform":{"os":"unknown","architecture":"unknown"}"#,
        r#""platform":{"os":"linux","architecture":"amd64"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#,
    ];
    let entries: Vec<String> = texts
        .iter()
        .zip(platforms)
        .map(|(text, platform)| {
            let (digest, size) = (digest(text), text.len());
            format!(r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{size},{platform}}}"#)
        })
        .collect();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        entries.join(",")
    );
    let blobs = ["{}", "layer", "variant", "attestation", "other attestation"];
    for (missing, status) in [(None, 0), (Some("variant"), 404), (Some("variant"), 403)] {
        let registry = LyingRegistry::start();
        let listed = Answer::new(200).header("Content-Type", INDEX);
        let path = |text: &str| format!("/v2/a/b/manifests/{}", digest(text));
        registry.on("GET", &path(&index), listed.body(index.clone()));
        for text in &texts {
            registry.on("GET", &path(text), typed(text.clone()));
        }
        for blob in blobs.iter().filter(|blob| Some(**blob) != missing) {
            let path = format!("/v2/a/b/blobs/{}", digest(blob));
            registry.on("HEAD", &path, Answer::new(200));
        }
        registry.on("HEAD", "/v2/a/b/blobs/", Answer::new(status));
        let repository = repository(&registry.address(), "a/b");
        let checked = client(&registry)
            .check_image(&repository, &digest(&index))
            .await;
        match missing {
            None => {
                let checked = checked.unwrap();
                let found: Vec<String> =
                    checked.platforms.iter().map(ToString::to_string).collect();
                assert_eq!(found, ["linux/amd64", "linux/arm/v7"]);
                let manifests = texts.iter().map(String::len).sum::<usize>() + index.len();
                let bytes = manifests + blobs.iter().map(|blob| blob.len()).sum::<usize>();
                assert_eq!(checked.bytes, bytes as u64);
                assert_eq!(checked.descriptor.digest, digest(&index));
            }
            Some(blob) => {
                let error = checked.unwrap_err().to_string();
                let place = format!("{repository}@{}: ", digest(&index));
                let end = match status {
                    404 => format!("the blob {}: not found", digest(blob)),
                    _ => format!("{repository}@{}: access denied", digest(blob)),
                };
                assert!(
                    error.starts_with(&place) && error.ends_with(&end),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_tag_is_resolved_with_one_request_at_a_time() {
    let text = image(&["config"]);
    let registry = LyingRegistry::start();
    registry
        .on("HEAD", "/v2/a/b/", Answer::new(200))
        .on("GET", "/v2/a/b/", typed(text.clone()));
    let repository = repository(&registry.address(), "a/b");
    let client = client_with_one_permit(&registry);
    let tag = "v1".parse().unwrap();
    let found = in_time(client.resolve(&repository, &tag)).await.unwrap();
    assert_eq!(found, Some(digest(&text)));
}

#[tokio::test]
async fn referrers_are_listed_page_by_page_or_at_their_tag() {
    let text = image(&["config"]);
    let subject = digest(&text);
    let entry = |name: &str| {
        let d = digest(name);
        format!(r#"{{"mediaType":"{MANIFEST}","digest":"{d}","size":3,"artifactType":"{name}"}}"#)
    };
    let list = |names: &[&str]| {
        let entries: Vec<String> = names.iter().map(|name| entry(name)).collect();
        let entries = entries.join(",");
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#)
    };
    let listed = |text: String| Answer::new(200).header("Content-Type", INDEX).body(text);
    let registry = LyingRegistry::start();
    let next = format!("/v2/a/pages/referrers/{subject}?n=2");
    registry
        .on("GET", &next, listed(list(&["c"])))
        .on(
            "GET",
            "/v2/a/pages/referrers/",
            listed(list(&["a", "b"])).header("Link", &format!("<{next}>; rel=\"next\"")),
        )
        .on(
            "GET",
            "/v2/a/endless/referrers/",
            listed(list(&[])).header("Link", "<?n=1>; rel=\"next\""),
        )
        .on(
            "GET",
            "/v2/a/elsewhere/referrers/",
            listed(list(&[])).header("Link", "<http://127.0.0.1:1/>; rel=\"next\""),
        )
        .on("GET", "/v2/a/tag/manifests/sha256-", listed(list(&["d"])))
        // Not a list, but an image that somebody has given this tag.
        .on("GET", "/v2/a/image/manifests/sha256-", typed(text.clone()));
    let client = client(&registry);
    let address = registry.address();
    let found = async |path: &str| {
        let repository = repository(&address, path);
        let listed = client.referrers(&repository, &subject).await;
        let types = |found: Vec<oci_registry::model::Descriptor>| {
            found
                .into_iter()
                .filter_map(|d| d.artifact_type)
                .collect::<Vec<_>>()
        };
        listed.map(types).map_err(|error| error.to_string())
    };
    assert_eq!(found("a/pages").await.unwrap(), ["a", "b", "c"]);
    assert_eq!(found("a/tag").await.unwrap(), ["d"]);
    assert_eq!(found("a/image").await.unwrap(), [""; 0]);
    assert_eq!(found("a/none").await.unwrap(), [""; 0]);
    let error = found("a/endless").await.unwrap_err();
    assert!(error.contains("more than 100 pages"), "{error}");
    let error = found("a/elsewhere").await.unwrap_err();
    assert!(error.contains("at another server"), "{error}");
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
