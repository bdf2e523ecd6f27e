//! Chooses the images to copy: those that installations use, by their digests, or those of an archive.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use image_pins::{Digest, Reference, Tag};
use oci_registry::layout::Archive;
use oci_registry::{Client, Host, RegistryError, Repository};

use super::image_check::ImageToCheck;
use super::images::ImageList;
use super::mirror_request::is_component;
use crate::mesh::images::{Pins, RELEASES};
use crate::mesh::{PlanError, Request};

/// Images to copy, each once, and the installations that use them.
#[derive(Debug, Default)]
pub struct ImageSelection {
    /// The installations.
    pub installations: Vec<Request>,
    /// The images.
    pub images: Vec<SelectedImage>,
    /// Whether third-party images of the installations are left out.
    pub leaves_others_out: bool,
}

/// An image to copy.
#[derive(Debug, Clone)]
pub struct SelectedImage {
    /// The component: the name of its published image.
    pub component: String,
    /// The reference by which an installation uses it, or its name in the archive.
    pub reference: Reference,
    /// Its digest at the source.
    pub digest: Digest,
    /// Its own tag, or that of the release that its digest is compiled in from.
    pub tag: Option<Tag>,
    /// The installations that use it.
    pub uses: Vec<Use>,
}

impl SelectedImage {
    /// Returns the whole name, with tag and digest.
    pub(super) fn whole_name(&self) -> Reference {
        whole_name(&self.reference, self.tag.as_ref(), &self.digest)
    }
}

/// Returns the name of a reference with a tag, if there is one, and a digest.
pub(super) fn whole_name(name: &Reference, tag: Option<&Tag>, digest: &Digest) -> Reference {
    let pinned = name.with_digest(*digest);
    let Some(tag) = tag else { return pinned };
    let text = format!("{}:{tag}@{digest}", name.name());
    // Parts of references make up a reference.
    text.parse().unwrap_or(pinned)
}

/// An image of an archive that is not the one that is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherImage {
    /// The image in the archive.
    pub image: Reference,
    /// The release that uses it.
    pub release: &'static str,
    /// The digest that the release uses.
    pub pinned: Digest,
}

/// An installation that uses an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The position of the installation.
    pub installation: usize,
    /// The key of the image in its values.
    pub key: String,
}

/// Why images cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// An installation is not possible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An image has only a tag, which does not exist.
    #[error("{0}: the tag does not exist")]
    NoTag(Reference),
    /// A tag cannot be looked up.
    #[error("{error}")]
    Registry {
        /// The registry.
        host: Host,
        /// Why.
        error: Box<RegistryError>,
    },
    /// The archive does not have images.
    #[error(
        "the archive does not have {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    NotInArchive(Vec<Reference>),
    /// An image in the archive has no whole name.
    #[error("the archive has an image with the name {0:?}, which names no repository")]
    Unnamed(String),
}

/// How many tags are looked up at the same time.
const AT_ONCE: usize = 4;

/// An image that an installation uses, before its digest is known.
struct Wanted {
    image: ImageToCheck,
    component: String,
    uses: Vec<Use>,
}

impl ImageSelection {
    /// Chooses the images of installations: those of the mesh, and with `others`, the third-party ones, too. A tag counts as
    /// the digest that it points at now; `resolved` is called with each.
    ///
    /// # Errors
    /// Wrong input, or a tag cannot be looked up.
    pub async fn from_registries(
        client: &Client,
        installations: Vec<Request>,
        others: bool,
        resolved: &dyn Fn(&Reference, &Digest),
    ) -> Result<ImageSelection, SelectionError> {
        let wanted = wanted(&installations, others)?;
        let images = wanted.into_iter().map(async |wanted| {
            let reference = &wanted.image.reference;
            let digest = match (reference.digest(), &wanted.image.tag) {
                (Some(digest), _) => *digest,
                (None, Some(tag)) => {
                    let digest = look_up(client, reference, tag).await?;
                    resolved(reference, &digest);
                    digest
                }
                (None, None) => return Err(SelectionError::NoTag(reference.clone())),
            };
            Ok(wanted.with(digest))
        });
        let images = stream::iter(images).buffered(AT_ONCE).try_collect().await?;
        Ok(ImageSelection {
            installations,
            images,
            leaves_others_out: !others,
        })
    }

    /// Chooses images of an archive: those of installations, as [`ImageSelection::from_registries`] does.
    ///
    /// # Errors
    /// Wrong input, or the archive does not have an image.
    pub fn from_archive(
        archive: &Archive,
        installations: Vec<Request>,
        others: bool,
    ) -> Result<ImageSelection, SelectionError> {
        let archived = archived(archive)?;
        let (mut images, mut missing) = (Vec::new(), Vec::new());
        for wanted in wanted(&installations, others)? {
            match find(&archived, &wanted.image) {
                Some(found) => images.push(wanted.with(found.digest)),
                None => missing.push(wanted.image.reference),
            }
        }
        match missing.is_empty() {
            true => Ok(ImageSelection {
                installations,
                images,
                leaves_others_out: !others,
            }),
            false => Err(SelectionError::NotInArchive(missing)),
        }
    }

    /// Chooses all images of an archive. The installations are those of all releases whose components are all in it.
    ///
    /// # Errors
    /// An image of the archive has no whole name.
    pub fn whole_archive(archive: &Archive) -> Result<ImageSelection, SelectionError> {
        let mut selection = ImageSelection {
            installations: Vec::new(),
            images: archived(archive)?,
            leaves_others_out: false,
        };
        for name in known_releases() {
            let request = Request {
                release: Some(name.to_owned()),
                ..Request::default()
            };
            selection.add_installation(request)?;
        }
        Ok(selection)
    }

    /// Returns the whole name and the digest of each image.
    pub fn names(&self) -> Vec<(Reference, Digest)> {
        let images = self.images.iter();
        images
            .map(|image| (image.whole_name(), image.digest))
            .collect()
    }

    /// Returns the images of an archive that are not those that the installations use: with fewer platforms, or others.
    ///
    /// # Errors
    /// An installation is wrong.
    pub fn other_images(&self) -> Result<Vec<OtherImage>, PlanError> {
        let mut others = Vec::new();
        for (installation, request) in self.installations.iter().enumerate() {
            let list = ImageList::new(request)?;
            for wanted in &list.images {
                let usage = Use {
                    installation,
                    key: wanted.key.clone(),
                };
                let used = self.images.iter().find(|image| image.uses.contains(&usage));
                if let (Some(image), Some(pinned)) = (used, wanted.reference.digest())
                    && image.digest != *pinned
                {
                    others.push(OtherImage {
                        image: image.whole_name(),
                        release: list.release(),
                        pinned: *pinned,
                    });
                }
            }
        }
        Ok(others)
    }

    /// Adds an installation if all its components are here.
    fn add_installation(&mut self, request: Request) -> Result<(), SelectionError> {
        let list = ImageList::new(&request)?;
        let mut uses = Vec::new();
        for image in &list.images {
            let position = self.position(&ImageToCheck::from(image));
            match position {
                Some(position) => uses.push((position, image.key.clone())),
                None if is_component(&image.key) => return Ok(()),
                None => {}
            }
        }
        // Those of components that are disabled by default, too.
        for external in list.pins().external() {
            let is_known = uses.iter().any(|(_, key)| key == external.key);
            let reference: Option<Reference> = external.reference.parse().ok();
            if let Some(reference) = reference.filter(|_| !is_known)
                && let Some(position) = self.position(&ImageToCheck::from(&reference))
            {
                uses.push((position, external.key.to_owned()));
            }
        }
        let installation = self.installations.len();
        self.installations.push(request);
        for (position, key) in uses {
            if let Some(image) = self.images.get_mut(position) {
                image.uses.push(Use { installation, key });
            }
        }
        Ok(())
    }

    /// Finds an image, also by the end of its name: it may come from a mirror.
    fn position(&self, wanted: &ImageToCheck) -> Option<usize> {
        let has_end = |image: &&SelectedImage| {
            let is_same = image.reference.file_name() == wanted.reference.file_name();
            is_same && wanted.tag.is_some() && image.tag == wanted.tag
        };
        let found = find(&self.images, wanted).or_else(|| self.images.iter().find(has_end))?;
        let mut images = self.images.iter();
        images.position(|image| std::ptr::eq(image, found))
    }
}

/// Returns the names of the releases that are compiled in, and that of a channel, if this is the default.
fn known_releases() -> Vec<&'static str> {
    let mut names: Vec<&str> = RELEASES.iter().map(|release| release.name).collect();
    let default = Pins::default_channel().name();
    if !names.contains(&default) {
        names.push(default);
    }
    names
}

/// Returns the images of installations, each once.
fn wanted(installations: &[Request], others: bool) -> Result<Vec<Wanted>, PlanError> {
    let mut all: Vec<Wanted> = Vec::new();
    for (installation, request) in installations.iter().enumerate() {
        for image in ImageList::new(request)?.images {
            if !others && !is_component(&image.key) {
                continue;
            }
            let checked = ImageToCheck::from(&image);
            let found = all.iter_mut().find(|known| known.image == checked);
            let usage = Use {
                installation,
                key: image.key,
            };
            match found {
                Some(known) => known.uses.push(usage),
                None => all.push(Wanted {
                    image: checked,
                    component: image.component,
                    uses: vec![usage],
                }),
            }
        }
    }
    Ok(all)
}

impl Wanted {
    fn with(self, digest: Digest) -> SelectedImage {
        SelectedImage {
            component: self.component,
            reference: self.image.reference,
            digest,
            tag: self.image.tag,
            uses: self.uses,
        }
    }
}

async fn look_up(
    client: &Client,
    reference: &Reference,
    tag: &Tag,
) -> Result<Digest, SelectionError> {
    let repository = Repository::from(reference);
    match client.resolve(&repository, tag).await {
        Ok(Some(digest)) => Ok(digest),
        Ok(None) => Err(SelectionError::NoTag(reference.clone())),
        Err(error) => Err(SelectionError::Registry {
            host: repository.host().clone(),
            error: Box::new(error),
        }),
    }
}

/// Returns the images of an archive.
fn archived(archive: &Archive) -> Result<Vec<SelectedImage>, SelectionError> {
    let images = archive.images().iter().map(|named| {
        let reference: Option<Reference> = named.reference.parse().ok();
        // Some programs write a tag alone.
        let reference = reference
            .filter(|found| found.tag().is_some() || found.digest().is_some())
            .ok_or_else(|| SelectionError::Unnamed(named.reference.clone()))?;
        Ok(SelectedImage {
            component: reference.file_name().to_owned(),
            digest: named.descriptor.digest,
            tag: ImageToCheck::from(&reference).tag,
            reference,
            uses: Vec::new(),
        })
    });
    images.collect()
}

/// Finds an image by its digest, or by its name with the tag: an image that was saved for some platforms has another digest.
fn find<'a>(archived: &'a [SelectedImage], wanted: &ImageToCheck) -> Option<&'a SelectedImage> {
    let digest = wanted.reference.digest();
    let is_same = |image: &&SelectedImage| Some(&image.digest) == digest;
    let has_name = |image: &&SelectedImage| {
        let names = [&image.reference, &wanted.reference].map(Reference::normalized);
        wanted.tag.is_some() && image.tag == wanted.tag && names[0].name() == names[1].name()
    };
    let mut images = archived.iter();
    images
        .clone()
        .find(is_same)
        .or_else(|| images.find(has_name))
}
