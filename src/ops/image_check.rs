//! Checks the images of an installation at their registries: they are there, complete and signed, and no tag has moved.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use image_pins::{Digest, Reference, Tag};
use oci_registry::layout::Archive;
use oci_registry::model::Platform;
use oci_registry::signature::{PublicKey, Unverified, Verified};
use oci_registry::{Client, Host, ImageSource, RegistryError, Repository};

use crate::mesh::Plan;
use crate::mesh::images::{FoundImage, ResolvedImage, Source};

/// An image to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageToCheck {
    /// Its reference.
    pub reference: Reference,
    /// The tag that has to point at it, or by which it is referenced.
    pub tag: Option<Tag>,
}

impl From<&Reference> for ImageToCheck {
    /// Checks an image with the tag of its reference.
    fn from(reference: &Reference) -> ImageToCheck {
        ImageToCheck {
            reference: reference.clone(),
            tag: reference.tag().and_then(|tag| tag.parse().ok()),
        }
    }
}

impl From<&ResolvedImage> for ImageToCheck {
    /// Checks an image with its own tag, or with that of the release that its digest is compiled in from.
    fn from(image: &ResolvedImage) -> ImageToCheck {
        let own = ImageToCheck::from(&image.reference);
        let release = match image.source {
            Source::CompiledIn(release) => release.parse().ok(),
            _ => None,
        };
        ImageToCheck {
            tag: own.tag.or(release),
            ..own
        }
    }
}

/// Returns what has to be checked of the images that a plan has rendered.
pub fn images_to_check(plan: &Plan, found: &[FoundImage]) -> Vec<ImageToCheck> {
    let resolved = match plan.pins {
        Some(_) => plan.images().unwrap_or_default(),
        None => Vec::new(),
    };
    let check = |found: &FoundImage| {
        let known = resolved
            .iter()
            .find(|image| image.reference == found.reference);
        known.map_or_else(|| ImageToCheck::from(&found.reference), ImageToCheck::from)
    };
    found.iter().map(check).collect()
}

/// What was found about one image at its registry, or in an archive.
#[derive(Debug)]
pub struct ImageCheck {
    /// The reference of the image.
    pub reference: Reference,
    /// The digest that was checked: that of the reference, or the one that its tag points at now.
    pub digest: Option<Digest>,
    /// The platforms that it is for.
    pub platforms: Vec<Platform>,
    /// Where the tag of the image points now.
    pub tag: TagState,
    /// The valid signatures, if they were asked for.
    pub signatures: Option<Verified>,
    /// What does not hold.
    pub problems: Vec<ImageProblem>,
}

/// Where a tag points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagState {
    /// The image has a digest that belongs to no tag.
    None,
    /// The reference has only this tag, so that whoever may push it controls what runs.
    Floating(Tag),
    /// The tag points at the pinned image.
    Holds(Tag),
    /// The repository has no such tag. Mirrors need none.
    Absent(Tag),
    /// The tag points at another image.
    Moved(Tag, Digest),
    /// It could not be found out.
    Unknown(Tag),
}

/// Something about an image that does not hold.
#[derive(Debug)]
pub enum ImageProblem {
    /// The image does not exist or is incomplete, or its registry cannot be reached.
    Registry(Host, RegistryError),
    /// The image is damaged or incomplete in an archive.
    Archive(RegistryError),
    /// The reference has only a tag, which does not exist.
    NoTag(Reference),
    /// The tag was moved.
    TagMoved {
        /// The image.
        image: Reference,
        /// The tag.
        tag: Tag,
        /// The digest of the image, which the tag pointed at before.
        pinned: Digest,
        /// Where it points now.
        found: Digest,
    },
    /// No signature is valid.
    Unsigned(Reference, Unverified),
}

/// How many images are checked at the same time.
pub(super) const AT_ONCE: usize = 4;

/// Checks images at their registries. `checked` is called with each, in their order.
pub async fn check_images(
    client: &Client,
    images: &[ImageToCheck],
    key: Option<&PublicKey>,
    checked: &mut dyn FnMut(&ImageCheck),
) -> Vec<ImageCheck> {
    let checks = images.iter().map(|image| check(client, image, key));
    stream::iter(checks)
        .buffered(AT_ONCE)
        .inspect(checked)
        .collect()
        .await
}

/// Checks images of an archive, by their names and digests. All bytes are read. `checked` is called with each, in their order.
pub async fn check_archive(
    client: &Client,
    archive: &Arc<Archive>,
    images: &[(Reference, Digest)],
    key: Option<&PublicKey>,
    checked: &mut dyn FnMut(&ImageCheck),
) -> Vec<ImageCheck> {
    let source = ImageSource::from(archive);
    let checks = images.iter().map(async |(name, digest)| {
        let mut check = ImageCheck::new(name.clone(), Some(*digest));
        check.look_at_image(client, &source).await;
        check.look_at_signatures(client, &source, key).await;
        check
    });
    stream::iter(checks)
        .buffered(AT_ONCE)
        .inspect(checked)
        .collect()
        .await
}

/// Checks an image at its registry.
pub(super) async fn check(
    client: &Client,
    image: &ImageToCheck,
    key: Option<&PublicKey>,
) -> ImageCheck {
    let reference = &image.reference;
    let repository = Repository::from(reference);
    let source = ImageSource::from(&repository);
    let mut check = ImageCheck::new(reference.clone(), reference.digest().copied());
    if check.digest.is_some() {
        check.look_at_image(client, &source).await;
    }
    if let Some(tag) = image.tag.clone() {
        check.look_at_tag(client, &repository, tag).await;
    }
    if reference.digest().is_none() {
        check.look_at_image(client, &source).await;
    }
    check.look_at_signatures(client, &source, key).await;
    check
}

impl ImageCheck {
    fn new(reference: Reference, digest: Option<Digest>) -> ImageCheck {
        ImageCheck {
            reference,
            digest,
            platforms: Vec::new(),
            tag: TagState::None,
            signatures: None,
            problems: Vec::new(),
        }
    }

    async fn look_at_image(&mut self, client: &Client, source: &ImageSource) {
        let Some(digest) = &self.digest else {
            return;
        };
        match client.check_image(source, digest).await {
            Ok(found) => self.platforms = found.platforms,
            Err(error) => self.problems.push(match source {
                ImageSource::Repository(repository) => {
                    ImageProblem::Registry(repository.host().clone(), error)
                }
                ImageSource::Archive(_) => ImageProblem::Archive(error),
            }),
        }
    }

    async fn look_at_signatures(
        &mut self,
        client: &Client,
        source: &ImageSource,
        key: Option<&PublicKey>,
    ) {
        let (Some(key), Some(digest)) = (key, self.digest) else {
            return;
        };
        match client.verify_signatures(source, &digest, key).await {
            Ok(verified) => self.signatures = Some(verified),
            Err(unverified) => {
                let image = self.reference.with_digest(digest);
                self.problems
                    .push(ImageProblem::Unsigned(image, unverified));
            }
        }
    }

    async fn look_at_tag(&mut self, client: &Client, repository: &Repository, tag: Tag) {
        let reference = &self.reference;
        let found = match client.resolve(repository, &tag).await {
            Ok(found) => found,
            Err(error) => {
                // A registry that cannot be reached is one problem.
                if self.problems.is_empty() {
                    let host = repository.host().clone();
                    self.problems.push(ImageProblem::Registry(host, error));
                }
                self.tag = TagState::Unknown(tag);
                return;
            }
        };
        self.tag = match (self.digest, found) {
            (None, None) => {
                self.problems.push(ImageProblem::NoTag(reference.clone()));
                TagState::Absent(tag)
            }
            (None, Some(found)) => {
                self.digest = Some(found);
                TagState::Floating(tag)
            }
            (Some(_), None) => TagState::Absent(tag),
            (Some(pinned), Some(found)) if pinned == found => TagState::Holds(tag),
            (Some(pinned), Some(found)) => {
                self.problems.push(ImageProblem::TagMoved {
                    image: reference.clone(),
                    tag: tag.clone(),
                    pinned,
                    found,
                });
                TagState::Moved(tag, found)
            }
        };
    }
}
