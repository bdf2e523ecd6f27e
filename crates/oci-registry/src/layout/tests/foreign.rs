//! Archives of other programs.

use super::*;
use crate::layout::pax::record as pax_record;

/// Returns an index with one image and these annotations.
fn index(annotations: &str) -> String {
    let digest = digest_of(b"{}");
    format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":2{annotations}}}]}}"#
    )
}

fn references(archive: &Archive) -> Vec<&str> {
    let images = archive.images().iter();
    images.map(|image| image.reference.as_str()).collect()
}

#[tokio::test]
async fn the_archive_of_skopeo_is_read() {
    let blob = blob_name(&digest_of(b"{}"));
    let tag = r#","annotations":{"org.opencontainers.image.ref.name":"v1"}"#;
    let table = [
        (tag, "v1".to_owned()),
        // `oci-archive:FILE` without a name.
        ("", digest_of(b"{}").to_string()),
    ];
    for (annotations, reference) in table {
        let bytes = [
            entry("blobs/", EntryType::Directory, b""),
            entry("blobs/sha256/", EntryType::Directory, b""),
            file(&blob, b"{}"),
            file("index.json", index(annotations).as_bytes()),
            file("oci-layout", LAYOUT),
            END.to_vec(),
        ];
        let archive = open(&bytes.concat()).await.unwrap();
        assert_eq!(references(&archive), [reference]);
        assert!(archive.images()[0].descriptor.annotations.is_empty());
        assert_eq!(archive.size(&digest_of(b"{}")), Some(2));
    }
}

#[tokio::test]
async fn the_archive_of_docker_is_read() {
    let annotations = r#","annotations":{"io.containerd.image.name":"docker.io/library/curl:8","org.opencontainers.image.ref.name":"8"}"#;
    let bytes = [
        entry("blobs/", EntryType::Directory, b""),
        entry("blobs/sha256/", EntryType::Directory, b""),
        file(&blob_name(&digest_of(b"{}")), b"{}"),
        file("index.json", index(annotations).as_bytes()),
        file("manifest.json", b"[]"),
        file("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#),
        file("repositories", b"{}"),
        END.to_vec(),
    ];
    let archive = open(&bytes.concat()).await.unwrap();
    assert_eq!(references(&archive), ["docker.io/library/curl:8"]);
}

#[tokio::test]
async fn names_have_many_spellings() {
    let digest = sha512(b"{}");
    let name = blob_name(&digest);
    let pax = |name: &str| {
        let records = [
            pax_record("mtime", "1700000000.5"),
            pax_record("path", name),
            pax_record("comment", "100 path=../x\n"),
        ];
        entry(
            "PaxHeaders/x",
            EntryType::XHeader,
            records.concat().as_bytes(),
        )
    };
    let gnu = |name: &str| {
        let content = format!("{name}\0");
        entry("././@LongLink", EntryType::GNULongName, content.as_bytes())
    };
    let short = &name[..90];
    let old = |header: &mut Header| header.as_old_mut().linkflag = [0];
    let prefixed = edited_entry(short, EntryType::Regular, b"{}", |header| {
        *header = Header::new_ustar();
        header.set_size(2);
        header.set_entry_type(EntryType::Regular);
        let sha256 = blob_name(&digest_of(b"{}"));
        let (prefix, rest) = sha256.rsplit_once('/').unwrap();
        let ustar = header.as_ustar_mut().unwrap();
        ustar.prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
        ustar.name[..rest.len()].copy_from_slice(rest.as_bytes());
    });
    let sha256 = digest_of(b"{}");
    let plain = blob_name(&sha256);
    let table = [
        ("pax", [pax(&name), file(short, b"{}")].concat(), digest),
        (
            "pax with ./",
            [pax(&format!("./{name}")), file(short, b"{}")].concat(),
            digest,
        ),
        ("GNU", [gnu(&name), file(short, b"{}")].concat(), digest),
        ("prefix", prefixed, sha256),
        ("./", file(&format!("./{plain}"), b"{}"), sha256),
        ("/./", file(&plain.replace('/', "/./"), b"{}"), sha256),
        ("//", file(&plain.replace('/', "//"), b"{}"), sha256),
        (
            "oldest",
            edited_entry(&plain, EntryType::Regular, b"{}", old),
            sha256,
        ),
        (
            "contiguous",
            entry(&plain, EntryType::Continuous, b"{}"),
            sha256,
        ),
        (
            "size in pax",
            [
                entry("x", EntryType::XHeader, pax_record("size", "2").as_bytes()),
                edited_entry(&plain, EntryType::Regular, b"{}", |header| {
                    header.set_size(0);
                }),
            ]
            .concat(),
            sha256,
        ),
        (
            "global header",
            [
                entry(
                    "g",
                    EntryType::XGlobalHeader,
                    pax_record("comment", "path=x").as_bytes(),
                ),
                file(&plain, b"{}"),
            ]
            .concat(),
            sha256,
        ),
    ];
    for (what, blob, digest) in table {
        let (_folder, path) = folder();
        std::fs::write(&path, [layout(), blob, END.to_vec()].concat()).unwrap();
        let archive = Archive::open(&path)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(archive.size(&digest), Some(2), "{what}");
        assert_eq!(read(&archive, &digest).await, b"{}", "{what}");
    }
}

#[tokio::test]
async fn what_does_not_belong_to_a_layout_is_skipped() {
    let others = [
        file("README.md", b"hello"),
        file("blobs/sha256/README.md", b"hello"),
        file(&format!("blobs/sha256/{}", "A".repeat(64)), b"hello"),
        file(&format!("blobs/sha256/{}", "a".repeat(63)), b"hello"),
        file(&format!("blobs/sha256/x/{}", "a".repeat(64)), b"hello"),
        file(&format!("blobs/md5/{}", "a".repeat(32)), b"hello"),
        file(&format!("x/blobs/sha256/{}", "a".repeat(64)), b"hello"),
        file("x/index.json", b"hello"),
        file("..x", b"hello"),
        // The same folder twice, and the oldest form of a folder.
        entry("./", EntryType::Directory, b""),
        entry("x", EntryType::Directory, b""),
        entry("x/", EntryType::Directory, b""),
        file("y/", b""),
    ];
    let (_folder, path) = folder();
    std::fs::write(&path, [layout(), others.concat(), END.to_vec()].concat()).unwrap();
    let archive = Archive::open(&path).await.unwrap();
    assert_eq!(archive.images(), []);
    assert_eq!(archive.size(&Digest::Sha256([0xaa; 32])), None);
}

#[tokio::test]
async fn a_blob_that_becomes_shorter_while_it_is_read_is_an_error() {
    let (_folder, path) = folder();
    let content = vec![1; 600_000];
    written(&path, &[&content]).await;
    let archive = Archive::open(&path).await.unwrap();
    let mut reader = archive
        .blob(&digest_of(&content), content.len() as u64)
        .unwrap();
    assert_eq!(reader.chunk().await.unwrap().unwrap().len(), 512 << 10);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(540_000).unwrap();
    let error = reader.chunk().await.unwrap_err().to_string();
    assert!(
        error.contains("it ends at byte 540000 in the content of sha256:"),
        "{error}"
    );
}
