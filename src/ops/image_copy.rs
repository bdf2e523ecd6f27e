//! Copies the images of a selection to a mirror or into an archive, with their signatures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use image_pins::{Digest, Reference, RepositoryPrefix};
use oci_registry::layout::{Archive, ArchiveError};
use oci_registry::model::Platform;
use oci_registry::{
    Client, CopyImage, CopyOptions, CopyPlan, Host, ImageSource, Observer, PlannedImage,
    RegistryError, Repository, SaveImage, SavePlan,
};

use super::image_check::{AT_ONCE, ImageCheck, ImageProblem, ImageToCheck, TagState, check};
use super::image_selection::{ImageSelection, SelectedImage, whole_name};
use super::mirror_names::{MirrorNameError, mirror_names, refuse_same_tags};
use super::mirror_request::{MirroredImage, request_with_mirror};
use crate::mesh::{PlanError, Request};

/// What of each image is copied.
#[derive(Debug, Clone, Default)]
pub struct CopyChoice {
    /// The platforms. An empty list means all.
    pub platforms: Vec<Platform>,
    /// Whether layers are copied that registries usually do not have, because their licenses forbid it.
    pub foreign_layers: bool,
    /// Whether tags at a mirror are moved that point at other images.
    pub move_tags: bool,
}

impl CopyChoice {
    fn options(&self) -> CopyOptions {
        CopyOptions {
            referrers: true,
            foreign_layers: self.foreign_layers,
        }
    }
}

/// Where the images of a selection are.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In the registries that their references name.
    Registries,
    /// In an archive.
    Archive(Arc<Archive>),
}

impl Origin {
    fn source(&self, image: &SelectedImage) -> ImageSource {
        match self {
            Origin::Registries => ImageSource::from(&Repository::from(&image.reference)),
            Origin::Archive(archive) => ImageSource::from(archive),
        }
    }
}

/// What a copy would do. Nothing is sent or written before [`PlannedCopy::run`].
#[derive(Debug)]
pub struct PlannedCopy {
    /// The images, and where each of them goes.
    pub targets: Targets,
    transfer: Transfer,
    /// The platforms that were chosen.
    platforms: Vec<Platform>,
}

/// The digest of an image at its target, or what is wrong with it.
pub type Copied = Result<Digest, Vec<ImageProblem>>;

#[derive(Debug)]
enum Transfer {
    ToMirror(CopyPlan),
    ToArchive(SavePlan, PathBuf),
}

/// The images of a selection, and where each of them goes.
#[derive(Debug)]
pub struct Targets {
    /// The images, and the installations that use them.
    pub selection: ImageSelection,
    /// The name that each of them gets: at a mirror without tag and digest, in an archive with one of them.
    pub names: Vec<Reference>,
}

impl PlannedCopy {
    /// Plans a copy to a mirror.
    ///
    /// # Errors
    /// Images are in each other's way at the mirror. What is wrong with single images is in [`PlannedCopy::images`].
    pub async fn to_mirror(
        client: &Client,
        selection: ImageSelection,
        origin: &Origin,
        prefix: &RepositoryPrefix,
        choice: &CopyChoice,
    ) -> Result<PlannedCopy, MirrorNameError> {
        let has_registries = matches!(origin, Origin::Registries);
        let names = mirror_names(&selection, prefix, has_registries)?;
        let images = selection.images.iter().zip(&names);
        let images = images.map(|(image, name)| CopyImage {
            from: origin.source(image),
            digest: image.digest,
            to: Repository::from(name),
            tag: image.tag.clone(),
            move_tag: choice.move_tags,
            platforms: choice.platforms.clone(),
        });
        let images: Vec<CopyImage> = images.collect();
        let plan = client.plan_copy(images, choice.options()).await;
        Ok(PlannedCopy {
            targets: Targets { selection, names },
            transfer: Transfer::ToMirror(plan),
            platforms: choice.platforms.clone(),
        })
    }

    /// Plans a copy from registries into an archive.
    ///
    /// # Errors
    /// Two images have the same name in the archive.
    pub async fn to_archive(
        client: &Client,
        selection: ImageSelection,
        path: PathBuf,
        choice: &CopyChoice,
    ) -> Result<PlannedCopy, MirrorNameError> {
        let names = archive_names(&selection)?;
        let images = selection.images.iter().zip(&names);
        let images = images.map(|(image, name)| SaveImage {
            from: Origin::Registries.source(image),
            digest: image.digest,
            reference: name.clone(),
            platforms: choice.platforms.clone(),
        });
        let images: Vec<SaveImage> = images.collect();
        let plan = client.plan_save(images, choice.options()).await;
        Ok(PlannedCopy {
            targets: Targets { selection, names },
            transfer: Transfer::ToArchive(plan, path),
            platforms: choice.platforms.clone(),
        })
    }

    /// Returns what is planned for each image, or why it cannot be copied.
    pub fn images(&self) -> Vec<Result<PlannedImage, &RegistryError>> {
        let mut images = match &self.transfer {
            Transfer::ToMirror(plan) => plan.images(),
            Transfer::ToArchive(plan, _) => plan.images(),
        };
        for planned in images.iter_mut().flatten() {
            // What is left of an index is an image without one, which does not tell its platform here.
            if planned.platforms.is_empty() && self.platforms.len() == 1 {
                planned.platforms.clone_from(&self.platforms);
            }
        }
        images
    }

    /// Returns how many blobs have to be sent or written.
    pub fn blobs(&self) -> usize {
        match &self.transfer {
            Transfer::ToMirror(plan) => plan.blobs(),
            Transfer::ToArchive(plan, _) => plan.blobs(),
        }
    }

    /// Returns how many bytes these blobs have.
    pub fn bytes(&self) -> u64 {
        match &self.transfer {
            Transfer::ToMirror(plan) => plan.bytes(),
            Transfer::ToArchive(plan, _) => plan.bytes(),
        }
    }

    /// Returns how many pulls each registry counts for the plan. To run it takes no more.
    pub fn pulls(&self) -> BTreeMap<Host, usize> {
        match &self.transfer {
            Transfer::ToMirror(plan) => plan.pulls(),
            Transfer::ToArchive(plan, _) => plan.pulls(),
        }
    }

    /// Copies the images. Returns the digest of each at its target, or what is wrong with it. What a mirror has afterwards
    /// is checked.
    ///
    /// # Errors
    /// The archive cannot be written.
    pub async fn run(
        self,
        client: &Client,
        observer: Observer<'_>,
    ) -> Result<(Targets, Vec<Copied>), ArchiveError> {
        let PlannedCopy {
            targets, transfer, ..
        } = self;
        let copied = match transfer {
            Transfer::ToMirror(plan) => {
                // Of those, the plan has checked all.
                let was_there = plan.images().into_iter();
                let was_there = was_there.map(|planned| planned.is_ok_and(|p| p.is_there));
                let was_there: Vec<bool> = was_there.collect();
                let copied = plan.run(client, observer).await;
                check_copied(client, &targets, copied, &was_there).await
            }
            Transfer::ToArchive(plan, path) => {
                let saved = plan.run(client, &path, observer).await?;
                let results = targets.selection.images.iter().zip(saved);
                results
                    .map(|(image, saved)| {
                        saved.map_err(|error| vec![problem(image, &image.reference, error)])
                    })
                    .collect()
            }
        };
        Ok((targets, copied))
    }
}

impl Targets {
    /// Returns for each installation what it has to be to use the images of a mirror, which have these digests there. `None`
    /// if no installation can.
    ///
    /// # Errors
    /// An installation is wrong.
    pub fn installations(
        &self,
        prefix: &RepositoryPrefix,
        digests: &[Digest],
    ) -> Result<Vec<Option<Request>>, PlanError> {
        let requests = self.selection.installations.iter().enumerate();
        let with_mirror = requests.map(|(installation, request)| {
            let images = self.selection.images.iter().zip(&self.names).zip(digests);
            let mirrored = images.flat_map(|((image, name), digest)| {
                let uses = image.uses.iter();
                let uses = uses.filter(move |usage| usage.installation == installation);
                uses.map(move |usage| MirroredImage {
                    key: usage.key.clone(),
                    reference: whole_name(name, image.tag.as_ref(), digest),
                })
            });
            let mirrored: Vec<MirroredImage> = mirrored.collect();
            request_with_mirror(request, prefix, &mirrored)
        });
        with_mirror.collect()
    }
}

/// Checks that the mirror has what was copied, with the tags.
async fn check_copied(
    client: &Client,
    targets: &Targets,
    copied: Vec<Result<Digest, RegistryError>>,
    was_there: &[bool],
) -> Vec<Copied> {
    let Targets { selection, names } = targets;
    let images = selection
        .images
        .iter()
        .zip(names)
        .zip(copied)
        .zip(was_there);
    let checks = images.map(async |(((image, name), copied), was_there)| {
        let digest = copied.map_err(|error| vec![problem(image, name, error)])?;
        if *was_there {
            return Ok(digest);
        }
        let copied = ImageToCheck {
            reference: name.with_digest(digest),
            tag: image.tag.clone(),
        };
        let ImageCheck {
            mut problems, tag, ..
        } = check(client, &copied, None).await;
        if let TagState::Absent(tag) = tag {
            problems.push(ImageProblem::NoTag(name.with_tag(&tag)));
        }
        match problems.is_empty() {
            true => Ok(digest),
            false => Err(problems),
        }
    });
    stream::iter(checks).buffered(AT_ONCE).collect().await
}

/// Returns the registry that an error is about: that of the target or that of the source.
pub fn host_of(error: &RegistryError, image: &SelectedImage, target: &Reference) -> Host {
    let target = Repository::from(target);
    let source = Repository::from(&image.reference);
    let is_of_target = error.what.contains(&target.to_string());
    let repository = if is_of_target { target } else { source };
    repository.host().clone()
}

fn problem(image: &SelectedImage, target: &Reference, error: RegistryError) -> ImageProblem {
    ImageProblem::Registry(host_of(&error, image, target), error)
}

/// Returns the names of images in an archive, which tools find them by: the whole ones, with a tag if there is one.
fn archive_names(selection: &ImageSelection) -> Result<Vec<Reference>, MirrorNameError> {
    let images = selection.images.iter();
    let repositories: Vec<Reference> = images
        .clone()
        .map(|image| image.reference.normalized().with_digest(image.digest))
        .collect();
    refuse_same_tags(&selection.images, &repositories)?;
    let names = images.zip(repositories);
    let names = names.map(|(image, name)| match &image.tag {
        Some(tag) => name.with_tag(tag),
        None => name,
    });
    Ok(names.collect())
}
