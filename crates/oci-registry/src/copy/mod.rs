//! Copies images between registries and archives: each blob once, several at a time, tags last.

mod blobs;
mod collect;
mod event;
mod finish;
mod plan;
mod platforms;
mod save;

pub use event::{BlobOutcome, CopyEvent, Observer};
pub use plan::CopyPlan;
pub use save::SavePlan;

use image_pins::{Digest, Reference, Tag};

use crate::error::RegistryError;
use crate::model::{Descriptor, Platform};
use crate::place::Repository;
use crate::remote::Client;
use crate::source::ImageSource;

/// How many images, and how many blobs, are worked on at the same time. The limits of the registries count beside that.
const AT_ONCE: usize = 16;

/// An image to copy to a registry.
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
    /// The platforms to copy. An empty list copies all. Fewer than the image has change its digest.
    pub platforms: Vec<Platform>,
}

/// An image to write into an archive.
#[derive(Clone, Debug)]
pub struct SaveImage {
    /// Where the image is.
    pub from: ImageSource,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The name that it gets in the archive: `registry.example.com/seaport/harbor:v2.1.0`.
    pub reference: Reference,
    /// The platforms to write. An empty list writes all. Fewer than the image has change its digest.
    pub platforms: Vec<Platform>,
}

/// What is copied besides the images themselves. By default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// Also copies what refers to an image or to one of its manifests: signatures, attestations, lists of contents. They
    /// are at the tags that cosign sets, and among the referrers. An image fails if one of them cannot be copied.
    pub referrers: bool,
    /// Also copies layers that registries usually do not have because their licenses forbid it. They are fetched from
    /// where their descriptors say.
    pub foreign_layers: bool,
}

/// An image whose manifests are read, so that it is known what a copy would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedImage {
    /// The digest that it has at the target: another one than at the source if platforms are left out.
    pub digest: Digest,
    /// The platforms that are copied, in the order of the index. None for an image without an index.
    pub platforms: Vec<Platform>,
    /// How many signatures and other manifests that refer to it are copied.
    pub referrers: usize,
    /// Listed referrers that are not copied: the source no longer has them, or they have an unknown type.
    pub skipped_referrers: Vec<Digest>,
    /// Layers that are not copied, because their licenses forbid it.
    pub left_out: Vec<Descriptor>,
    /// Whether the registry that it is copied to had all of it, and the tag, when the copy was planned.
    pub is_there: bool,
}

impl Client {
    /// Copies images without what refers to them. Returns for each, in the same order, the digest that it has there now.
    ///
    /// It is the short form of [`Client::plan_copy`] and [`CopyPlan::run`].
    pub async fn copy(
        &self,
        images: impl IntoIterator<Item = CopyImage>,
        observer: Observer<'_>,
    ) -> Vec<Result<Digest, RegistryError>> {
        let plan = self.plan_copy(images, CopyOptions::default()).await;
        plan.run(self, observer).await
    }
}
