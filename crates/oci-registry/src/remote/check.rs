//! Checks that a repository has everything that an image consists of.

use futures_util::stream::{self, StreamExt as _};
use image_pins::Digest;

use super::client::Client;
use crate::error::{Reason, RegistryError};
use crate::model::{Content, Descriptor, Manifest, Platform};
use crate::place::Repository;
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
    /// Checks that a repository has an image: the manifests, which are read and have their digests, and the blobs, which
    /// are only looked for.
    ///
    /// # Errors
    /// Something is missing or is not what its digest says, or the registry cannot be reached.
    pub async fn check_image(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<CheckedImage, RegistryError> {
        let what = format!("{repository}@{digest}");
        let source = ImageSource::Repository(repository.clone());
        let root = self.manifest(repository, digest).await?;
        let platforms = self.platforms(&source, &root).await?;
        let descriptor = root.descriptor();
        let tree = Tree::read(self, &source, root, &what).await?;
        let looks = tree.blobs.keys().map(|blob| async move {
            match self.can_read_blob(repository, blob).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Reason::NotFound {
                    message: String::new(),
                }
                .at(format!("{repository}: the blob {blob}"))),
                Err(error) => Err(error),
            }
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(look) = looks.next().await {
            look.map_err(|error| Reason::Incomplete(error.to_string()).at(&what))?;
        }
        let manifests = tree
            .manifests
            .iter()
            .map(|manifest| manifest.bytes().len() as u64);
        let blobs = tree.blobs.values().map(|blob| blob.size);
        Ok(CheckedImage {
            descriptor,
            platforms,
            bytes: manifests.chain(blobs).fold(0, u64::saturating_add),
        })
    }

    /// Returns the platforms of an image: those in the index, or the one in the configuration.
    async fn platforms(
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
