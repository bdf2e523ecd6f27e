//! Checks that a repository has everything that an image consists of.

use futures_util::stream::{self, StreamExt as _};
use image_pins::Digest;

use super::client::Client;
use crate::error::{Reason, RegistryError};
use crate::manifests::Manifests;
use crate::model::{Content, Descriptor, Manifest, Platform};
use crate::source::ImageSource;
use crate::tree::Tree;

/// How many blobs are looked for at the same time. The limits of the registry count beside that.
const AT_ONCE: usize = 16;

/// An image of which a repository has everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedImage {
    /// The index or manifest.
    pub descriptor: Descriptor,
    /// The platforms that it is for, in the order of the index, without attestations.
    pub platforms: Vec<Platform>,
    /// The size of all manifests and blobs, each counted once, in bytes.
    pub bytes: u64,
}

impl Client {
    /// Checks that a repository or an archive has an image. The manifests are read and have their digests. The blobs of a
    /// repository are only looked for; those of an archive are read and have their digests.
    ///
    /// # Errors
    /// Something is missing or is not what its digest says, or the registry cannot be reached.
    pub async fn check_image(
        &self,
        source: impl Into<ImageSource>,
        digest: &Digest,
    ) -> Result<CheckedImage, RegistryError> {
        let source = source.into();
        let what = source.at(digest);
        let root = self.read_root(&source, digest).await?;
        let platforms = self.platforms(&source, &root).await?;
        let descriptor = root.descriptor();
        let manifests = Manifests::new(self, &source);
        let tree = Tree::read(&manifests, root, false, &what).await?;
        let foreign = tree.left_out.iter().filter(|blob| match &source {
            ImageSource::Repository(_) => false,
            ImageSource::Archive(archive) => archive.size(&blob.digest).is_some(),
        });
        let blobs: Vec<&Descriptor> = tree.blobs.values().chain(foreign).collect();
        let looks = blobs.iter().map(|blob| self.check_blob(&source, blob));
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(look) = looks.next().await {
            look.map_err(|error| Reason::Incomplete(error.to_string()).at(&what))?;
        }
        let manifests = tree
            .manifests
            .iter()
            .map(|manifest| manifest.bytes().len() as u64);
        let blobs = blobs.iter().map(|blob| blob.size);
        Ok(CheckedImage {
            descriptor,
            platforms,
            bytes: manifests.chain(blobs).fold(0, u64::saturating_add),
        })
    }

    async fn check_blob(
        &self,
        source: &ImageSource,
        blob: &Descriptor,
    ) -> Result<(), RegistryError> {
        let ImageSource::Repository(repository) = source else {
            let mut reader = self.open(source, blob).await?;
            while reader.chunk().await?.is_some() {}
            return Ok(());
        };
        match self.can_read_blob(repository, &blob.digest).await? {
            true => Ok(()),
            false => Err(Reason::NotFound {
                message: String::new(),
            }
            .at(format!("{repository}: the blob {}", blob.digest))),
        }
    }

    /// Returns the platforms of an image: those in the index, or the one in the configuration.
    pub(crate) async fn platforms(
        &self,
        source: &ImageSource,
        root: &Manifest,
    ) -> Result<Vec<Platform>, RegistryError> {
        match &root.content {
            Content::Index(manifests) => {
                let images = manifests.iter().filter(|entry| !entry.is_attestation());
                Ok(images.filter_map(|entry| entry.platform.clone()).collect())
            }
            Content::Image { config, .. } => {
                let bytes = self.read_small(source, config).await?;
                // An artifact has a configuration without a platform.
                Ok(serde_json::from_slice(&bytes).into_iter().collect())
            }
        }
    }
}
