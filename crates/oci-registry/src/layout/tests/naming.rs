//! What images are called in `index.json`.

use super::*;
use crate::layout::{NamedImage, index_json};
use crate::model::Descriptor;
use crate::model::media_type::{INDEX, MANIFEST};

fn image(byte: u8, reference: &str) -> NamedImage {
    NamedImage {
        descriptor: Descriptor::new(INDEX, Digest::Sha256([byte; 32]), 7),
        reference: reference.to_owned(),
    }
}

#[test]
fn every_program_finds_its_annotation() {
    let mut second = image(2, "curl:8");
    second.descriptor.media_type = MANIFEST.to_owned();
    let images = [second, image(1, "a.example.com/b:v1")];
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    let expected = [
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#,
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","#,
        &format!(r#""digest":"sha256:{one}","size":7,"annotations":{{"#),
        r#""io.containerd.image.name":"a.example.com/b:v1","#,
        r#""org.opencontainers.image.ref.name":"a.example.com/b:v1"}},"#,
        r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
        &format!(r#""digest":"sha256:{two}","size":7,"annotations":{{"#),
        r#""io.containerd.image.name":"docker.io/library/curl:8","#,
        r#""org.opencontainers.image.ref.name":"curl:8"}}]}"#,
    ];
    assert_eq!(index_json(&images, &[]), expected.concat());
}

#[test]
fn the_order_of_the_images_does_not_matter() {
    let mut images = vec![
        image(3, "b.example.com/b:v1"),
        image(1, "a.example.com/c:v1"),
        image(2, "a.example.com/b:v1"),
        image(2, "a.example.com/b:v2"),
    ];
    let bytes = index_json(&images, &[]);
    images.reverse();
    images.push(images[0].clone());
    assert_eq!(index_json(&images, &[]), bytes);
}

#[tokio::test]
async fn images_with_one_tag_or_one_digest_are_told_apart() {
    let mut images = vec![
        image(1, "a.example.com/b:v1"),
        image(1, "a.example.com/c:v1"),
        image(
            2,
            "a.example.com/d@sha256:0202020202020202020202020202020202020202020202020202020202020202",
        ),
    ];
    images[2]
        .descriptor
        .annotations
        .insert("k".to_owned(), "v".to_owned());
    let bytes = [
        file("oci-layout", LAYOUT),
        file("index.json", &index_json(&images, &[])),
        END.to_vec(),
    ];
    let archive = open(&bytes.concat()).await.unwrap();
    assert_eq!(archive.images(), images);
}
