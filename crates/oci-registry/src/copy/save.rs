//! A copy into an archive: what it would write, and the copy itself.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::stream::{self, StreamExt as _};
use image_pins::Digest;

use super::blobs::Progress;
use super::collect::{Collected, refuse_second};
use super::event::{BlobOutcome, CopyEvent, Observer};
use super::plan::count_pulls;
use super::{AT_ONCE, CopyOptions, PlannedImage, SaveImage};
use crate::error::{Reason, RegistryError};
use crate::layout::{ArchiveError, ArchiveWriter, LinkedManifest, NamedImage, index_json};
use crate::model::{Descriptor, Manifest};
use crate::place::Host;
use crate::remote::Client;
use crate::source::ImageSource;

/// What would be written into an archive. Nothing is written before [`run`](SavePlan::run).
#[derive(Debug)]
pub struct SavePlan {
    images: Vec<(SaveImage, Result<Collected, RegistryError>)>,
}

/// A blob and the places that have it.
#[derive(Debug)]
struct Transfer<'p> {
    blob: &'p Descriptor,
    from: Vec<&'p ImageSource>,
}

impl Client {
    /// Reads the manifests of images, for [`SavePlan::run`]. What goes wrong with an image is in [`SavePlan::images`].
    pub async fn plan_save(
        &self,
        images: impl IntoIterator<Item = SaveImage>,
        options: CopyOptions,
    ) -> SavePlan {
        let reads = images.into_iter().map(|image| async move {
            let SaveImage {
                from,
                digest,
                platforms,
                ..
            } = &image;
            let collected = Collected::read(self, from, None, digest, platforms, options).await;
            (image, collected)
        });
        let mut images: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let named = images.iter_mut();
        refuse_second(named.map(|(image, collected)| (image.reference.to_string(), collected)));
        SavePlan { images }
    }
}

impl SavePlan {
    /// Returns for each image, in the order in which they were given, what is written, or why it cannot be.
    pub fn images(&self) -> Vec<Result<PlannedImage, &RegistryError>> {
        let collected = self.images.iter().map(|(_, collected)| collected.as_ref());
        collected
            .map(|collected| collected.map(Collected::planned))
            .collect()
    }

    /// Returns how many blobs the archive has besides manifests, each once.
    pub fn blobs(&self) -> usize {
        self.transfers().len()
    }

    /// Returns how many bytes these blobs have.
    pub fn bytes(&self) -> u64 {
        let sizes = self.transfers().into_values().map(|t| t.blob.size);
        // A manifest can name any size.
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns how many manifests were read from each source registry for the plan. Some registries limit that number;
    /// [`run`](SavePlan::run) reads no more.
    pub fn pulls(&self) -> BTreeMap<Host, usize> {
        let images = self.images.iter();
        count_pulls(images.map(|(image, collected)| (&image.from, collected)))
    }

    fn transfers(&self) -> BTreeMap<Digest, Transfer<'_>> {
        let mut transfers = BTreeMap::new();
        for (image, collected) in &self.images {
            for blob in collected.iter().flat_map(Collected::blobs) {
                let new = || Transfer {
                    blob,
                    from: Vec::new(),
                };
                let transfer = transfers.entry(blob.digest).or_insert_with(new);
                if !transfer.from.iter().any(|known| known.is(&image.from)) {
                    transfer.from.push(&image.from);
                }
            }
        }
        transfers
    }

    /// Writes the archive. Returns for each image, in the same order, the digest that it has there.
    ///
    /// The archive gets its name only when all images are in it. Until then, it is `FILE.part`, which the same call
    /// resumes, and an older file of that name stays.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub async fn run(
        self,
        client: &Client,
        path: &Path,
        observer: Observer<'_>,
    ) -> Result<Vec<Result<Digest, RegistryError>>, ArchiveError> {
        if self.images.iter().any(|(_, collected)| collected.is_err()) {
            return Ok(self.results(&BTreeMap::new(), observer));
        }
        let named: Vec<NamedImage> = self
            .images
            .iter()
            .filter_map(|(image, collected)| {
                Some(NamedImage {
                    descriptor: collected.as_ref().ok()?.root.descriptor(),
                    reference: image.reference.to_string(),
                })
            })
            .collect();
        let all = || self.images.iter().flat_map(|(_, collected)| collected);
        let manifests: Vec<&Manifest> = all().flat_map(Collected::manifests).collect();
        let transfers = self.transfers();
        let sizes = manifests
            .iter()
            .map(|m| (m.digest(), m.bytes().len() as u64));
        // Images that disagree about a size are an error.
        let blobs = all().flat_map(Collected::blobs);
        let sizes = sizes.chain(blobs.map(|blob| (blob.digest, blob.size)));
        let linked: Vec<LinkedManifest> = all()
            .flat_map(|collected| &collected.attached)
            .map(|attached| LinkedManifest {
                descriptor: attached.root.referrer_descriptor(),
                link: attached.link.clone(),
            })
            .collect();
        let writer = ArchiveWriter::create(path, sizes, &index_json(&named, &linked)).await?;
        let is_missing = |transfer: &&Transfer<'_>| !writer.is_complete(&transfer.blob.digest);
        let missing = || transfers.values().filter(is_missing);
        observer(CopyEvent::Planned {
            blobs: missing().count(),
            bytes: missing().map(|t| t.blob.size).fold(0, u64::saturating_add),
        });
        for manifest in manifests {
            if let Some(mut blob) = writer.blob(&manifest.digest()).await? {
                blob.write(manifest.bytes()).await?;
                blob.finish().await?;
            }
        }
        let runs = transfers
            .values()
            .map(|transfer| transfer.run(client, &writer, observer));
        let mut runs = stream::iter(runs).buffer_unordered(AT_ONCE);
        let mut failed = BTreeMap::new();
        while let Some(result) = runs.next().await {
            if let Some((digest, error)) = result? {
                failed.insert(digest, error.to_string());
            }
        }
        drop(runs);
        if failed.is_empty() {
            writer.finish().await?;
        }
        drop(transfers);
        Ok(self.results(&failed, observer))
    }

    /// Returns the result of each image after the blobs in `failed` could not be written.
    fn results(
        self,
        failed: &BTreeMap<Digest, String>,
        observer: Observer<'_>,
    ) -> Vec<Result<Digest, RegistryError>> {
        let is_refused = self.images.iter().any(|(_, collected)| collected.is_err());
        let is_unfinished = is_refused || !failed.is_empty();
        let images = self.images.into_iter().enumerate();
        let results = images.map(|(position, (image, collected))| {
            let result = collected.and_then(|collected| {
                let what = format!("{}@{}", image.reference, collected.root.digest());
                match collected.blobs().find_map(|blob| failed.get(&blob.digest)) {
                    Some(message) => Err(Reason::Incomplete(message.clone()).at(what)),
                    None if is_unfinished => Err(Reason::Unfinished.at(what)),
                    None => Ok(collected.root.digest()),
                }
            });
            observer(CopyEvent::Image {
                image: position,
                result: result.as_ref().copied().map_err(ToString::to_string),
            });
            result
        });
        results.collect()
    }
}

impl Transfer<'_> {
    /// Writes the blob from the first source that has it. Returns why none has it.
    async fn run(
        &self,
        client: &Client,
        writer: &ArchiveWriter,
        observer: Observer<'_>,
    ) -> Result<Option<(Digest, RegistryError)>, ArchiveError> {
        let progress = Progress::new(observer);
        let report = |how| {
            observer(CopyEvent::Blob {
                blob: Box::new(self.blob.clone()),
                repository: None,
                how,
            });
        };
        if writer.is_complete(&self.blob.digest) {
            report(BlobOutcome::Present);
            return Ok(None);
        }
        let mut first = None;
        for from in &self.from {
            let mut reader = match client.open(from, self.blob).await {
                Ok(reader) => reader,
                Err(error) => {
                    first = first.or(Some(error));
                    continue;
                }
            };
            let Some(mut blob) = writer.blob(&self.blob.digest).await? else {
                report(BlobOutcome::Present);
                return Ok(None);
            };
            let mut position = 0;
            let end = loop {
                match reader.chunk().await {
                    Ok(Some(piece)) => {
                        blob.write(&piece).await?;
                        position += piece.len() as u64;
                        progress.reach(position);
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            match end {
                Ok(()) => {
                    blob.finish().await?;
                    report(BlobOutcome::Sent);
                    return Ok(None);
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Ok(first.map(|error| (self.blob.digest, error)))
    }
}
