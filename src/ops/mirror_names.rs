//! Where the images of a selection are at a mirror.

use std::collections::HashMap;

use image_pins::{Digest, Reference, ReferenceError, RepositoryPrefix, Tag};
use oci_registry::Repository;

use super::ImageList;
use super::image_selection::{ImageSelection, SelectedImage, Use};
use super::mirror_request::{is_component, with_registry};
use crate::mesh::PlanError;

/// Why images cannot be at a mirror under their names.
#[derive(Debug, thiserror::Error)]
pub enum MirrorNameError {
    /// An installation is not possible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The name is too long.
    #[error(transparent)]
    Name(#[from] ReferenceError),
    /// The image would be copied onto itself.
    #[error("{0} is the source of the image, too: choose another target")]
    IsSource(Reference),
    /// Two images have the same name.
    #[error("{one} and {other} would both be {name}: copy one of them to another prefix")]
    SameName {
        /// One image.
        one: Box<Reference>,
        /// The other image.
        other: Box<Reference>,
        /// Their name at the mirror.
        name: Box<Reference>,
    },
    /// Two images have the same name and the same tag.
    #[error(
        "{name}:{tag} would be two images, {one} and {other}: copy each release to a place of its own"
    )]
    SameTag {
        /// Their name at the target.
        name: String,
        /// Their tag.
        tag: Tag,
        /// The digest of one image.
        one: Box<Digest>,
        /// The digest of the other image.
        other: Box<Digest>,
    },
}

/// Returns the name that each image of a selection gets below a prefix, without tag and digest.
///
/// Those of the mesh have the names by which an installation with that registry finds them, the others the last part of
/// their repository.
///
/// # Errors
/// Two images are in each other's way, or a target is the source.
pub fn mirror_names(
    selection: &ImageSelection,
    prefix: &RepositoryPrefix,
    has_registries: bool,
) -> Result<Vec<Reference>, MirrorNameError> {
    let requests = selection.installations.iter();
    let lists = requests.map(|request| ImageList::new(&with_registry(request, prefix)));
    let lists = lists.collect::<Result<Vec<ImageList>, PlanError>>()?;
    let mut names = Vec::new();
    for image in &selection.images {
        let name = match name_of_component(image, &lists) {
            Some(name) => name,
            None => prefix.image(image.reference.file_name())?,
        };
        if has_registries && Repository::from(&name) == Repository::from(&image.reference) {
            return Err(MirrorNameError::IsSource(name));
        }
        names.push(name);
    }
    refuse_same_names(&selection.images, &names)?;
    refuse_same_tags(&selection.images, &names)?;
    Ok(names)
}

/// Returns the name of an image that is a component of an installation.
fn name_of_component(image: &SelectedImage, lists: &[ImageList]) -> Option<Reference> {
    let usage = component_use(image)?;
    let list = lists.get(usage.installation)?;
    let found = list.images.iter().find(|found| found.key == usage.key)?;
    found.reference.name().parse().ok()
}

fn component_use(image: &SelectedImage) -> Option<&Use> {
    image.uses.iter().find(|usage| is_component(&usage.key))
}

/// Refuses images that would share a repository without being versions of the same image.
fn refuse_same_names(images: &[SelectedImage], names: &[Reference]) -> Result<(), MirrorNameError> {
    let mut first_of: HashMap<&Reference, &SelectedImage> = HashMap::new();
    for (image, name) in images.iter().zip(names) {
        let first = first_of.entry(name).or_insert(image);
        if !is_same_image(first, image) {
            return Err(MirrorNameError::SameName {
                one: Box::new(first.reference.clone()),
                other: Box::new(image.reference.clone()),
                name: Box::new(name.clone()),
            });
        }
    }
    Ok(())
}

/// Refuses images that would have the same tag in the same repository.
pub(super) fn refuse_same_tags(
    images: &[SelectedImage],
    names: &[Reference],
) -> Result<(), MirrorNameError> {
    let mut first_of: HashMap<(&str, &Tag), &Digest> = HashMap::new();
    for (image, name) in images.iter().zip(names) {
        let Some(tag) = &image.tag else { continue };
        let first = *first_of.entry((name.name(), tag)).or_insert(&image.digest);
        if *first != image.digest {
            return Err(MirrorNameError::SameTag {
                name: name.name().to_owned(),
                tag: tag.clone(),
                one: Box::new(*first),
                other: Box::new(image.digest),
            });
        }
    }
    Ok(())
}

/// Returns whether two images are the same component, or from the same repository.
fn is_same_image(one: &SelectedImage, other: &SelectedImage) -> bool {
    let is_same_component = match (component_use(one), component_use(other)) {
        (Some(one), Some(other)) => one.key == other.key,
        _ => false,
    };
    let repositories = [one, other].map(|image| Repository::from(&image.reference));
    is_same_component || repositories[0] == repositories[1] || one.digest == other.digest
}
