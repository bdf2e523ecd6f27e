//! Images in a file: an OCI image layout (image-layout.md) in a tar archive, which goes where no registry is.
//!
//! [`Client::plan_save`](crate::Client::plan_save) makes an archive whose bytes depend on nothing but its images. [`Archive`]
//! reads those of other programs, too, and refuses what programs read in different ways.
//!
//! `index.json` lists the images with the names that other programs look for. What is about an image, such as a signature,
//! is listed without a name, since programs that unpack every named image would fail. It has one of two annotations, from
//! which it is found when the image is copied from the archive:
//!
//! - `vnd.oci-registry.tag`: the tag that it had in the repository of its image (`sha256-….sig`);
//! - `vnd.oci-registry.subject`: the digest of the manifest to which it refers.

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

pub use error::{ArchiveError, ArchiveReason};
pub use index::NamedImage;
pub(crate) use index::{LinkedManifest, index_json};
pub use reader::Archive;
pub(crate) use reader::BlobReader;
pub use unfinished::check_writable;
pub(crate) use writer::ArchiveWriter;

use image_pins::Digest;

/// The file that makes a folder an image layout.
const LAYOUT_FILE: &str = "oci-layout";
/// The file that lists the images.
const INDEX_FILE: &str = "index.json";
/// Its largest size, in bytes.
const LARGEST_INDEX: u64 = 4 << 20;

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
