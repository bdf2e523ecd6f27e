//! Reads an archive: its images, and the content of its blobs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use image_pins::Digest;
use serde::Deserialize;

use super::entries::{self, Span};
use super::error::{ArchiveError, ArchiveReason};
use super::file::{blocking, read_exact_at};
use super::index::{LinkedManifest, NamedImage, entries_of};
use super::{INDEX_FILE, LAYOUT_FILE};
use crate::hash::Hasher;
use crate::limits;
use crate::link::Link;
use crate::model::{Descriptor, Manifest};

/// How many bytes of a blob are in memory at once.
const PIECE: u64 = 512 << 10;

/// An archive of images that is open for reading.
#[derive(Debug)]
pub struct Archive {
    opened: Arc<Opened>,
    images: Vec<NamedImage>,
    linked: Vec<LinkedManifest>,
    blobs: BTreeMap<Digest, Span>,
}

#[derive(Debug)]
struct Opened {
    file: File,
    path: PathBuf,
}

impl Archive {
    /// Opens an archive and finds its blobs, without reading them.
    ///
    /// # Errors
    /// It is not an image layout in a tar archive, or one that programs read in different ways.
    pub async fn open(path: &Path) -> Result<Archive, ArchiveError> {
        let named = path.to_owned();
        blocking(move || Archive::open_now(named))
            .await
            .map_err(|reason| reason.at(path))
    }

    fn open_now(path: PathBuf) -> Result<Archive, ArchiveReason> {
        let open = ArchiveReason::io("open the file");
        // Opening a pipe would wait for another process.
        let is_file = match fs::metadata(&path) {
            Ok(found) => found.is_file(),
            Err(error) => return Err(open(error)),
        };
        if !is_file {
            return Err(ArchiveReason::NotAFile);
        }
        let opened = Opened {
            file: File::open(&path).map_err(open)?,
            path,
        };
        let found = entries::find(&opened.file, &opened.path, entries::HEADERS)?;
        let layout = found
            .layout
            .ok_or(ArchiveReason::NotALayout { file: LAYOUT_FILE })?;
        check_version(&opened.read(layout, LAYOUT_FILE)?)?;
        let index = found
            .index
            .ok_or(ArchiveReason::NotALayout { file: INDEX_FILE })?;
        let index = opened.read(index, INDEX_FILE)?;
        let (images, linked) = entries_of(index).map_err(|error| ArchiveReason::Json {
            entry: INDEX_FILE,
            problem: error.to_string(),
        })?;
        Ok(Archive {
            opened: Arc::new(opened),
            images,
            linked,
            blobs: found.blobs,
        })
    }

    /// Returns what is about the images: signatures and other referrers.
    pub(crate) fn linked<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = &'a Descriptor> {
        let linked = self
            .linked
            .iter()
            .filter(move |linked| linked.link == *link);
        linked.map(|linked| &linked.descriptor)
    }

    /// Returns the images, in the order of the archive.
    pub fn images(&self) -> &[NamedImage] {
        &self.images
    }

    /// Returns the index or manifest of an image.
    ///
    /// # Errors
    /// The archive does not list it, or as for [`manifest`](Archive::manifest).
    pub(crate) async fn image(&self, digest: &Digest) -> Result<Manifest, ArchiveError> {
        let mut images = self.images.iter().map(|image| &image.descriptor);
        match images.find(|descriptor| descriptor.digest == *digest) {
            Some(descriptor) => self.manifest(descriptor).await,
            None => Err(ArchiveReason::NoImage { digest: *digest }.at(&self.opened.path)),
        }
    }

    /// Returns the size of a blob in bytes; `None` if the archive does not have it.
    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|span| span.size)
    }

    /// Returns the manifest or index of a descriptor.
    ///
    /// # Errors
    /// The archive does not have it, it is larger than 4 MiB, its size, digest or media type is different, or it is not
    /// a manifest.
    pub(crate) async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest, ArchiveError> {
        let at = |reason: ArchiveReason| reason.at(&self.opened.path);
        let digest = descriptor.digest;
        let span = self.span(&digest, descriptor.size)?;
        if span.size > limits::MANIFEST {
            return Err(at(ArchiveReason::EntryTooLarge {
                entry: digest.to_string(),
                size: span.size,
                limit: limits::MANIFEST,
            }));
        }
        let opened = Arc::clone(&self.opened);
        let bytes = blocking(move || opened.read(span, &digest.to_string()))
            .await
            .map_err(at)?;
        let actual = Hasher::same_algorithm(&digest, &bytes);
        if actual != digest {
            return Err(at(ArchiveReason::Digest {
                expected: digest,
                actual: Box::new(actual),
            }));
        }
        Manifest::parse(bytes, Some(&descriptor.media_type))
            .map_err(Box::new)
            .map_err(|source| at(ArchiveReason::Manifest { digest, source }))
    }

    /// Returns a reader for a blob of this size. Who reads it compares its digest.
    ///
    /// # Errors
    /// The archive does not have it, or with another size.
    pub(crate) fn blob(&self, digest: &Digest, size: u64) -> Result<BlobReader, ArchiveError> {
        Ok(BlobReader {
            opened: Arc::clone(&self.opened),
            digest: *digest,
            left: self.span(digest, size)?,
        })
    }

    fn span(&self, digest: &Digest, expected: u64) -> Result<Span, ArchiveError> {
        let digest = *digest;
        let reason = match self.blobs.get(&digest) {
            Some(span) if span.size == expected => return Ok(*span),
            Some(Span { size: actual, .. }) => ArchiveReason::Size {
                digest,
                expected,
                actual: *actual,
            },
            None => ArchiveReason::NoBlob { digest },
        };
        Err(reason.at(&self.opened.path))
    }
}

impl Opened {
    /// Reads a content that was found to be small.
    fn read(&self, span: Span, name: &str) -> Result<Bytes, ArchiveReason> {
        let mut bytes = vec![0; usize::try_from(span.size).unwrap_or_default()];
        match read_exact_at(&self.file, &mut bytes, span.position) {
            Ok(()) => Ok(Bytes::from(bytes)),
            // It was longer when it was opened.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ArchiveReason::Truncated {
                    length: self.file.metadata().map_or(0, |file| file.len()),
                    place: format!("the content of {name}"),
                })
            }
            Err(error) => Err(ArchiveReason::io("read the file")(error)),
        }
    }
}

/// Checks the content of `oci-layout` (image-layout.md, "oci-layout file").
fn check_version(bytes: &[u8]) -> Result<(), ArchiveReason> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Layout {
        image_layout_version: String,
    }
    let layout: Layout = serde_json::from_slice(bytes).map_err(|error| ArchiveReason::Json {
        entry: LAYOUT_FILE,
        problem: error.to_string(),
    })?;
    let found = layout.image_layout_version;
    match found.starts_with("1.") {
        true => Ok(()),
        false => Err(ArchiveReason::Version { found }),
    }
}

/// Reads one blob, from the first byte to the last.
#[derive(Debug)]
pub(crate) struct BlobReader {
    opened: Arc<Opened>,
    digest: Digest,
    /// What is still to be read.
    left: Span,
}

impl BlobReader {
    /// Returns the error for a blob whose bytes have another digest.
    pub(crate) fn wrong_digest(&self, actual: Digest) -> ArchiveError {
        let reason = ArchiveReason::Digest {
            expected: self.digest,
            actual: Box::new(actual),
        };
        reason.at(&self.opened.path)
    }

    /// Returns the next bytes, at most 512 KiB; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or has become shorter.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ArchiveError> {
        let size = self.left.size.min(PIECE);
        if size == 0 {
            return Ok(None);
        }
        let (opened, digest) = (Arc::clone(&self.opened), self.digest);
        let position = self.left.position;
        let bytes = blocking(move || opened.read(Span { position, size }, &digest.to_string()))
            .await
            .map_err(|reason| reason.at(&self.opened.path))?;
        self.left.position += size;
        self.left.size -= size;
        Ok(Some(bytes))
    }
}
