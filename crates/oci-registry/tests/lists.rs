//! What refers to an image: which lists count, what is copied of them, and what they are at the target afterwards.

use image_pins::Digest;
use oci_registry::model::Descriptor;
use oci_registry::{CopyImage, CopyOptions, ImageSource};
use test_registry::{Answer, LyingRegistry};

use crate::common::{MANIFEST, client, descriptor, digest, image, repository};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SBOM: &str = "application/spdx+json";
const WITH_REFERRERS: CopyOptions = CopyOptions {
    referrers: true,
    foreign_layers: false,
};

/// Returns an artifact that refers to a manifest.
fn referrer(subject: &str, kind: &str) -> String {
    let empty = serde_json::to_string(&descriptor(b"{}")).unwrap();
    let subject = serde_json::to_string(&entry(subject)).unwrap();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{kind}","config":{empty},"layers":[{empty}],
            "subject":{subject},"annotations":{{"made":"today"}}}}"#
    )
}

fn entry(text: &str) -> Descriptor {
    Descriptor::new(MANIFEST, digest(text), text.len() as u64)
}

fn list(entries: &[Descriptor]) -> String {
    let entries = serde_json::to_string(entries).unwrap();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":{entries}}}"#)
}

fn typed(media_type: &str, body: &str) -> Answer {
    Answer::new(200)
        .header("Content-Type", media_type)
        .body(body)
}

/// Returns the path of the list of referrers.
fn list_path(repository: &str, subject: &str) -> String {
    format!("/v2/{repository}/manifests/{}", tag(subject))
}

fn tag(subject: &str) -> String {
    digest(subject).to_string().replace(':', "-")
}

/// Returns a registry that has these manifests in `from`, without the interface for referrers, and takes everything in `to`.
fn registry(manifests: &[&str]) -> LyingRegistry {
    let registry = LyingRegistry::start();
    for text in manifests {
        let path = format!("/v2/from/manifests/{}", digest(text));
        registry.on("GET", &path, typed(MANIFEST, text));
    }
    let blob = format!("/v2/from/blobs/{}", digest("{}"));
    let session = Answer::new(202).header("Location", "/v2/to/blobs/uploads/1");
    registry
        .on("GET", &blob, Answer::new(200).body("{}"))
        .on("POST", "/v2/to/blobs/uploads/", session)
        .on("PUT", "/v2/to/blobs/uploads/", Answer::new(201));
    registry
}

fn order(registry: &LyingRegistry, text: &str) -> CopyImage {
    CopyImage {
        from: ImageSource::from(&repository(&registry.address(), "from")),
        digest: digest(text),
        to: repository(&registry.address(), "to"),
        tag: Some("v1".parse().unwrap()),
        move_tag: false,
        platforms: Vec::new(),
    }
}

async fn copy(registry: &LyingRegistry, text: &str) -> Result<(), String> {
    let client = client(registry);
    let plan = client
        .plan_copy([order(registry, text)], WITH_REFERRERS)
        .await;
    let copied = plan.run(&client, &|_| {}).await.remove(0);
    copied.map(|_| ()).map_err(|error| error.to_string())
}

/// Returns which manifests were sent, in order: the last parts of their paths, with their bodies.
fn sent(registry: &LyingRegistry) -> Vec<(String, String)> {
    let requests = registry.requests().into_iter();
    requests
        .filter(|r| r.method == "PUT" && r.path.starts_with("/v2/to/manifests/"))
        .map(|r| {
            let name = r.path.replace("/v2/to/manifests/", "");
            (name, String::from_utf8(r.body).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_list_counts_for_what_refers_to_the_image() {
    let image = image(&["{}"]);
    let right = referrer(&image, SBOM);
    let other = referrer("another image", SBOM);
    let gone = entry("gone");
    let mut unknown = entry("unknown");
    unknown.media_type = "application/vnd.oci.artifact.manifest.v1+json".to_owned();
    let entries = [
        entry(&right),
        entry(&other),
        gone.clone(),
        unknown.clone(),
        entry(&right),
    ];
    let registry = registry(&[&image, &right, &other]);
    let list = list(&entries);
    registry.on("GET", &list_path("from", &image), typed(INDEX, &list));
    let client = client(&registry);
    let plan = client
        .plan_copy([order(&registry, &image)], WITH_REFERRERS)
        .await;
    let planned = plan.images().remove(0).unwrap();
    assert_eq!(planned.referrers, 1);
    let skipped: Vec<Digest> = vec![gone.digest, unknown.digest];
    assert_eq!(planned.skipped_referrers, skipped);
    // The image, the list, and the two that the list names.
    assert_eq!(plan.pulls().into_values().collect::<Vec<_>>(), [4]);
    // Neither the subject itself nor an index of Docker is a list.
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    let docker_list = list.replace(INDEX, docker);
    for (media_type, body) in [(MANIFEST, &image), (docker, &docker_list)] {
        let registry = self::registry(&[&image, &right]);
        registry.on("GET", &list_path("from", &image), typed(media_type, body));
        let client = crate::common::client(&registry);
        let plan = client
            .plan_copy([order(&registry, &image)], WITH_REFERRERS)
            .await;
        assert_eq!(plan.images().remove(0).unwrap().referrers, 0);
    }
}

#[tokio::test]
async fn the_tag_is_set_after_all_that_refers_to_the_image() {
    let image = image(&["{}"]);
    let sbom = referrer(&image, SBOM);
    let signature = self::image(&["{}", "{}"]);
    let registry = registry(&[&image, &sbom, &signature]);
    let list = list(&[entry(&sbom)]);
    registry.on("GET", &list_path("from", &image), typed(INDEX, &list));
    // The signature is one of the list of contents.
    let tag_of_signature = format!("{}.sig", tag(&sbom));
    let named = Answer::new(200).header("Docker-Content-Digest", &digest(&signature).to_string());
    let path = format!("/v2/from/manifests/{tag_of_signature}");
    registry
        .on("HEAD", &path, named)
        .on("PUT", "/v2/to/manifests/", Answer::new(201));
    registry.on("HEAD", "/v2/from/manifests/sha256-", Answer::new(403));
    copy(&registry, &image).await.unwrap();
    let sent = sent(&registry);
    let names: Vec<&str> = sent.iter().map(|(name, _)| &**name).collect();
    let expected = [
        digest(&image).to_string(),
        digest(&sbom).to_string(),
        tag(&image),
        digest(&signature).to_string(),
        tag_of_signature,
        "v1".to_owned(),
    ];
    assert_eq!(names, expected);
    let listed: serde_json::Value = serde_json::from_str(&sent[2].1).unwrap();
    let mut expected = entry(&sbom);
    expected.artifact_type = Some(SBOM.to_owned());
    expected
        .annotations
        .insert("made".to_owned(), "today".to_owned());
    assert_eq!(listed["manifests"], serde_json::json!([expected]));
}

#[tokio::test]
async fn a_list_at_the_target_keeps_what_it_has() {
    let image = image(&["{}"]);
    let sbom = referrer(&image, SBOM);
    let mine = digest("mine");
    let old = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","x":1,
            "manifests":[{{"mediaType":"{MANIFEST}","digest":"{mine}","size":4,"y":2}}]}}"#
    );
    // What the target answers to the referrer, and whether its list is changed then.
    let listing = Answer::new(201).header("OCI-Subject", &digest(&image).to_string());
    for (answer, is_changed) in [(Answer::new(201), true), (listing, false)] {
        let registry = registry(&[&image, &sbom]);
        let list = list(&[entry(&sbom)]);
        let put_sbom = format!("/v2/to/manifests/{}", digest(&sbom));
        registry
            .on("GET", &list_path("from", &image), typed(INDEX, &list))
            .on("GET", &list_path("to", &image), typed(INDEX, &old))
            .on("PUT", &put_sbom, answer)
            .on("PUT", "/v2/to/manifests/", Answer::new(201));
        copy(&registry, &image).await.unwrap();
        let changed = sent(&registry)
            .into_iter()
            .find(|(name, _)| *name == tag(&image));
        assert_eq!(changed.is_some(), is_changed);
        if let Some((_, text)) = changed {
            let new: serde_json::Value = serde_json::from_str(&text).unwrap();
            let old: serde_json::Value = serde_json::from_str(&old).unwrap();
            assert_eq!(new["x"], 1);
            assert_eq!(new["manifests"][0], old["manifests"][0]);
            assert_eq!(new["manifests"][1]["digest"], digest(&sbom).to_string());
            assert_eq!(new["manifests"].as_array().unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn an_image_fails_with_its_signatures() {
    let image = image(&["{}"]);
    let sbom = referrer(&image, SBOM);
    let list = list(&[entry(&sbom)]);
    let at_source = |path: String, answer: Answer| {
        let registry = registry(&[&image, &sbom]);
        registry
            .on("GET", &path, answer)
            .on("GET", &list_path("from", &image), typed(INDEX, &list))
            .on("PUT", "/v2/to/manifests/", Answer::new(201));
        registry
    };
    let denied = || Answer::new(403).body("not allowed");
    let refused = registry(&[&image, &sbom]);
    refused
        .on("GET", &list_path("from", &image), typed(INDEX, &list))
        .on(
            "PUT",
            &format!("/v2/to/manifests/{}", digest(&sbom)),
            denied(),
        )
        .on("PUT", "/v2/to/manifests/", Answer::new(201));
    let in_use = registry(&[&image, &sbom]);
    in_use
        .on("GET", &list_path("from", &image), typed(INDEX, &list))
        .on("GET", &list_path("to", &image), typed(MANIFEST, &image))
        .on("PUT", "/v2/to/manifests/", Answer::new(201));
    let table = [
        (
            at_source(format!("/v2/from/referrers/{}", digest(&image)), denied()),
            "the referrers of",
        ),
        (
            at_source(list_path("from", &image), denied()),
            "not allowed",
        ),
        (refused, "not allowed"),
        (in_use, "the tag has to list signatures"),
    ];
    for (registry, message) in table {
        let error = copy(&registry, &image).await.unwrap_err();
        assert!(error.contains(message), "{error}");
        assert!(sent(&registry).iter().all(|(name, _)| name != "v1"));
    }
}

#[tokio::test]
async fn what_refers_to_an_image_has_limits() {
    let image = image(&["{}"]);
    let mut chain = vec![image.clone()];
    for _ in 0..6 {
        chain.push(referrer(chain.last().unwrap(), SBOM));
    }
    let all: Vec<&str> = chain.iter().map(|text| &**text).collect();
    let deep = registry(&all);
    for pair in all.windows(2) {
        let list = list(&[entry(pair[1])]);
        deep.on("GET", &list_path("from", pair[0]), typed(INDEX, &list));
    }
    let wide = registry(&[&image]);
    let entries: Vec<Descriptor> = (0..1001)
        .map(|number| entry(&format!("manifest {number}")))
        .collect();
    let list = list(&entries);
    let path = format!("/v2/from/referrers/{}", digest(&image));
    wide.on("GET", &path, typed(INDEX, &list));
    let table = [
        (deep, "more than 4 levels of referrers"),
        (wide, "it has 1001 manifests, more than 1000"),
    ];
    for (registry, message) in table {
        let error = copy(&registry, &image).await.unwrap_err();
        assert!(error.contains(message), "{error}");
        assert_eq!(sent(&registry), []);
    }
}
