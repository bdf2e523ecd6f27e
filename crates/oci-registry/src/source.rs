//! Where content is copied from: a repository of a registry, or an archive.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use image_pins::{Digest, Tag};

use crate::error::{Reason, RegistryError};
use crate::hash::Hasher;
use crate::layout::{self, Archive, ArchiveError};
use crate::limits;
use crate::link::Link;
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

impl From<&Repository> for ImageSource {
    fn from(repository: &Repository) -> ImageSource {
        ImageSource::Repository(repository.clone())
    }
}

impl From<&Arc<Archive>> for ImageSource {
    fn from(archive: &Arc<Archive>) -> ImageSource {
        ImageSource::Archive(Arc::clone(archive))
    }
}

impl From<&ImageSource> for ImageSource {
    fn from(source: &ImageSource) -> ImageSource {
        source.clone()
    }
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

    /// Returns how messages name content.
    pub(crate) fn at(&self, digest: &Digest) -> String {
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

    /// Reads the index or manifest of an image.
    pub(crate) async fn read_root(
        &self,
        source: &ImageSource,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        match source {
            ImageSource::Repository(repository) => self.manifest(repository, digest).await,
            ImageSource::Archive(archive) => {
                let image = archive.image(digest).await;
                image.map_err(|e| in_archive(e, source, digest))
            }
        }
    }

    /// Reads the manifest at a tag that is made of a digest, such as those of cosign. `None` if there is none.
    pub(crate) async fn read_tag(
        &self,
        source: &ImageSource,
        tag: &Tag,
    ) -> Result<Option<Manifest>, RegistryError> {
        match source {
            ImageSource::Repository(repository) => {
                match self.manifest_of_tag(repository, tag).await {
                    Ok(manifest) => Ok(Some(manifest)),
                    Err(error) if error.reason.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            }
            ImageSource::Archive(archive) => match archive.linked(&Link::Tag(tag.clone())).next() {
                Some(found) => self.read_manifest(source, found).await.map(Some),
                None => Ok(None),
            },
        }
    }

    /// Lists the manifests that refer to a manifest. What is listed may have another subject.
    pub(crate) async fn list_referrers(
        &self,
        source: &ImageSource,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        match source {
            ImageSource::Repository(repository) => self.referrers(repository, digest).await,
            ImageSource::Archive(archive) => {
                let link = Link::Subject(*digest);
                Ok(archive.linked(&link).cloned().collect())
            }
        }
    }

    /// Opens a blob. A layer that registries usually do not have comes from where its descriptor says.
    pub(crate) async fn open(
        &self,
        source: &ImageSource,
        blob: &Descriptor,
    ) -> Result<Reader, RegistryError> {
        let is_elsewhere = match source {
            ImageSource::Repository(_) => !blob.urls.is_empty(),
            ImageSource::Archive(archive) => archive.size(&blob.digest).is_none(),
        };
        if blob.is_foreign() && is_elsewhere {
            let reader = self.blob_elsewhere(blob).await?;
            return Ok(Reader::Remote(Box::new(reader)));
        }
        Ok(match source {
            ImageSource::Repository(repository) => {
                Reader::Remote(Box::new(self.blob(repository, blob).await?))
            }
            ImageSource::Archive(archive) => {
                let reader = archive.blob(&blob.digest, blob.size);
                let reader = reader.map_err(|e| in_archive(e, source, &blob.digest))?;
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
        // Several of these are in memory at once, so none has room that it does not need.
        let mut read = BytesMut::with_capacity(usize::try_from(blob.size).unwrap_or_default());
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
                let error = self.reader.wrong_digest(actual);
                return Err(Reason::Archive(Box::new(error)).at(self.wanted));
            }
        }
        Ok(piece)
    }
}

fn in_archive(error: ArchiveError, source: &ImageSource, digest: &Digest) -> RegistryError {
    Reason::Archive(Box::new(error)).at(source.at(digest))
}
