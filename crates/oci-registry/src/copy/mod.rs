//! Copies images between registries: each blob once, several at a time, tags last.

mod blobs;

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use image_pins::{Digest, Tag};

use crate::error::{Reason, RegistryError};
use crate::model::Descriptor;
use crate::place::Repository;
use crate::remote::Client;
use crate::source::ImageSource;
use crate::tree::Tree;
use blobs::{Missing, Transfer};

/// An image to copy.
#[derive(Clone, Debug)]
pub struct CopyImage {
    /// Where the image is.
    pub from: ImageSource,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Where it is copied to.
    pub to: Repository,
    /// The tag that it gets there once everything else is there.
    pub tag: Option<Tag>,
    /// Whether the tag is moved if it points at another image.
    pub move_tag: bool,
}

/// What happens during a copy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CopyEvent {
    /// The images are read, and this is to be copied at most: blobs and their bytes. What is there already counts.
    Planned {
        /// The number of blobs.
        blobs: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// Bytes of a blob were sent.
    Sent(u64),
    /// A blob is at a repository.
    Blob {
        /// The repository.
        repository: Repository,
        /// The blob.
        blob: Descriptor,
        /// How it came there.
        how: BlobOutcome,
    },
    /// A layer is left out, because registries do not have it.
    LeftOut {
        /// The repository.
        repository: Repository,
        /// The layer.
        blob: Descriptor,
    },
}

/// How a blob came to a repository.
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

/// How many images, and how many blobs, are worked on at the same time. The limits of the registries count beside that.
const AT_ONCE: usize = 16;

impl Client {
    /// Copies images. Returns for each, in the same order, whether it is there now.
    ///
    /// Blobs that images share are sent once. What is at the target is not sent again, so that a copy that was
    /// interrupted goes on. A tag is set last, when everything that it stands for is there.
    pub async fn copy(
        &self,
        images: &[CopyImage],
        observer: Observer<'_>,
    ) -> Vec<Result<(), RegistryError>> {
        let reads = images.iter().map(|image| self.read_tree(image));
        let trees: Vec<Result<Tree, RegistryError>> =
            stream::iter(reads).buffered(AT_ONCE).collect().await;
        // The size counts, too: a manifest that lies about it must not end other images.
        let mut transfers: BTreeMap<(String, Digest, u64), Transfer<'_>> = BTreeMap::new();
        for (image, tree) in images.iter().zip(&trees) {
            let Ok(tree) = tree else { continue };
            for blob in tree.left_out.iter().cloned() {
                observer(CopyEvent::LeftOut {
                    repository: image.to.clone(),
                    blob,
                });
            }
            for (digest, blob) in &tree.blobs {
                let key = (image.to.host().to_string(), *digest, blob.size);
                let transfer = transfers.entry(key).or_insert_with(|| Transfer::new(blob));
                transfer.add(&image.from, &image.to);
            }
        }
        let sizes = transfers.values().map(Transfer::size);
        observer(CopyEvent::Planned {
            blobs: transfers.len(),
            // A manifest can name any size.
            bytes: sizes.fold(0, u64::saturating_add),
        });
        let runs = transfers
            .into_values()
            .map(|transfer| transfer.run(self, observer));
        let failed: Vec<Missing> = stream::iter(runs)
            .buffer_unordered(AT_ONCE)
            .flat_map(stream::iter)
            .collect()
            .await;
        let finish = images.iter().zip(trees).map(|(image, tree)| {
            let failed = &failed;
            async move {
                let tree = tree?;
                let missing = failed.iter().find(|missing| {
                    let blob = tree.blobs.get(&missing.digest);
                    missing.repository == image.to
                        && blob.is_some_and(|blob| blob.size == missing.size)
                });
                match missing {
                    Some(missing) => {
                        let what = format!("{}@{}", image.to, image.digest);
                        Err(Reason::Incomplete(missing.message.clone()).at(what))
                    }
                    None => self.finish(image, &tree).await,
                }
            }
        });
        stream::iter(finish).buffered(AT_ONCE).collect().await
    }

    async fn read_tree(&self, image: &CopyImage) -> Result<Tree, RegistryError> {
        let root = match &image.from {
            ImageSource::Repository(repository) => self.manifest(repository, &image.digest).await?,
            ImageSource::Archive(archive) => {
                let named = archive.images().iter().map(|named| &named.descriptor);
                let Some(descriptor) = named.into_iter().find(|d| d.digest == image.digest) else {
                    let message = "the archive has no such image".to_owned();
                    return Err(Reason::NotFound { message }.at(image.digest));
                };
                self.read_manifest(&image.from, descriptor).await?
            }
        };
        Tree::read(self, &image.from, root, &image.digest.to_string()).await
    }

    /// Sends the manifests of an image whose blobs are there, and sets the tag.
    async fn finish(&self, image: &CopyImage, tree: &Tree) -> Result<(), RegistryError> {
        for manifest in &tree.manifests {
            if !self.has_manifest(&image.to, &manifest.digest()).await? {
                self.put_manifest(&image.to, manifest).await?;
            }
        }
        match (&image.tag, tree.manifests.last()) {
            (Some(tag), Some(root)) => self.set_tag(&image.to, tag, root, image.move_tag).await,
            _ => Ok(()),
        }
    }
}
