//! What can go wrong with an archive of images.

use std::io;
use std::path::{Path, PathBuf};

use image_pins::Digest;

use crate::model::ManifestError;

/// Why an archive could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct ArchiveError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    #[source]
    pub reason: ArchiveReason,
}

/// What went wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveReason {
    /// The operating system refuses an operation.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried: `read the file`.
        action: &'static str,
        /// Why it is refused.
        source: io::Error,
    },
    /// The archive does not fit on the disk.
    #[error("the disk is full: the archive needs {needed} more bytes{}", free_bytes(*.free))]
    DiskFull {
        /// How many bytes are missing to the whole archive, at most.
        needed: u64,
        /// How many bytes are free, if the operating system tells.
        free: Option<u64>,
    },
    /// Another process writes the same archive.
    #[error(
        "another process is writing this file: wait until it has finished, or choose another file"
    )]
    Locked,
    /// It is a folder, a pipe or a device.
    #[error("it is not a regular file: choose another path")]
    NotAFile,
    /// The folder of the file does not exist.
    #[error("the folder {} does not exist", .folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The path ends without a name.
    #[error("the path has no file name: add one, such as images.tar")]
    NoFileName,
    /// The blobs have more bytes than a file can have.
    #[error("the blobs are too large for one archive")]
    TooLarge,
    /// Two descriptors disagree about the size of a blob.
    #[error("the blob {digest} should have {first} and {second} bytes: an image is damaged")]
    SizeConflict {
        /// The blob.
        digest: Digest,
        /// One size.
        first: u64,
        /// The other size.
        second: u64,
    },
    /// The archive does not list the image.
    #[error("the archive has no image {digest}")]
    NoImage {
        /// The digest of its index or manifest.
        digest: Digest,
    },
    /// The blob does not belong to this archive.
    #[error("the archive has no blob {digest}: it is incomplete or was made for other platforms")]
    NoBlob {
        /// The blob.
        digest: Digest,
    },
    /// The blob has a different size than its descriptor says.
    #[error("the blob {digest} has {actual} bytes instead of {expected}")]
    Size {
        /// The blob.
        digest: Digest,
        /// The size of the descriptor.
        expected: u64,
        /// The size found; where bytes are still to come, the size so far.
        actual: u64,
    },
    /// The bytes of a blob have a different digest.
    #[error(
        "the content of the blob {expected} has the digest {actual}: it was changed or damaged"
    )]
    Digest {
        /// The digest of the descriptor.
        expected: Digest,
        /// The digest of the bytes. In a box, because results should be small.
        actual: Box<Digest>,
    },
    /// The archive cannot be finished: blobs are missing.
    #[error("{missing} blobs are missing, for example {example}: rerun the same command to resume")]
    Incomplete {
        /// How many blobs are missing.
        missing: usize,
        /// One of them.
        example: Digest,
    },
    /// A blob cannot be written further, because writing it failed or was stopped before.
    #[error("writing the blob {digest} was interrupted: rerun the same command to resume")]
    Interrupted {
        /// The blob.
        digest: Digest,
    },
    /// The archive is compressed.
    #[error("it is compressed: unpack it first, for example with `{command}`")]
    Compressed {
        /// The command that unpacks it.
        command: String,
    },
    /// The file ends too early.
    #[error("it is truncated: it ends at byte {length} in {place}; copy it again")]
    Truncated {
        /// The length of the file.
        length: u64,
        /// Where it ends: an entry, or a header.
        place: String,
    },
    /// Something is not what the tar format says.
    #[error("it is not a valid tar archive: {problem} at byte {position}")]
    Damaged {
        /// What is wrong.
        problem: &'static str,
        /// Where it is wrong.
        position: u64,
    },
    /// An entry that is dangerous, or that programs read in different ways.
    #[error("its entry {entry:?} is refused: {why}; make the archive again with a tool for images")]
    Refused {
        /// The name of the entry.
        entry: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// An entry is larger than allowed.
    #[error("its entry {entry:?} has {size} bytes, more than {limit}")]
    EntryTooLarge {
        /// The name of the entry.
        entry: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// There are too many entries.
    #[error("it has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// A file that every layout has is missing.
    #[error(
        "it is not an OCI image layout: it has no {file}; save the images with a tool that writes OCI archives"
    )]
    NotALayout {
        /// The missing file.
        file: &'static str,
    },
    /// The layout has a version that this crate does not know.
    #[error("its image layout has the version {found:?}; only versions 1.x are supported")]
    Version {
        /// The version.
        found: String,
    },
    /// A file of the layout is not JSON, or a field is missing.
    #[error("its entry {entry:?} is not valid: {problem}")]
    Json {
        /// The name of the entry.
        entry: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A blob is not a manifest.
    #[error("the manifest {digest}: {source}")]
    Manifest {
        /// The blob.
        digest: Digest,
        /// What is wrong.
        source: Box<ManifestError>,
    },
}

impl ArchiveReason {
    /// Returns this reason for a file.
    pub(super) fn at(self, path: &Path) -> ArchiveError {
        ArchiveError {
            path: path.to_owned(),
            reason: self,
        }
    }

    /// Returns the reason for an error of the operating system.
    pub(super) fn io(action: &'static str) -> impl FnOnce(io::Error) -> ArchiveReason {
        move |source| ArchiveReason::Io { action, source }
    }
}

fn free_bytes(free: Option<u64>) -> String {
    match free {
        Some(free) => format!(", but only {free} are free; free some space or choose another path"),
        None => "; free some space or choose another path".to_owned(),
    }
}
