//! A copy to registries: what it would send, and the copy itself.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::{FutureExt as _, join_all};
use futures_util::stream::{self, StreamExt as _};
use image_pins::Digest;

use super::blobs::{BlobKey, Missing, Transfer};
use super::collect::{Collected, refuse_second};
use super::event::{CopyEvent, Observer};
use super::finish::Finish;
use super::{AT_ONCE, CopyImage, CopyOptions, PlannedImage};
use crate::error::{Reason, RegistryError};
use crate::model::Descriptor;
use crate::place::Host;
use crate::remote::Client;
use crate::source::ImageSource;

/// What a copy to registries would do. Nothing is sent before [`run`](CopyPlan::run).
#[derive(Debug)]
pub struct CopyPlan {
    images: Vec<(CopyImage, Result<Collected, RegistryError>)>,
    transfers: BTreeMap<BlobKey, Transfer>,
}

impl Client {
    /// Reads the manifests of images and asks the targets what they have, for [`CopyPlan::run`]. What goes wrong with an
    /// image is in [`CopyPlan::images`], and does not end the others.
    ///
    /// ```no_run
    /// # async fn copy(client: &oci_registry::Client, image: oci_registry::CopyImage) {
    /// use oci_registry::CopyOptions;
    ///
    /// let options = CopyOptions { referrers: true, ..CopyOptions::default() };
    /// let plan = client.plan_copy([image], options).await;
    /// println!("{} blobs with {} bytes", plan.blobs(), plan.bytes());
    /// for copied in plan.run(client, &|_| {}).await {
    ///     match copied {
    ///         Ok(digest) => println!("copied {digest}"),
    ///         Err(error) => println!("failed: {error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn plan_copy(
        &self,
        images: impl IntoIterator<Item = CopyImage>,
        options: CopyOptions,
    ) -> CopyPlan {
        let reads = images.into_iter().map(|image| async move {
            let collected = self.collect(&image, options).await;
            (image, collected)
        });
        let mut images: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let named = images.iter_mut().filter_map(|(image, collected)| {
            let tag = image.tag.as_ref()?;
            Some((format!("{}:{tag}", image.to), collected))
        });
        refuse_second(named);
        let mut transfers: BTreeMap<BlobKey, Transfer> = BTreeMap::new();
        for (image, collected) in &images {
            for blob in collected.iter().flat_map(Collected::blobs) {
                let key = key(image, blob);
                let transfer = transfers.entry(key).or_insert_with(|| Transfer::new(blob));
                transfer.add(&image.from, &image.to);
            }
        }
        let looks = transfers.into_iter().map(|(key, mut transfer)| async move {
            transfer.look(self).await;
            (key, transfer)
        });
        let looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        let transfers: BTreeMap<BlobKey, Transfer> = looks.collect().await;
        let unknown: Vec<Missing> = transfers.values().flat_map(Transfer::unknown).collect();
        for (image, collected) in &mut images {
            let Ok(found) = collected else { continue };
            let has_blobs = keys(image, found).all(|key| {
                let transfer = transfers.get(&key);
                transfer.is_some_and(|transfer| transfer.is_at(&image.to))
            });
            found.is_there = found.has_manifests && found.has_tag && has_blobs;
            if let Some(error) = incomplete(image, found, &unknown) {
                *collected = Err(error);
            }
        }
        CopyPlan { images, transfers }
    }

    async fn collect(
        &self,
        image: &CopyImage,
        options: CopyOptions,
    ) -> Result<Collected, RegistryError> {
        let CopyImage {
            from,
            digest,
            platforms,
            ..
        } = image;
        let target = Some(&image.to);
        let mut collected = Collected::read(self, from, target, digest, platforms, options).await?;
        collected.has_tag = match &image.tag {
            None => true,
            Some(tag) => {
                let root = &collected.root;
                match self.check_tag(&image.to, tag, root, image.move_tag).await {
                    // Artifactory denies access to what does not exist. What really is denied shows at the upload.
                    Err(error) if matches!(error.reason, Reason::Denied { .. }) => false,
                    checked => checked?,
                }
            }
        };
        Ok(collected)
    }
}

impl CopyPlan {
    /// Returns for each image, in the order in which they were given, what is copied, or why it cannot be.
    pub fn images(&self) -> Vec<Result<PlannedImage, &RegistryError>> {
        let collected = self.images.iter().map(|(_, collected)| collected.as_ref());
        collected
            .map(|collected| collected.map(Collected::planned))
            .collect()
    }

    /// Returns how many blobs are to be sent: those that a registry does not have, each once.
    pub fn blobs(&self) -> usize {
        self.transfers.values().filter_map(Transfer::bytes).count()
    }

    /// Returns how many bytes these blobs have.
    pub fn bytes(&self) -> u64 {
        let bytes = self.transfers.values().filter_map(Transfer::bytes);
        // A manifest can name any size.
        bytes.fold(0, u64::saturating_add)
    }

    /// Returns how many manifests were read from each source registry for the plan. Some registries limit that number;
    /// [`run`](CopyPlan::run) reads no more.
    pub fn pulls(&self) -> BTreeMap<Host, usize> {
        let images = self.images.iter();
        count_pulls(images.map(|(image, collected)| (&image.from, collected)))
    }

    /// Copies the images. Returns for each, in the same order, the digest that it has at the target now.
    ///
    /// Blobs that images share are sent once. What is at the target is not sent again, so that a copy that was interrupted
    /// goes on. Each image is finished as soon as its own blobs are there: what refers to it comes after it, and the tag last.
    pub async fn run(
        self,
        client: &Client,
        observer: Observer<'_>,
    ) -> Vec<Result<Digest, RegistryError>> {
        observer(CopyEvent::Planned {
            blobs: self.blobs(),
            bytes: self.bytes(),
        });
        let transfers = self.transfers.into_iter();
        let transfers: HashMap<BlobKey, _> = transfers
            .map(|(key, transfer)| (key, transfer.run(client, observer).shared()))
            .collect();
        let finish = Finish::new(client);
        let images = self.images.into_iter().enumerate();
        let results = images.map(|(position, (image, collected))| {
            let (transfers, finish) = (&transfers, &finish);
            async move {
                let result = match collected {
                    Ok(collected) => {
                        // Several images can wait for one transfer, and none waits for those of others.
                        let own = keys(&image, &collected).filter_map(|key| transfers.get(&key));
                        let missing = join_all(own.cloned()).await.concat();
                        match incomplete(&image, &collected, &missing) {
                            Some(error) => Err(error),
                            None if collected.is_there && collected.attached.is_empty() => {
                                Ok(collected.root.digest())
                            }
                            None => finish.run(&image, &collected).await,
                        }
                    }
                    Err(error) => Err(error),
                };
                observer(CopyEvent::Image {
                    image: position,
                    result: result.as_ref().copied().map_err(ToString::to_string),
                });
                result
            }
        });
        stream::iter(results).buffered(AT_ONCE).collect().await
    }
}

/// Returns what names a blob of an image at its target.
fn key(image: &CopyImage, blob: &Descriptor) -> BlobKey {
    (image.to.host().clone(), blob.digest, blob.size)
}

/// Returns what names the blobs of an image at its target.
fn keys(image: &CopyImage, collected: &Collected) -> impl Iterator<Item = BlobKey> {
    collected.blobs().map(|blob| key(image, blob))
}

/// Returns why an image is not complete, if one of its blobs is missing.
fn incomplete(
    image: &CopyImage,
    collected: &Collected,
    missing: &[Missing],
) -> Option<RegistryError> {
    let missing = missing.iter().find(|missing| {
        let is_it = |blob: &Descriptor| blob.digest == missing.digest && blob.size == missing.size;
        missing.repository == image.to && collected.blobs().any(is_it)
    })?;
    let what = format!("{}@{}", image.to, collected.root.digest());
    Some(Reason::Incomplete(missing.message.clone()).at(what))
}

/// Counts the manifests that were read from registries.
pub(super) fn count_pulls<'i>(
    images: impl Iterator<Item = (&'i ImageSource, &'i Result<Collected, RegistryError>)>,
) -> BTreeMap<Host, usize> {
    let mut pulls = BTreeMap::new();
    for (from, collected) in images {
        if let (Some(repository), Ok(collected)) = (from.repository(), collected) {
            *pulls.entry(repository.host().clone()).or_default() += collected.pulls;
        }
    }
    pulls
}
