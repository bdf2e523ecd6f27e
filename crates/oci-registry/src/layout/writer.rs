//! Writes an archive: several blobs at the same time, each at its place.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use image_pins::Digest;

use super::blob_writer::BlobWriter;
use super::error::{ArchiveError, ArchiveReason};
use super::file::blocking;
use super::plan::Plan;
use super::unfinished::Unfinished;

/// Writes an archive of images.
///
/// The content goes into `FILE.part`, which [`finish`](ArchiveWriter::finish) renames. Without that, `FILE.part` stays,
/// and a writer for the same blobs resumes it.
#[derive(Debug)]
pub(crate) struct ArchiveWriter {
    archive: Arc<Unfinished>,
}

impl ArchiveWriter {
    /// Starts an archive, or resumes one.
    ///
    /// `blobs` are the digests and sizes of all blobs, manifests included. `index_json` is what
    /// [`index_json`](super::index_json) returns. Blobs that an earlier writer left are hashed; those that are whole are
    /// complete from the beginning.
    ///
    /// # Errors
    /// The file cannot be created, another process writes it, or the blobs do not fit on the disk.
    pub async fn create(
        path: &Path,
        blobs: impl IntoIterator<Item = (Digest, u64)>,
        index_json: &[u8],
    ) -> Result<ArchiveWriter, ArchiveError> {
        let plan = Plan::new(blobs, index_json).map_err(|reason| reason.at(path))?;
        let target = path.to_owned();
        let archive = blocking(move || Unfinished::create(target, plan))
            .await
            .map_err(|reason| reason.at(path))?;
        Ok(ArchiveWriter {
            archive: Arc::new(archive),
        })
    }

    /// Returns whether a blob is in the archive with all its bytes.
    pub fn is_complete(&self, digest: &Digest) -> bool {
        let state = self.archive.blobs.get(digest);
        state.is_some_and(|state| state.is_complete.load(Ordering::Acquire))
    }

    /// Returns a writer for a blob, from its first byte; `None` if the blob is complete.
    ///
    /// If there is another writer for the same blob, it waits until that one is finished or dropped.
    ///
    /// # Errors
    /// The blob was not named when the archive was created.
    pub async fn blob(&self, digest: &Digest) -> Result<Option<BlobWriter>, ArchiveError> {
        let archive = Arc::clone(&self.archive);
        let (Some(state), Some(plan)) = (archive.blobs.get(digest), archive.plan.blobs.get(digest))
        else {
            return Err(ArchiveReason::NoBlob { digest: *digest }.at(&archive.path));
        };
        let turn = Arc::clone(&state.turn).lock_owned().await;
        if state.is_complete.load(Ordering::Acquire) {
            return Ok(None);
        }
        let (position, size) = (plan.position, plan.size);
        Ok(Some(BlobWriter::new(
            archive, *digest, position, size, turn,
        )))
    }

    /// Gives the archive its name, after everything is on the disk. A file of that name is replaced.
    ///
    /// # Errors
    /// Blobs are missing, or the operating system refuses it. `FILE.part` stays.
    pub async fn finish(self) -> Result<(), ArchiveError> {
        let archive = self.archive;
        let path = archive.path.clone();
        blocking(move || archive.finish())
            .await
            .map_err(|reason| reason.at(&path))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::super::file;
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_reported_with_its_free_space() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.tar");
        let writer = ArchiveWriter::create(&path, [], b"{}").await.unwrap();
        let full = |_: &File| {
            let mut device = File::options().write(true).open("/dev/full")?;
            device.write_all(b"x")
        };
        let error = writer.archive.write(full).unwrap_err();
        let free = file::free_space(folder.path());
        assert!(free.is_some());
        assert!(
            matches!(error, ArchiveReason::DiskFull { free: Some(_), .. }),
            "{error}"
        );
    }
}
