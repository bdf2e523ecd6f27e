//! Uploads: what registries answer to them, and what becomes of a blob.

use std::sync::Mutex;

use oci_registry::{
    Client, CopyEvent, CopyImage, CopyOptions, Host, ImageSource, Repository, SaveImage,
};
use test_registry::{Answer, Cut, LyingRegistry};

use crate::common::{
    MANIFEST, builder, client, client_with_one_permit, descriptor, digest, image, in_time,
    repository,
};

/// The blobs of the image that is copied.
const CONFIG: &str = "{}";
const LAYER: &str = "the content of a layer";

/// A registry that has an image in `from/a`, and takes everything in `to/a`, unless `script` says something else.
fn registry(script: impl FnOnce(&LyingRegistry)) -> LyingRegistry {
    registry_with(LAYER, script)
}

/// The same with another layer.
fn registry_with(layer: &str, script: impl FnOnce(&LyingRegistry)) -> LyingRegistry {
    let registry = LyingRegistry::start();
    script(&registry);
    for blob in [CONFIG, layer] {
        let path = format!("/v2/from/a/blobs/{}", digest(blob));
        registry.on("GET", &path, Answer::new(200).body(blob));
    }
    let manifest = Answer::new(200)
        .header("Content-Type", MANIFEST)
        .body(image(&[CONFIG, layer]));
    registry
        .on("GET", "/v2/from/a/manifests/", manifest)
        .on(
            "POST",
            "/v2/to/a/blobs/uploads/",
            session("/v2/to/a/blobs/uploads/1"),
        )
        .on("PUT", "/v2/to/a/blobs/uploads/1?digest=", Answer::new(201))
        .on(
            "PATCH",
            "/v2/to/a/blobs/uploads/1",
            session("/v2/to/a/blobs/uploads/2?state=x"),
        )
        .on(
            "PUT",
            "/v2/to/a/blobs/uploads/2?state=x&digest=",
            Answer::new(201),
        )
        .on("PUT", "/v2/to/a/manifests/", Answer::new(201));
    registry
}

fn text() -> String {
    image(&[CONFIG, LAYER])
}

/// The beginning of an upload.
fn session(location: &str) -> Answer {
    Answer::new(202).header("Location", location)
}

/// Copies the image, and returns the error as text.
async fn copy(registry: &LyingRegistry) -> Result<(), String> {
    copy_with(LAYER, registry).await
}

/// The same with another layer.
async fn copy_with(layer: &str, registry: &LyingRegistry) -> Result<(), String> {
    copy_by(&client(registry), layer, registry).await
}

/// The same by another client.
async fn copy_by(client: &Client, layer: &str, registry: &LyingRegistry) -> Result<(), String> {
    let place = |path| -> Repository { repository(&registry.address(), path) };
    let image = CopyImage {
        from: ImageSource::Repository(place("from/a")),
        digest: digest(&image(&[CONFIG, layer])),
        to: place("to/a"),
        tag: Some("v1".parse().unwrap()),
        move_tag: false,
        platforms: Vec::new(),
    };
    let mut copied = client.copy([image], &|_| {}).await;
    copied
        .remove(0)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Returns method and path of the requests with which something is written.
fn writes(registry: &LyingRegistry) -> Vec<String> {
    let requests = registry.requests();
    let writes = requests
        .iter()
        .filter(|r| !matches!(r.method.as_str(), "GET" | "HEAD"));
    writes.map(|r| format!("{} {}", r.method, r.path)).collect()
}

#[tokio::test]
async fn blobs_come_first_and_the_tag_last() {
    let registry = registry(|registry| {
        // Mounting is refused, so that everything is sent.
        registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(405));
    });
    copy(&registry).await.unwrap();
    let writes = writes(&registry);
    let (manifests, blobs): (Vec<&String>, _) = writes
        .iter()
        .partition(|write| write.contains("/manifests/"));
    assert_eq!(blobs.len(), 6, "two mounts, sessions and ends: {writes:?}");
    assert_eq!(
        manifests,
        [
            &format!("PUT /v2/to/a/manifests/{}", digest(&text())),
            "PUT /v2/to/a/manifests/v1"
        ]
    );
    assert_eq!(
        writes[6..],
        manifests.into_iter().cloned().collect::<Vec<_>>()
    );
    let requests = registry.requests();
    let sent = |blob: &str| {
        let end = format!("digest={}", digest(blob));
        let found = requests
            .iter()
            .find(|r| r.method == "PUT" && r.path.ends_with(&end));
        found
            .map(|request| request.body.clone())
            .unwrap_or_default()
    };
    assert_eq!(sent(LAYER), LAYER.as_bytes());
    assert_eq!(sent(CONFIG), CONFIG.as_bytes());
}

#[tokio::test]
async fn a_mount_saves_the_upload_and_a_refused_one_costs_nothing_more() {
    let mounted = registry(|registry| {
        registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(201));
    });
    copy(&mounted).await.unwrap();
    assert!(
        mounted
            .requests()
            .iter()
            .all(|r| !r.path.contains("/from/a/blobs/"))
    );

    // The session of the answer is used.
    let accepted = registry(|registry| {
        registry
            .on(
                "POST",
                "/v2/to/a/blobs/uploads/?mount=",
                session("/v2/to/a/blobs/uploads/1?m=1"),
            )
            .on(
                "PUT",
                "/v2/to/a/blobs/uploads/1?m=1&digest=",
                Answer::new(201),
            );
    });
    copy(&accepted).await.unwrap();
    let writes = writes(&accepted);
    let posts: Vec<_> = writes
        .iter()
        .filter(|write| write.starts_with("POST"))
        .collect();
    assert_eq!(posts.len(), 2, "{writes:?}");
    let layer = digest(LAYER);
    let mount = format!("POST /v2/to/a/blobs/uploads/?mount={layer}&from=from%2Fa");
    assert!(posts.contains(&&mount), "{posts:?}");
}

#[tokio::test]
async fn the_location_of_a_session_is_taken_as_it_is() {
    for location in [
        "/v2/to/a/blobs/uploads/1?state=a%2Bb%3D",
        "?state=a%2Bb%3D",
        "1?state=a%2Bb%3D",
    ] {
        let registry = registry(|registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("POST", "/v2/to/a/blobs/uploads/", session(location))
                .on("PUT", "/v2/to/a/blobs/uploads/", Answer::new(201));
        });
        copy(&registry).await.unwrap();
        let ends: Vec<_> = writes(&registry)
            .into_iter()
            .filter(|write| write.contains("digest="))
            .collect();
        assert_eq!(ends.len(), 2, "{location}");
        for end in ends {
            assert!(end.contains("?state=a%2Bb%3D&digest=sha256:"), "{end}");
        }
    }
    let absent = registry(|registry| {
        registry.on("POST", "/v2/to/a/blobs/uploads/", Answer::new(202));
    });
    let error = copy(&absent).await.unwrap_err();
    assert!(error.contains("without a location"), "{error}");
}

#[tokio::test]
async fn a_source_that_lies_gets_nothing_stored() {
    let other = "x".repeat(LAYER.len());
    let path = format!("/v2/from/a/blobs/{}", digest(LAYER));
    let registry = registry(|registry| {
        registry
            .on("GET", &path, Answer::new(200).body(other))
            .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
            .on("DELETE", "/v2/to/a/blobs/uploads/1", Answer::new(204));
    });
    let error = copy(&registry).await.unwrap_err();
    assert!(error.contains("it is not what was asked for"), "{error}");
    assert!(
        error.contains(&descriptor(LAYER.as_bytes()).digest.to_string()),
        "{error}"
    );
    let writes = writes(&registry);
    let stored = format!("digest={}", digest(LAYER));
    assert!(
        writes.iter().all(|write| !write.ends_with(&stored)),
        "{writes:?}"
    );
    assert!(
        writes.iter().all(|write| !write.contains("/manifests/")),
        "{writes:?}"
    );
    assert!(
        writes.contains(&"DELETE /v2/to/a/blobs/uploads/1".to_owned()),
        "{writes:?}"
    );
}

#[tokio::test]
async fn an_upload_that_fails_for_a_while_is_made_again() {
    for answer in [
        Answer::new(503),
        Answer::new(429),
        Answer::new(201).cut_after(0, Cut::Reset),
    ] {
        let registry = registry(|registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("PUT", "/v2/to/a/blobs/uploads/1?digest=", answer.times(2));
        });
        copy(&registry).await.unwrap();
        // What was sent before may be in the old session, so each attempt has a session of its own.
        let writes = writes(&registry);
        let posts = count_of(&writes, "POST /v2/to/a/blobs/uploads/");
        let mounts = count_of(&writes, "POST /v2/to/a/blobs/uploads/?mount=");
        let ends = count_of(&writes, "PUT /v2/to/a/blobs/uploads/1?digest=");
        assert_eq!((posts - mounts, mounts), (ends, 2), "{writes:?}");
    }
}

fn count_of(writes: &[String], start: &str) -> usize {
    writes
        .iter()
        .filter(|write| write.starts_with(start))
        .count()
}

#[tokio::test]
async fn a_registry_that_stays_unavailable_is_asked_as_often_as_the_settings_say() {
    let large = large_layer();
    let begin = "/v2/to/a/blobs/uploads/";
    let session = "/v2/to/a/blobs/uploads/1";
    let end = "/v2/to/a/blobs/uploads/2";
    let table = [
        (LAYER, "POST", begin, 8),
        (LAYER, "PUT", session, 8),
        (&large, "PATCH", session, 4),
        (&large, "PUT", end, 4),
    ];
    for (layer, method, path, expected) in table {
        let registry = registry_with(layer, |registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on(method, path, Answer::new(503));
        });
        let error = copy_with(layer, &registry).await.unwrap_err();
        assert!(error.contains("the registry answers 503"), "{error}");
        let writes = writes(&registry);
        let sent = writes
            .iter()
            .filter(|write| write.starts_with(&format!("{method} {path}")))
            .filter(|write| !write.contains("mount="));
        assert_eq!(sent.count(), expected, "{method} {path}: {writes:?}");
    }
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_an_upload() {
    let large = large_layer();
    for (layer, method) in [(LAYER, "PUT"), (&large, "PATCH")] {
        let registry = registry_with(layer, |registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on(
                    method,
                    "/v2/to/a/blobs/uploads/1",
                    Answer::new(429).header("Retry-After", "86400"),
                );
        });
        let error = copy_with(layer, &registry).await.unwrap_err();
        assert!(
            error.contains("too many requests: try again in 86"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_session_that_a_registry_has_lost_is_replaced_once() {
    let large = large_layer();
    let table = [
        (LAYER, "PUT", "/v2/to/a/blobs/uploads/1?digest="),
        (&large, "PATCH", "/v2/to/a/blobs/uploads/1"),
        (&large, "PUT", "/v2/to/a/blobs/uploads/2?state=x&digest="),
    ];
    for (layer, method, path) in table {
        let path = match method {
            "PUT" => format!("{path}{}", digest(layer)),
            _ => path.to_owned(),
        };
        let registry = |answer: Answer| {
            registry_with(layer, |registry| {
                registry
                    .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                    .on(method, &path, answer);
            })
        };
        let once = registry(Answer::new(404).times(1));
        copy_with(layer, &once).await.unwrap();
        assert_eq!(count_of(&writes(&once), &format!("{method} {path}")), 2);
        let always = registry(Answer::new(404));
        let error = copy_with(layer, &always).await.unwrap_err();
        assert!(error.contains("not found"), "{error}");
        assert_eq!(count_of(&writes(&always), &format!("{method} {path}")), 2);
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_is_begun_again_once() {
    let layer = large_layer();
    let answers = [
        (Answer::new(401), "the registry refuses"),
        (Answer::new(403), "access denied"),
        (Answer::new(413), "the registry answers 413"),
    ];
    for (answer, message) in answers {
        let registry = registry_with(&layer, |registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("PATCH", "/v2/to/a/blobs/uploads/1", answer);
        });
        let error = copy_with(&layer, &registry).await.unwrap_err();
        assert!(error.contains(message), "{error}");
        // A token may have ended.
        let expected = if message.contains("refuses") { 2 } else { 1 };
        assert_eq!(count_of(&writes(&registry), "PATCH"), expected, "{error}");
    }
}

#[tokio::test]
async fn another_source_is_asked_only_if_the_first_one_fails() {
    let text = text();
    let get = |registry: &LyingRegistry, path: &str| {
        let path = format!("/v2/{path}/blobs/{}", digest(LAYER));
        let requests = registry.requests();
        let found = requests
            .iter()
            .filter(|r| r.method == "GET" && r.path == path);
        found.count()
    };
    let path = format!("/v2/from/a/blobs/{}", digest(LAYER));
    let end = format!("/v2/to/a/blobs/uploads/1?digest={}", digest(LAYER));
    for (method, path, gets) in [("GET", &path, (1, 1)), ("PUT", &end, (1, 0))] {
        let registry = registry(|registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(405))
                .on(method, path, Answer::new(413));
        });
        let manifest = Answer::new(200).header("Content-Type", MANIFEST);
        registry.on("GET", "/v2/from/b/manifests/", manifest.body(text.clone()));
        for blob in [CONFIG, LAYER] {
            let path = format!("/v2/from/b/blobs/{}", digest(blob));
            registry.on("GET", &path, Answer::new(200).body(blob));
        }
        let other = CopyImage {
            from: ImageSource::Repository(repository(&registry.address(), "from/b")),
            ..order(&registry, &text)
        };
        let images = [order(&registry, &text), other];
        let copied = client(&registry).copy(images, &|_| {}).await;
        assert!(
            copied
                .iter()
                .all(|copied| copied.is_ok() == (method == "GET")),
            "{copied:?}"
        );
        assert_eq!(
            (get(&registry, "from/a"), get(&registry, "from/b")),
            gets,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_copy_within_a_registry_needs_one_permit_only() {
    for layer in [LAYER.to_owned(), large_layer()] {
        let registry = registry_with(&layer, |registry| {
            registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(405));
        });
        let client = client_with_one_permit(&registry);
        in_time(copy_by(&client, &layer, &registry)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_there_can_be_answered_by_403() {
    let registry = registry(|registry| {
        registry
            .on("HEAD", "/v2/to/a/manifests/v1", Answer::new(403).times(1))
            .on("HEAD", "/v2/to/a/manifests/sha256:", Answer::new(403))
            .on("HEAD", "/v2/to/a/blobs/", Answer::new(403));
    });
    copy(&registry).await.unwrap();
    assert!(writes(&registry).contains(&"PUT /v2/to/a/manifests/v1".to_owned()));
}

#[tokio::test]
async fn a_tag_that_is_not_there_can_be_answered_by_403_if_its_manifest_can_be_read() {
    let manifest = format!("/v2/to/a/manifests/{}", digest(&text()));
    let table = [
        // What the registry answers to the manifest once it is there, whether tags may be moved, and whether it is set.
        (200, false, true),
        (403, false, false),
        (403, true, true),
    ];
    for (readable, move_tag, is_set) in table {
        let registry = registry(|registry| {
            registry
                .on("HEAD", "/v2/to/a/manifests/v1", Answer::new(403))
                .on("HEAD", &manifest, Answer::new(403).times(1))
                .on("HEAD", &manifest, Answer::new(readable));
        });
        let image = CopyImage {
            from: ImageSource::Repository(repository(&registry.address(), "from/a")),
            to: repository(&registry.address(), "to/a"),
            digest: digest(&text()),
            tag: Some("v1".parse().unwrap()),
            move_tag,
            platforms: Vec::new(),
        };
        let copied = client(&registry).copy([image], &|_| {}).await.remove(0);
        let label = format!("{readable} {move_tag}: {copied:?}");
        assert_eq!(copied.is_ok(), is_set, "{label}");
        let put = "PUT /v2/to/a/manifests/v1".to_owned();
        assert_eq!(writes(&registry).contains(&put), is_set, "{label}");
        if let Err(error) = copied {
            assert!(
                error.to_string().ends_with("/to/a:v1: access denied"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_manifest_that_breaks_the_connection_is_sent_with_a_new_token() {
    // So large that the connection breaks before all of it is sent.
    let text = format!("{}{}", text(), " ".repeat(3 << 20));
    let registry = registry_of(&[(&text, MANIFEST)]);
    let realm = format!("http://{}/token", registry.address());
    let refused = |path: &str| {
        let challenge = format!(r#"Bearer realm="{realm}",scope="{path}""#);
        Answer::new(401).header("WWW-Authenticate", &challenge)
    };
    registry
        .on("HEAD", "/v2/to/b/manifests/", refused("pull").times(1))
        .on(
            "PUT",
            "/v2/to/b/manifests/sha256:",
            refused("push").early().cut_after(0, Cut::Reset).times(1),
        )
        .on("PUT", "/v2/to/b/manifests/sha256:", Answer::new(201))
        .on("HEAD", "/v2/to/b/blobs/", Answer::new(200));
    for number in 0..9 {
        let token = format!(r#"{{"token":"token-{number}"}}"#);
        registry.on("GET", "/token", Answer::new(200).body(token).times(1));
    }
    let image = CopyImage {
        to: repository(&registry.address(), "to/b"),
        ..order(&registry, &text)
    };
    let copied = client(&registry).copy([image], &|_| {}).await;
    for copied in copied {
        copied.unwrap();
    }
    let requests = registry.requests();
    let tokens: Vec<_> = requests
        .iter()
        .filter(|r| r.method == "PUT")
        .map(|r| r.header("authorization").unwrap_or_default())
        .collect();
    assert_eq!(tokens.len(), 2, "{tokens:?}");
    assert!(
        tokens
            .iter()
            .all(|token| token.starts_with("Bearer token-")),
        "{tokens:?}"
    );
    assert_ne!(tokens[0], tokens[1]);
}

/// A registry that has these manifests in `from/a`, with their types, and takes everything in `to/a`.
fn registry_of(manifests: &[(&str, &str)]) -> LyingRegistry {
    registry(|registry| {
        for (text, media_type) in manifests {
            let path = format!("/v2/from/a/manifests/{}", digest(text));
            let answer = Answer::new(200).header("Content-Type", media_type);
            registry.on("GET", &path, answer.body(*text));
        }
    })
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Returns an index of these manifests.
fn index(manifests: &[(&str, &str)]) -> String {
    let entries: Vec<String> = manifests
        .iter()
        .map(|(text, media_type)| {
            let (digest, size) = (digest(text), text.len());
            format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
        })
        .collect();
    let entries = entries.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#)
}

/// Returns an order to copy an image of [`registry_of`].
fn order(registry: &LyingRegistry, text: &str) -> CopyImage {
    let place = |path| -> Repository { repository(&registry.address(), path) };
    CopyImage {
        from: ImageSource::Repository(place("from/a")),
        digest: digest(text),
        to: place("to/a"),
        tag: None,
        move_tag: false,
        platforms: Vec::new(),
    }
}

#[tokio::test]
async fn a_manifest_is_sent_once_and_before_every_index_that_names_it() {
    let image = text();
    let inner = index(&[(&image, MANIFEST)]);
    let outer = index(&[(&image, MANIFEST), (&inner, INDEX), (&image, MANIFEST)]);
    let all = [(&*image, MANIFEST), (&inner, INDEX), (&outer, INDEX)];
    let registry = registry_of(&all);
    let copied = client(&registry)
        .copy([order(&registry, &outer)], &|_| {})
        .await;
    for copied in copied {
        copied.unwrap();
    }
    let sent: Vec<_> = writes(&registry)
        .into_iter()
        .filter(|write| write.contains("/manifests/"))
        .collect();
    let expected = all.map(|(text, _)| format!("PUT /v2/to/a/manifests/{}", digest(text)));
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn sizes_that_are_not_possible_are_an_error() {
    let sized = |text: &str| {
        let (digest, size) = (digest(text), u64::MAX);
        format!(r#"{{"mediaType":"application/x","digest":"{digest}","size":{size}}}"#)
    };
    let (config, layer) = (sized(CONFIG), sized(LAYER));
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    let registry = registry_of(&[(&text, MANIFEST)]);
    let copied = client(&registry)
        .copy([order(&registry, &text)], &|_| {})
        .await;
    for copied in copied {
        let error = copied.unwrap_err().to_string();
        assert!(error.contains("instead of 18446744073709551615"), "{error}");
    }
}

#[tokio::test]
async fn an_image_with_a_wrong_size_does_not_end_another_with_the_same_layer() {
    let right = text();
    for size in [LAYER.len() - 1, LAYER.len() + 1] {
        let wrong = right.replace(
            &format!(r#""size":{}"#, LAYER.len()),
            &format!(r#""size":{size}"#),
        );
        assert_ne!(wrong, right);
        let registry = registry_of(&[(&right, MANIFEST), (&wrong, MANIFEST)]);
        registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(405));
        for images in [[&wrong, &right], [&right, &wrong]] {
            let orders = images.map(|text| order(&registry, text));
            let copied = client(&registry).copy(orders.clone(), &|_| {}).await;
            for (text, copied) in images.into_iter().zip(copied) {
                assert_eq!(copied.is_ok(), *text == right, "{copied:?}");
            }
        }
    }
}

#[tokio::test]
async fn images_that_disagree_about_a_size_are_not_written_into_one_archive() {
    let right = text();
    let wrong = right.replace(
        &format!(r#""size":{}"#, LAYER.len()),
        &format!(r#""size":{}"#, LAYER.len() + 1),
    );
    let registry = registry_of(&[(&right, MANIFEST), (&wrong, MANIFEST)]);
    let images = [(&right, "right"), (&wrong, "wrong")].map(|(text, name)| SaveImage {
        from: order(&registry, text).from,
        digest: digest(text),
        reference: format!("registry.example.com/{name}:v1").parse().unwrap(),
        platforms: Vec::new(),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.tar");
    let client = client(&registry);
    let plan = client.plan_save(images, CopyOptions::default()).await;
    let error = plan.run(&client, &path, &|_| {}).await.unwrap_err();
    let expected = format!("should have {} and {} bytes", LAYER.len(), LAYER.len() + 1);
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_with_a_long_digest_is_tagged_in_a_registry_that_names_a_short_one() {
    use sha2::{Digest as _, Sha512};
    let text = text();
    let short = digest(&text).to_string();
    let registry = registry(|registry| {
        let named = Answer::new(201).header("Docker-Content-Digest", &short);
        registry.on("PUT", "/v2/to/a/manifests/v1", named).on(
            "HEAD",
            "/v2/to/a/manifests/v2",
            Answer::new(200).header("Docker-Content-Digest", &short),
        );
    });
    let long = image_pins::Digest::Sha512(Sha512::digest(text.as_bytes()).into());
    for tag in ["v1", "v2"] {
        let image = CopyImage {
            digest: long,
            tag: Some(tag.parse().unwrap()),
            ..order(&registry, &text)
        };
        let copied = client(&registry).copy([image], &|_| {}).await;
        for copied in copied {
            copied.unwrap();
        }
    }
    let sent = writes(&registry);
    assert!(sent.contains(&format!("PUT /v2/to/a/manifests/{long}")));
    assert!(!sent.contains(&"PUT /v2/to/a/manifests/v2".to_owned()));
}

#[tokio::test]
async fn what_an_archive_has_in_another_size_is_not_read() {
    let (small, large) = ("{}", large_layer());
    let text = image(&[small, LAYER]);
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{MANIFEST}","digest":"{}","size":{}}}]}}"#,
        digest(&text),
        text.len()
    );
    let blob = |text: &str| format!("blobs/sha256/{}", digest(text).hex());
    let mut archive = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
    for (path, content) in [
        ("oci-layout".to_owned(), r#"{"imageLayoutVersion":"1.0.0"}"#),
        ("index.json".to_owned(), &*index),
        (blob(&text), &text),
        (blob(small), &large),
        (blob(LAYER), LAYER),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let file = archive.into_inner().unwrap();
    let archive = oci_registry::layout::Archive::open(file.path())
        .await
        .unwrap();
    let registry = registry(|_| {});
    let image = CopyImage {
        from: ImageSource::Archive(archive.into()),
        ..order(&registry, &text)
    };
    for copied in client(&registry).copy([image], &|_| {}).await {
        let error = copied.unwrap_err().to_string();
        assert!(error.contains("has 5242880 bytes instead of 2"), "{error}");
    }
}

#[tokio::test]
async fn what_a_registry_refuses_is_told_in_its_words() {
    let denied = r#"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#;
    let table = [
        (
            "POST",
            "/v2/to/a/blobs/uploads/",
            Answer::new(403).body(denied),
            "access denied: quota exceeded",
        ),
        (
            "POST",
            "/v2/to/a/blobs/uploads/",
            Answer::new(404)
                .body(r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no project to"}]}"#),
            "the registry has no such repository, and does not create it: no project to",
        ),
        (
            "PUT",
            "/v2/to/a/blobs/uploads/",
            Answer::new(413),
            "the registry answers 413",
        ),
        (
            "PUT",
            "/v2/to/a/manifests/sha256:",
            Answer::new(400).body("no such blob"),
            "400 Bad Request: no such blob",
        ),
        (
            "PUT",
            "/v2/to/a/manifests/sha256:",
            Answer::new(201).header("Docker-Content-Digest", "sha256:00"),
            r#"it stores the manifest with the digest "sha256:00""#,
        ),
    ];
    for (method, path, answer, message) in table {
        let registry = registry(|registry| {
            registry.on(method, path, answer);
        });
        let error = copy(&registry).await.unwrap_err();
        assert!(error.contains(message), "{error}");
        let tagged = "PUT /v2/to/a/manifests/v1".to_owned();
        assert!(!writes(&registry).contains(&tagged), "{message}");
    }
}

#[tokio::test]
async fn bytes_that_are_sent_again_count_once() {
    let layer = large_layer();
    let registry = registry_with(&layer, |registry| {
        registry
            .on(
                "PATCH",
                "/v2/to/a/blobs/uploads/1",
                Answer::new(503).times(1),
            )
            .on(
                "PUT",
                "/v2/to/a/blobs/uploads/1?digest=",
                Answer::new(503).times(1),
            );
    });
    let image = order(&registry, &image(&[CONFIG, &layer]));
    let (planned, sent) = (Mutex::new(0), Mutex::new(0));
    let observer = |event| match event {
        CopyEvent::Planned { bytes, .. } => *planned.lock().unwrap() += bytes,
        CopyEvent::Sent(bytes) => *sent.lock().unwrap() += bytes,
        _ => {}
    };
    // Its own registry could give the blobs to the other repository.
    registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(405));
    for copied in client(&registry).copy([image], &observer).await {
        copied.unwrap();
    }
    let repeated = count_of(&writes(&registry), "PATCH");
    assert_eq!(repeated, 2);
    assert_eq!(
        sent.into_inner().unwrap(),
        (CONFIG.len() + layer.len()) as u64
    );
    assert_eq!(planned.into_inner().unwrap(), 0);
}

/// A layer that is too large to be sent in one request.
fn large_layer() -> String {
    "0123456789abcdef".repeat((5 << 20) / 16)
}

#[tokio::test]
async fn a_large_blob_is_streamed_in_one_request_and_then_stored() {
    let layer = large_layer();
    let registry = registry_with(&layer, |registry| {
        registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400));
    });
    copy_with(&layer, &registry).await.unwrap();
    let requests = registry.requests();
    let patches: Vec<_> = requests.iter().filter(|r| r.method == "PATCH").collect();
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].header("content-length"), Some("5242880"));
    assert_eq!(patches[0].header("content-range"), None);
    assert_eq!(patches[0].header("transfer-encoding"), None);
    assert_eq!(patches[0].body, layer.as_bytes());
    let end = format!("/v2/to/a/blobs/uploads/2?state=x&digest={}", digest(&layer));
    let ends: Vec<_> = requests.iter().filter(|r| r.path == end).collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_large_blob_with_a_wrong_last_byte_is_not_stored() {
    let layer = large_layer();
    let other = format!("{}!", &layer[..layer.len() - 1]);
    let path = format!("/v2/from/a/blobs/{}", digest(&layer));
    let registry = registry_with(&layer, |registry| {
        registry.on("GET", &path, Answer::new(200).body(other)).on(
            "POST",
            "/v2/to/a/blobs/uploads/?mount=",
            Answer::new(400),
        );
    });
    let error = copy_with(&layer, &registry).await.unwrap_err();
    assert!(error.contains("it is not what was asked for"), "{error}");
    let writes = writes(&registry);
    let stored = format!("digest={}", digest(&layer));
    assert!(
        writes.iter().any(|write| write.starts_with("PATCH")),
        "{writes:?}"
    );
    assert!(
        writes.iter().all(|write| !write.ends_with(&stored)),
        "{writes:?}"
    );
    assert!(
        writes.iter().any(|write| write.starts_with("DELETE")),
        "{writes:?}"
    );
}

#[tokio::test]
async fn a_stream_that_breaks_is_begun_again() {
    let layer = large_layer();
    let answers = [
        Answer::new(202).early().cut_after(0, Cut::Reset),
        Answer::new(401).early(),
        Answer::new(503).early(),
        Answer::new(500),
    ];
    for answer in answers {
        let label = format!("{answer:?}");
        let registry = registry_with(&layer, |registry| {
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("PATCH", "/v2/to/a/blobs/uploads/1", answer.times(1));
        });
        copy_with(&layer, &registry)
            .await
            .unwrap_or_else(|error| panic!("{error}: {label}"));
        let writes = writes(&registry);
        let patches = writes
            .iter()
            .filter(|write| write.starts_with("PATCH"))
            .count();
        assert_eq!(patches, 2, "{label}: {writes:?}");
    }
    let refusing = registry_with(&layer, |registry| {
        registry
            .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
            .on(
                "PATCH",
                "/v2/to/a/blobs/uploads/1",
                Answer::new(413).body("too large").early(),
            );
    });
    let error = copy_with(&layer, &refusing).await.unwrap_err();
    assert!(
        error.contains("the registry answers 413 Payload Too Large: too large"),
        "{error}"
    );
}

#[tokio::test]
async fn a_blob_without_bytes_is_sent_as_it_is() {
    let registry = registry_with("", |registry| {
        registry.on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400));
    });
    copy_with("", &registry).await.unwrap();
    let end = format!("/v2/to/a/blobs/uploads/1?digest={}", digest(""));
    let requests = registry.requests();
    let ends: Vec<_> = requests.iter().filter(|r| r.path == end).collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_blob_without_bytes_that_is_refused_is_named_as_the_possible_cause() {
    for (layer, is_named) in [("", true), (LAYER, false)] {
        let registry = registry_with(layer, |registry| {
            let end = format!("/v2/to/a/blobs/uploads/1?digest={}", digest(layer));
            registry.on(
                "PUT",
                &end,
                Answer::new(400).body("layer size must be positive"),
            );
        });
        let error = copy_with(layer, &registry).await.unwrap_err();
        assert!(
            error.contains("the registry answers 400 Bad Request: layer size must be positive"),
            "{error}"
        );
        let cause =
            "; the blob is empty, and some registries, such as Amazon ECR, do not take empty blobs";
        assert_eq!(error.ends_with(cause), is_named, "{error}");
    }
}

#[tokio::test]
async fn a_token_that_ends_soon_is_renewed_before_a_blob_is_streamed() {
    let layer = large_layer();
    for (seconds, count) in [(59, 2), (300, 1)] {
        let registry = registry_with(&layer, |registry| {
            let realm = format!("http://{}/token", registry.address());
            let challenge = format!(r#"Bearer realm="{realm}""#);
            let refused = Answer::new(401).header("WWW-Authenticate", &challenge);
            registry
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("POST", "/v2/to/a/blobs/uploads/", refused.times(1));
            for number in 0..9 {
                let token = format!(r#"{{"token":"token-{number}","expires_in":{seconds}}}"#);
                registry.on("GET", "/token", Answer::new(200).body(token).times(1));
            }
        });
        // One blob after the other.
        let client = client_with_one_permit(&registry);
        copy_by(&client, &layer, &registry).await.unwrap();
        let requests = registry.requests();
        let asked = requests.iter().filter(|r| {
            let query = r.query();
            let mut scopes = query.iter().filter(|(key, _)| key == "scope");
            scopes
                .next()
                .is_some_and(|(_, scope)| scope == "repository:to/a:pull,push")
                && scopes.next().is_none()
        });
        assert_eq!(asked.count(), count, "{seconds}");
        let token_of = |method: &str| {
            let found = requests.iter().rfind(|r| r.method == method);
            found.unwrap().header("authorization").map(str::to_owned)
        };
        let streamed = token_of("PATCH");
        assert!(streamed.is_some_and(|token| token.starts_with("Bearer token-")));
    }
}

#[tokio::test]
async fn a_session_at_another_server_gets_no_token() {
    let large = large_layer();
    for layer in [LAYER, &large] {
        let store = LyingRegistry::start();
        store.on("PUT", "/session", Answer::new(201)).on(
            "PATCH",
            "/session",
            session("/session?part=1"),
        );
        let registry = registry_with(layer, |registry| {
            let realm = format!("http://{}/token", registry.address());
            let challenge = format!(r#"Bearer realm="{realm}""#);
            let refused = Answer::new(401).header("WWW-Authenticate", &challenge);
            let location = format!("http://{}/session", store.address());
            registry
                .on("GET", "/v2/from/a/manifests/", refused.times(1))
                .on("GET", "/token", Answer::new(200).body(r#"{"token":"t"}"#))
                .on("POST", "/v2/to/a/blobs/uploads/?mount=", Answer::new(400))
                .on("POST", "/v2/to/a/blobs/uploads/", session(&location));
        });
        copy_with(layer, &registry).await.unwrap();
        let sent = store.requests();
        assert!(
            sent.iter()
                .any(|r| r.path.contains(&digest(layer).to_string()))
        );
        assert!(sent.iter().all(|r| r.header("authorization").is_none()));
        let begun = registry.requests();
        let mut begun = begun.iter().filter(|r| r.method == "POST");
        assert!(begun.all(|r| r.header("authorization") == Some("Bearer t")));
    }
}

#[tokio::test]
async fn a_tag_is_moved_only_on_demand_and_may_be_set_by_another_program() {
    let text = text();
    let (right, other) = (digest(&text), digest("other"));
    let named = |digest: &dyn ToString| {
        Answer::new(200).header("Docker-Content-Digest", &digest.to_string())
    };
    let refused = || Answer::new(409).body("immutable");
    // What the tag is before and after the PUT, what the registry answers to that, and the end.
    let table = [
        (named(&other), Answer::new(201), named(&right), true, ""),
        (named(&other), refused(), named(&other), true, "immutable"),
        (Answer::new(404), refused(), named(&right), false, ""),
        (
            Answer::new(404),
            refused(),
            Answer::new(404),
            false,
            "immutable",
        ),
        (
            Answer::new(404),
            refused(),
            named(&other),
            false,
            "the tag has the digest",
        ),
    ];
    for (before, put, after, move_tag, message) in table {
        let registry = registry(|registry| {
            registry
                .on("HEAD", "/v2/to/a/manifests/v1", before.times(2))
                .on("HEAD", "/v2/to/a/manifests/v1", after)
                .on("PUT", "/v2/to/a/manifests/v1", put);
        });
        let image = CopyImage {
            tag: Some("v1".parse().unwrap()),
            move_tag,
            ..order(&registry, &text)
        };
        let copied = client(&registry).copy([image], &|_| {}).await.remove(0);
        let error = copied.map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(error.is_empty(), message.is_empty(), "{error}");
        assert!(error.contains(message), "{error}");
        let tagged = "PUT /v2/to/a/manifests/v1".to_owned();
        assert!(writes(&registry).contains(&tagged), "{message}");
    }
}

#[tokio::test]
async fn a_tag_that_is_taken_is_refused_before_anything_is_sent() {
    let text = text();
    let other = digest("other").to_string();
    let registry = registry(|registry| {
        let taken = Answer::new(200).header("Docker-Content-Digest", &other);
        registry.on("HEAD", "/v2/to/a/manifests/v1", taken);
    });
    let image = CopyImage {
        tag: Some("v1".parse().unwrap()),
        ..order(&registry, &text)
    };
    let client = client(&registry);
    let plan = client.plan_copy([image], CopyOptions::default()).await;
    let errors: Vec<String> = plan
        .images()
        .iter()
        .map(|planned| planned.as_ref().unwrap_err().to_string())
        .collect();
    assert_eq!(errors.len(), 1);
    let wanted = digest(&text);
    let expected = format!("/to/a:v1: the tag has the digest {other} already, not {wanted}");
    assert!(errors[0].ends_with(&expected), "{errors:?}");
    let copied = plan.run(&client, &|_| {}).await;
    assert!(copied.iter().all(Result::is_err), "{copied:?}");
    assert_eq!(writes(&registry), [""; 0]);
}

#[tokio::test]
async fn an_image_does_not_wait_for_the_blobs_of_others() {
    let (first, second) = (text(), image(&["{ }", "another layer"]));
    let registry = registry_of(&[(&first, MANIFEST), (&second, MANIFEST)]);
    for blob in ["{ }", "another layer"] {
        let path = format!("/v2/from/a/blobs/{}", digest(blob));
        registry.on("GET", &path, Answer::new(200).body(blob));
    }
    let begin = "/v2/to/b/blobs/uploads/";
    registry
        .on("POST", begin, session("/v2/to/b/blobs/uploads/1").paused())
        .on("PUT", "/v2/to/b/", Answer::new(201));
    let orders = [(&first, "to/a"), (&second, "to/b")].map(|(text, path)| CopyImage {
        to: repository(&registry.address(), path),
        ..order(&registry, text)
    });
    let finished = Mutex::new(Vec::new());
    let observer = |event| {
        if let CopyEvent::Image { image, .. } = event {
            finished.lock().unwrap().push(image);
            registry.release();
        }
    };
    let client = client(&registry);
    for copied in in_time(client.copy(orders, &observer)).await {
        copied.unwrap();
    }
    assert_eq!(*finished.lock().unwrap(), [0, 1]);
}

#[tokio::test]
async fn two_images_cannot_get_the_same_tag() {
    let (one, two) = (text(), image(&[CONFIG, CONFIG]));
    let registry = registry_of(&[(&one, MANIFEST), (&two, MANIFEST)]);
    let orders = [&one, &two, &one].map(|text| CopyImage {
        tag: Some("v1".parse().unwrap()),
        move_tag: true,
        ..order(&registry, text)
    });
    let copied = client(&registry).copy(orders, &|_| {}).await;
    let digests = copied.iter().map(|copied| copied.as_ref().ok().copied());
    let first = Some(digest(&one));
    assert_eq!(digests.collect::<Vec<_>>(), [first, None, first]);
    let error = copied[1].as_ref().unwrap_err().to_string();
    let (one, two) = (digest(&one), digest(&two));
    let expected = format!("/to/a:v1: the tag has the digest {one} already, not {two}");
    assert!(error.ends_with(&expected), "{error}");
}

#[tokio::test]
async fn layers_that_registries_do_not_have_are_left_out_and_reported() {
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let text = text();
    let (before, layers) = text.split_once(r#""layers":"#).unwrap();
    let layers = layers.replace("application/octet-stream", foreign);
    let text = format!(r#"{before}"layers":{layers}"#);
    let registry = registry_of(&[(&text, MANIFEST)]);
    let client = client(&registry);
    let options = CopyOptions::default();
    let plan = client.plan_copy([order(&registry, &text)], options).await;
    let planned = plan.images().remove(0).unwrap();
    let left_out: Vec<_> = planned.left_out.iter().map(|layer| layer.digest).collect();
    assert_eq!(left_out, [digest(LAYER)]);
    plan.run(&client, &|_| {}).await.remove(0).unwrap();
    let layer = digest(LAYER).to_string();
    let requests = registry.requests();
    assert!(requests.iter().all(|r| !r.path.contains(&layer)));
    let put = requests
        .iter()
        .find(|r| r.method == "PUT" && r.path.contains("/manifests/"));
    assert_eq!(put.unwrap().body, text.as_bytes());
}

#[tokio::test]
async fn an_image_has_limits() {
    // Six levels, of which an index may have four below it.
    let mut deep = vec![(text(), MANIFEST)];
    for _ in 0..5 {
        let (below, media_type) = deep.last().unwrap();
        let above = index(&[(below, media_type)]);
        deep.push((above, INDEX));
    }
    // Two indexes, which together name more than 1000 manifests.
    let names: Vec<String> = (0..1002)
        .map(|number| format!("manifest {number}"))
        .collect();
    let named: Vec<_> = names.iter().map(|name| (&**name, MANIFEST)).collect();
    let (one, two) = named.split_at(501);
    let mut wide = vec![(index(one), INDEX), (index(two), INDEX)];
    wide.push((index(&[(&wide[0].0, INDEX), (&wide[1].0, INDEX)]), INDEX));
    let table = [
        (deep, "more than 4 levels of indexes"),
        (wide, "more than 1000 manifests"),
    ];
    for (manifests, message) in table {
        let all: Vec<_> = manifests.iter().map(|(text, of)| (&**text, *of)).collect();
        let registry = registry_of(&all);
        let root = order(&registry, all.last().unwrap().0);
        let copied = client(&registry).copy([root], &|_| {}).await.remove(0);
        let error = copied.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert_eq!(writes(&registry), [""; 0]);
    }
}

#[tokio::test]
async fn a_copy_with_nothing_to_do_reads_from_the_target_and_sends_nothing() {
    let image = text();
    let root = index(&[(&image, MANIFEST)]);
    let manifests = [(&root, INDEX), (&image, MANIFEST)];
    let there = |text: &str, media_type: &str| {
        let answer = Answer::new(200).header("Content-Type", media_type);
        answer.body(text.to_owned())
    };
    let tagged = digest(&root).to_string();
    let tagged = || Answer::new(200).header("Docker-Content-Digest", &tagged);
    // What the target has of the manifests, and what is read from the source then.
    for has_image in [true, false] {
        let registry = registry_of(&[(&image, MANIFEST), (&root, INDEX)]);
        let at_source = format!("/v2/from/a/manifests/{}", digest(&root));
        registry
            .on("HEAD", &at_source, there(&root, INDEX))
            .on("HEAD", "/v2/to/a/blobs/", Answer::new(200))
            .on("HEAD", "/v2/to/a/manifests/v1", tagged());
        for (text, media_type) in &manifests[..=usize::from(has_image)] {
            let path = format!("/v2/to/a/manifests/{}", digest(text));
            registry.on("GET", &path, there(text, media_type));
            registry.on("HEAD", &path, there(text, media_type));
        }
        let missing = format!("/v2/to/a/manifests/{}", digest(&image));
        registry.on("PUT", &missing, Answer::new(201));
        let order = CopyImage {
            tag: Some("v1".parse().unwrap()),
            ..order(&registry, &root)
        };
        for copied in client(&registry).copy([order], &|_| {}).await {
            copied.unwrap();
        }
        let requests = registry.requests();
        let requests = requests.iter().map(|r| format!("{} {}", r.method, r.path));
        let mut requests: Vec<_> = requests.collect();
        let of_source: Vec<_> = requests.extract_if(.., |r| r.contains("/from/")).collect();
        // The image has to be there.
        let (looks, of_source): (Vec<_>, Vec<_>) =
            of_source.into_iter().partition(|r| r.starts_with("HEAD"));
        assert_eq!(
            looks,
            [format!("HEAD /v2/from/a/manifests/{}", digest(&root))]
        );
        let writes = writes(&registry);
        if !has_image {
            // A registry can lose what a tag stands for.
            assert_eq!(
                of_source,
                [format!("GET /v2/from/a/manifests/{}", digest(&image))]
            );
            assert_eq!(writes, [format!("PUT {missing}")]);
            continue;
        }
        assert_eq!((of_source, writes), (Vec::new(), Vec::new()));
        requests.sort();
        let mut expected = vec!["HEAD /v2/to/a/manifests/v1".to_owned()];
        for text in [&root, &image] {
            expected.push(format!("GET /v2/to/a/manifests/{}", digest(text)));
        }
        for blob in [CONFIG, LAYER] {
            expected.push(format!("HEAD /v2/to/a/blobs/{}", digest(blob)));
        }
        expected.sort();
        assert_eq!(requests, expected);
    }
}

#[tokio::test]
async fn a_blob_that_images_share_is_read_once_and_mounted_for_the_others() {
    let text = text();
    let source = registry_of(&[(&text, MANIFEST)]);
    let target = LyingRegistry::start();
    for path in ["to/a", "to/b"] {
        let begin = format!("/v2/{path}/blobs/uploads/");
        target
            .on("POST", &format!("{begin}?mount="), Answer::new(201))
            .on("POST", &begin, session(&format!("{begin}1")))
            .on("PUT", &format!("/v2/{path}/"), Answer::new(201));
    }
    let orders = ["to/a", "to/b"].map(|path| CopyImage {
        to: repository(&target.address(), path),
        ..order(&source, &text)
    });
    let hosts = [&source, &target].map(|registry| Host::new(&registry.address()));
    let client = builder("").insecure(hosts.to_vec()).build().unwrap();
    for copied in client.copy(orders.clone(), &|_| {}).await {
        copied.unwrap();
    }
    for blob in [CONFIG, LAYER] {
        let digest = digest(blob).to_string();
        let requests = source.requests();
        let reads = requests.iter().filter(|r| r.path.ends_with(&digest));
        assert_eq!(reads.count(), 1, "{blob}");
        let writes: Vec<_> = writes(&target)
            .into_iter()
            .filter(|write| write.contains(&digest))
            .collect();
        assert_eq!(
            writes,
            [
                format!("PUT /v2/to/a/blobs/uploads/1?digest={digest}"),
                format!("POST /v2/to/b/blobs/uploads/?mount={digest}&from=to%2Fa"),
            ]
        );
    }
}
