//! What is written, and that it reads back.

use proptest::prelude::*;

use super::*;
use crate::layout::plan::Plan;
use crate::layout::{NamedImage, index_json};
use crate::model::media_type::{INDEX, MANIFEST};
use crate::model::{Descriptor, Manifest};

#[tokio::test]
async fn images_read_back_as_they_were_written() {
    let (_folder, path) = folder();
    let config = b"{}".as_slice();
    // More than one piece, and not a multiple of anything.
    let layer: Vec<u8> = (0..1_300_001_u32).map(|at| (at % 251) as u8).collect();
    let describe = |kind: &str, content: &[u8]| {
        let (digest, size) = planned(content);
        Descriptor::new(kind, digest, size)
    };
    let json = |value: &Descriptor| serde_json::to_string(value).unwrap();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        json(&describe("application/x", config)),
        json(&describe("application/y", &layer))
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        json(&describe(MANIFEST, manifest.as_bytes()))
    );
    let images = [NamedImage {
        descriptor: describe(INDEX, index.as_bytes()),
        reference: "registry.example.com/seaport/harbor:v2.1.0".to_owned(),
    }];
    let contents = [config, &layer, manifest.as_bytes(), index.as_bytes()];
    let blobs = contents.map(planned);
    let writer = ArchiveWriter::create(&path, blobs, &index_json(&images, &[]))
        .await
        .unwrap();
    for content in contents {
        write(&writer, content).await;
    }
    writer.finish().await.unwrap();

    let archive = Archive::open(&path).await.unwrap();
    assert_eq!(archive.images(), images);
    let found = archive.manifest(&images[0].descriptor).await.unwrap();
    assert_eq!(found, Manifest::parse(index.clone(), Some(INDEX)).unwrap());
    let found = archive.manifest(&found.manifests()[0]).await.unwrap();
    assert_eq!(found.bytes(), manifest.as_bytes());
    for content in contents {
        let (digest, size) = planned(content);
        assert_eq!(archive.size(&digest), Some(size));
        assert_eq!(read(&archive, &digest).await, content);
    }
    let other = digest_of(b"other");
    assert_eq!(archive.size(&other), None);
    let error = archive.blob(&other, 2).unwrap_err();
    assert!(matches!(error.reason, ArchiveReason::NoBlob { digest } if digest == other));
}

#[tokio::test]
async fn a_manifest_is_compared_with_its_descriptor() {
    let (_folder, path) = folder();
    let manifest = br#"{"schemaVersion":2,"manifests":[]}"#.as_slice();
    let mut bytes = layout();
    bytes.extend(file(&blob_name(&digest_of(manifest)), manifest));
    let forged = digest_of(b"another manifest");
    bytes.extend(file(&blob_name(&forged), manifest));
    let big = vec![b' '; (4 << 20) + 1];
    bytes.extend(file(&blob_name(&digest_of(&big)), &big));
    bytes.extend(END);
    std::fs::write(&path, bytes).unwrap();
    let archive = Archive::open(&path).await.unwrap();

    let (digest, size) = planned(manifest);
    let big = planned(&big);
    let table = [
        (INDEX, digest, size + 1, "has 34 bytes instead of 35"),
        (INDEX, forged, size, "it was changed or damaged"),
        (INDEX, big.0, big.1, "4194305 bytes, more than 4194304"),
        (MANIFEST, digest, size, "it has no layers"),
        (INDEX, digest_of(b"?"), 1, "the archive has no blob"),
    ];
    for (kind, digest, size, message) in table {
        let descriptor = Descriptor::new(kind, digest, size);
        let error = archive.manifest(&descriptor).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    }
    let found = archive
        .manifest(&Descriptor::new(INDEX, digest, size))
        .await
        .unwrap();
    assert_eq!(found.bytes(), manifest);
}

#[tokio::test]
async fn the_bytes_do_not_depend_on_who_writes_first() {
    let (_folder, path) = folder();
    let (a, b) = (vec![1; 700_000], vec![2; 1_100_000]);
    let first = written(&path, &[&a, &b, b"c"]).await;

    let (_folder, path) = folder();
    let archive = create(&path, &[b"c", &b, &a]).await.unwrap();
    write(&archive, b"c").await;
    let mut writers = Vec::new();
    for content in [&b, &a] {
        let writer = archive.blob(&digest_of(content)).await.unwrap().unwrap();
        writers.push((writer, content.chunks(1000)));
    }
    // Both are written at the same time, piece by piece.
    loop {
        let mut wrote = false;
        for (writer, chunks) in &mut writers {
            if let Some(chunk) = chunks.next() {
                writer.write(chunk).await.unwrap();
                wrote = true;
            }
        }
        if !wrote {
            break;
        }
    }
    for (writer, _) in writers {
        writer.finish().await.unwrap();
    }
    archive.finish().await.unwrap();
    assert!(std::fs::read(&path).unwrap() == first);
}

#[tokio::test]
async fn entries_say_nothing_about_the_machine() {
    let (_folder, path) = folder();
    let contents: [&[u8]; 4] = [b"a", b"b", b"", &[7; 512]];
    let long = sha512(b"long");
    let blobs = contents
        .iter()
        .map(|content| planned(content))
        .chain([(long, 4)]);
    let archive = ArchiveWriter::create(&path, blobs, NO_IMAGES)
        .await
        .unwrap();
    for content in contents {
        write(&archive, content).await;
    }
    let mut writer = archive.blob(&long).await.unwrap().unwrap();
    writer.write(b"long").await.unwrap();
    writer.finish().await.unwrap();
    archive.finish().await.unwrap();

    let bytes = std::fs::read(&path).unwrap();
    let mut names = Vec::new();
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        assert!(header.as_ustar().is_some(), "{name}");
        assert_eq!(header.entry_type(), EntryType::Regular, "{name}");
        assert_eq!(header.mode().unwrap(), 0o644, "{name}");
        let numbers = [header.uid(), header.gid(), header.mtime()];
        assert_eq!(numbers.map(Result::unwrap), [0; 3], "{name}");
        assert_eq!(header.username_bytes(), Some(b"".as_slice()), "{name}");
        assert_eq!(header.groupname_bytes(), Some(b"".as_slice()), "{name}");
        names.push(name);
    }
    let mut digests: Vec<Digest> = contents.iter().map(|content| digest_of(content)).collect();
    digests.sort();
    digests.push(long);
    let mut expected = vec!["oci-layout".to_owned(), "index.json".to_owned()];
    expected.extend(digests.iter().map(blob_name));
    assert_eq!(names, expected);
    assert!(bytes.ends_with(&END));
    let read_back = Archive::open(&path).await.unwrap();
    assert_eq!(read(&read_back, &long).await, b"long");
}

#[test]
fn a_blob_of_more_than_8_gib_has_its_size_in_the_header() {
    let (first, second) = (Digest::Sha256([1; 32]), Digest::Sha256([2; 32]));
    let size = (8 << 30) + 5;
    let plan = Plan::new([(first, size), (second, 1)], NO_IMAGES).unwrap();
    let header = Header::from_byte_slice(&plan.blobs[&first].header);
    assert_eq!(header.size().unwrap(), size);
    let blobs = &plan.blobs;
    assert_eq!(
        blobs[&second].header_position,
        blobs[&first].position + (8 << 30) + 512
    );
    assert_eq!(plan.length, blobs[&second].position + 512 + 1024);
}

#[tokio::test]
async fn a_plan_that_cannot_be_written_is_refused() {
    let (folder, path) = folder();
    let digest = digest_of(b"");
    let refused = async |path: &Path, blobs: &[(Digest, u64)]| {
        let error = ArchiveWriter::create(path, blobs.to_vec(), NO_IMAGES).await;
        error.unwrap_err().to_string()
    };
    let path = path.as_path();
    let missing = folder.path().join("no/images.tar");
    let too_large = "too large for one archive";
    let table = [
        (
            path,
            vec![(digest, 1), (digest, 2)],
            "should have 1 and 2 bytes",
        ),
        (path, vec![(digest, u64::MAX)], too_large),
        (path, vec![(digest, i64::MAX as u64)], too_large),
        (Path::new("/"), vec![], "the path has no file name"),
        (folder.path(), vec![], "it is not a regular file"),
        (missing.as_path(), vec![], "cannot open the .part file"),
    ];
    for (path, blobs, message) in table {
        let error = refused(path, &blobs).await;
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_is_too_small_is_known_before_anything_is_written() {
    let (folder, path) = folder();
    let error = ArchiveWriter::create(&path, [(digest_of(b""), 1 << 60)], NO_IMAGES)
        .await
        .unwrap_err();
    let ArchiveReason::DiskFull {
        needed,
        free: Some(free),
    } = error.reason
    else {
        panic!("{error}");
    };
    assert_eq!(needed, (1 << 60) + 5 * 512 + 1024);
    assert!(free < needed);
    assert!(
        error
            .to_string()
            .contains(&format!("but only {free} are free"))
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn only_the_right_bytes_complete_a_blob() {
    let (_folder, path) = folder();
    let contents: [&[u8]; 2] = [b"right", b"other"];
    let archive = create(&path, &contents).await.unwrap();
    let digest = digest_of(b"right");
    let table: [(&[u8], &str); 3] = [
        (b"wrong", "it was changed or damaged"),
        (b"righ", "has 4 bytes instead of 5"),
        (b"", "has 0 bytes instead of 5"),
    ];
    for (content, message) in table {
        let mut writer = archive.blob(&digest).await.unwrap().unwrap();
        writer.write(content).await.unwrap();
        let error = writer.finish().await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!archive.is_complete(&digest));
    }
    let mut writer = archive.blob(&digest).await.unwrap().unwrap();
    writer.write(b"rig").await.unwrap();
    let error = writer.write(b"hts").await.unwrap_err().to_string();
    assert!(error.contains("has 6 bytes instead of 5"), "{error}");
    drop(writer);
    write(&archive, b"other").await;
    write(&archive, b"right").await;
    assert!(archive.is_complete(&digest));
    archive.finish().await.unwrap();
    let (_folder, again) = folder();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        written(&again, &contents).await
    );
}

#[tokio::test]
async fn a_blob_that_was_not_planned_is_refused() {
    let (_folder, path) = folder();
    let archive = create(&path, &[b"a"]).await.unwrap();
    let other = digest_of(b"b");
    assert!(!archive.is_complete(&other));
    let error = archive.blob(&other).await.unwrap_err();
    assert!(matches!(error.reason, ArchiveReason::NoBlob { digest } if digest == other));
}

#[tokio::test]
async fn the_second_writer_of_a_blob_waits_for_the_first() {
    let (_folder, path) = folder();
    let archive = create(&path, &[b"a"]).await.unwrap();
    let digest = digest_of(b"a");
    let mut first = archive.blob(&digest).await.unwrap().unwrap();
    let second = archive.blob(&digest);
    let finish = async {
        first.write(b"a").await.unwrap();
        first.finish().await.unwrap();
    };
    let (second, ()) = tokio::join!(second, finish);
    assert!(second.unwrap().is_none(), "the first one completed it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_set_of_blobs_reads_back(
        contents in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..1500), 0..12),
        step in 1..700_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_folder, path) = folder();
            let blobs: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
            let archive = create(&path, &blobs).await.unwrap();
            for content in &blobs {
                let Some(mut writer) = archive.blob(&digest_of(content)).await.unwrap() else {
                    continue;
                };
                for chunk in content.chunks(step) {
                    writer.write(chunk).await.unwrap();
                }
                writer.finish().await.unwrap();
            }
            archive.finish().await.unwrap();
            let archive = Archive::open(&path).await.unwrap();
            for content in &blobs {
                let digest = digest_of(content);
                assert_eq!(archive.size(&digest), Some(content.len() as u64));
                assert_eq!(read(&archive, &digest).await, *content);
            }
        });
    }
}
