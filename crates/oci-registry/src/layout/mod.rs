//! Images in a file: an OCI image layout (image-layout.md) in a tar archive, which goes where no registry is.
//!
//! [`ArchiveWriter`] makes an archive whose bytes depend on nothing but its images. [`Archive`] reads those of other
//! programs, too, and refuses what programs read in different ways.

mod blob_writer;
mod entries;
mod error;
mod file;
mod index;
mod pax;
mod plan;
mod reader;
mod unfinished;
mod writer;

pub use blob_writer::BlobWriter;
pub use error::{ArchiveError, ArchiveReason};
pub use index::{NamedImage, index_json};
pub use reader::{Archive, BlobReader};
pub use writer::ArchiveWriter;

use image_pins::Digest;

/// The file that makes a folder an image layout.
const LAYOUT_FILE: &str = "oci-layout";
/// The file that lists the images.
const INDEX_FILE: &str = "index.json";

/// Returns the name of the file with this content (image-layout.md, "Blobs").
fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

/// Returns the digest of the content of the file with this name.
fn digest_of_name(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

#[cfg(test)]
mod tests;
