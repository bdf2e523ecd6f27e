//! Where content is copied from: a repository of a registry, or an archive.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use image_pins::Digest;

use crate::error::{Reason, RegistryError};
use crate::hash::Hasher;
use crate::layout::{self, Archive, ArchiveError};
use crate::limits;
use crate::model::{Descriptor, Manifest};
use crate::place::Repository;
use crate::remote::{BlobReader, Client};

/// Where content is copied from.
#[derive(Clone, Debug)]
pub enum ImageSource {
    /// A repository of a registry.
    Repository(Repository),
    /// An OCI layout in a tar archive.
    Archive(Arc<Archive>),
}

impl ImageSource {
    /// Returns the repository, if it is one.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match self {
            ImageSource::Repository(repository) => Some(repository),
            ImageSource::Archive(_) => None,
        }
    }

    /// Returns whether both are the same place.
    pub(crate) fn is(&self, other: &ImageSource) -> bool {
        match (self, other) {
            (ImageSource::Repository(one), ImageSource::Repository(other)) => one == other,
            (ImageSource::Archive(one), ImageSource::Archive(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn at(&self, digest: &Digest) -> String {
        match self {
            ImageSource::Repository(repository) => format!("{repository}@{digest}"),
            ImageSource::Archive(_) => digest.to_string(),
        }
    }
}

/// Content as it comes from a source. It is what its descriptor says, or the last call fails.
pub(crate) enum Reader {
    Remote(Box<BlobReader>),
    Archive(Box<ArchiveReader>),
}

/// A blob of an archive.
pub(crate) struct ArchiveReader {
    reader: layout::BlobReader,
    /// The hash of what was read; `None` once it was compared.
    hasher: Option<Hasher>,
    wanted: Digest,
}

impl Client {
    /// Reads a manifest that an index names, or that a user names by its digest alone.
    pub(crate) async fn read_manifest(
        &self,
        source: &ImageSource,
        wanted: &Descriptor,
    ) -> Result<Manifest, RegistryError> {
        match source {
            ImageSource::Repository(repository) => self.manifest(repository, &wanted.digest).await,
            ImageSource::Archive(archive) => {
                let manifest = archive.manifest(wanted).await;
                manifest.map_err(|e| in_archive(e, source, &wanted.digest))
            }
        }
    }

    /// Opens a blob.
    pub(crate) async fn open(
        &self,
        source: &ImageSource,
        blob: &Descriptor,
    ) -> Result<Reader, RegistryError> {
        Ok(match source {
            ImageSource::Repository(repository) => {
                Reader::Remote(Box::new(self.blob(repository, blob).await?))
            }
            ImageSource::Archive(archive) => {
                let reader = archive.blob(&blob.digest);
                let reader = reader.map_err(|e| in_archive(e, source, &blob.digest))?;
                let expected = blob.size;
                if let Some(actual) = archive.size(&blob.digest).filter(|size| *size != expected) {
                    return Err(Reason::Size { expected, actual }.at(source.at(&blob.digest)));
                }
                Reader::Archive(Box::new(ArchiveReader {
                    reader,
                    hasher: Some(Hasher::new(blob.digest.algorithm())),
                    wanted: blob.digest,
                }))
            }
        })
    }

    /// Reads a blob that has to be small: a configuration, a signature.
    pub(crate) async fn read_small(
        &self,
        source: &ImageSource,
        blob: &Descriptor,
    ) -> Result<Bytes, RegistryError> {
        if blob.size > limits::SMALL_BLOB {
            let large = Reason::TooLarge {
                what: "the content",
                limit: limits::SMALL_BLOB,
            };
            return Err(large.at(source.at(&blob.digest)));
        }
        let mut reader = self.open(source, blob).await?;
        let mut read = BytesMut::new();
        while let Some(piece) = reader.chunk().await? {
            read.extend_from_slice(&piece);
        }
        Ok(read.freeze())
    }
}

impl Reader {
    /// Waits for the next bytes. Returns `None` once everything has come.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        match self {
            Reader::Remote(reader) => reader.chunk().await,
            Reader::Archive(reader) => reader.chunk().await,
        }
    }
}

impl ArchiveReader {
    async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        let piece = self.reader.chunk().await;
        let piece = piece.map_err(|e| Reason::Archive(Box::new(e)).at(self.wanted))?;
        if let (Some(piece), Some(hasher)) = (&piece, &mut self.hasher) {
            hasher.update(piece);
        } else {
            let actual = self.hasher.take().map(Hasher::finish);
            if let Some(actual) = actual.filter(|actual| *actual != self.wanted) {
                return Err(Reason::Digest { actual }.at(self.wanted));
            }
        }
        Ok(piece)
    }
}

fn in_archive(error: ArchiveError, source: &ImageSource, digest: &Digest) -> RegistryError {
    Reason::Archive(Box::new(error)).at(source.at(digest))
}
