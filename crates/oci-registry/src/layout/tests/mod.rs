//! Tests of archives, and what they share.

mod foreign;
mod naming;
mod refused;
mod resuming;
mod writing;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image_pins::{Algorithm, Digest};
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::{Archive, ArchiveError, ArchiveReason, ArchiveWriter, blob_name};
use crate::digest_of;
use crate::hash::Hasher;

/// The end of an archive.
const END: [u8; 1024] = [0; 1024];
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const NO_IMAGES: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.tar");
    (folder, path)
}

/// Digest and size of a content.
fn planned(content: &[u8]) -> (Digest, u64) {
    (digest_of(content), content.len() as u64)
}

fn sha512(content: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(content);
    hasher.finish()
}

/// How long a program may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Creates an archive that nothing else writes. Another test may be starting a program: until that is executed, its process
/// keeps the lock of an archive that was dropped, which is awaited here.
async fn create(path: &Path, contents: &[&[u8]]) -> Result<ArchiveWriter, ArchiveError> {
    let begun = Instant::now();
    loop {
        match create_now(path, contents).await {
            Err(error)
                if matches!(error.reason, ArchiveReason::Locked) && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            created => return created,
        }
    }
}

async fn create_now(path: &Path, contents: &[&[u8]]) -> Result<ArchiveWriter, ArchiveError> {
    let blobs = contents.iter().map(|content| planned(content));
    ArchiveWriter::create(path, blobs, NO_IMAGES).await
}

async fn write(archive: &ArchiveWriter, content: &[u8]) {
    let writer = archive.blob(&digest_of(content)).await.unwrap();
    let mut writer = writer.expect("the blob is not complete");
    writer.write(content).await.unwrap();
    writer.finish().await.unwrap();
}

/// Writes a whole archive and returns its bytes.
async fn written(path: &Path, contents: &[&[u8]]) -> Vec<u8> {
    let archive = create(path, contents).await.unwrap();
    for content in contents {
        if !archive.is_complete(&digest_of(content)) {
            write(&archive, content).await;
        }
    }
    archive.finish().await.unwrap();
    std::fs::read(path).unwrap()
}

async fn read(archive: &Archive, digest: &Digest) -> Vec<u8> {
    let mut reader = archive.blob(digest, archive.size(digest).unwrap()).unwrap();
    let mut content = Vec::new();
    while let Some(chunk) = reader.chunk().await.unwrap() {
        assert!(!chunk.is_empty());
        content.extend(chunk);
    }
    content
}

/// Returns the path of the unfinished file.
fn part(path: &Path) -> PathBuf {
    path.with_extension("tar.part")
}

/// Returns a header and a content, which may be hostile.
fn entry(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    sized_entry(name, kind, content, content.len() as u64)
}

/// Returns an entry whose header says that it has this size.
fn sized_entry(name: &str, kind: EntryType, content: &[u8], size: u64) -> Vec<u8> {
    edited_entry(name, kind, content, |header| header.set_size(size))
}

/// Returns an entry with an edited header.
fn edited_entry(
    name: &str,
    kind: EntryType,
    content: &[u8],
    edit: impl FnOnce(&mut Header),
) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mtime(1_700_000_000);
    header.set_size(content.len() as u64);
    edit(&mut header);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(name, EntryType::Regular, content)
}

/// Returns what every layout has.
fn layout() -> Vec<u8> {
    [file("oci-layout", LAYOUT), file("index.json", NO_IMAGES)].concat()
}

/// Opens an archive of these bytes.
async fn open(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    let (_folder, path) = folder();
    std::fs::write(&path, bytes).unwrap();
    Archive::open(&path).await
}
