//! What happens during a copy, for those who show it.

use image_pins::Digest;

use crate::model::Descriptor;
use crate::place::Repository;

/// What happens during a copy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CopyEvent {
    /// The copy begins: this is to be sent.
    Planned {
        /// The number of blobs.
        blobs: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// Bytes of a blob were sent for the first time. Bytes that are sent again do not count, so the sum is never more than
    /// the sizes of all blobs.
    Sent(u64),
    /// A blob is where it belongs.
    Blob {
        /// The blob.
        blob: Box<Descriptor>,
        /// The repository; `None` for an archive.
        repository: Option<Repository>,
        /// How it came there.
        how: BlobOutcome,
    },
    /// An image is complete, or failed.
    Image {
        /// Its position in the list of images.
        image: usize,
        /// The digest that it has there, or the error as text.
        result: Result<Digest, String>,
    },
}

/// How a blob came to where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOutcome {
    /// It was there.
    Present,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Sent,
}

/// Called with everything that happens during a copy.
pub type Observer<'o> = &'o (dyn Fn(CopyEvent) + Sync);
