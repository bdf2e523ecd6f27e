//! Imports from a registry: the digest file that `publish-images` has written for a tag, made again from the images.

use std::path::{Path, PathBuf};

use image_pins::{
    Components, Digest, FileError, Reference, ReleaseName, RepositoryPrefix, Tag, digest_file,
};

use super::inputs::Input;
use super::tags::artifact_name;
use crate::flags::ImportDigests;
use crate::registry::{ComponentImage, all, block_on, client};

/// Reads the digests of the images of a release. Each must be an image as a release needs it.
pub(super) fn read(
    flags: &ImportDigests,
    registry: &RepositoryPrefix,
    release: &ReleaseName,
    components: &Components,
) -> Result<Input, Vec<FileError>> {
    let refused = |message: String| vec![FileError::whole(Path::new("--from-registry"), message)];
    let client = client(&flags.access).map_err(refused)?;
    let tag: Tag = (release.to_string().parse())
        .map_err(|error: image_pins::ReferenceError| refused(error.to_string()))?;
    let images: Vec<ComponentImage> = components
        .of_release(release)
        .map(|component| ComponentImage::new(registry, &component.name))
        .collect::<Result<_, _>>()
        .map_err(|error| refused(error.to_string()))?;
    let digests = block_on(all(images
        .iter()
        .map(|image| image.released(&client, &tag))));
    let digests = digests
        .map_err(|error| refused(error.to_string()))?
        .map_err(|problems| {
            let errors = problems.iter().map(|problem| {
                let error = FileError::whole(Path::new("--from-registry"), problem);
                match problem.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            });
            errors.collect::<Vec<FileError>>()
        })?;
    let names = images.into_iter().map(|image| image.name);
    let rows: Vec<(Reference, Digest)> = names.zip(digests).collect();
    let name = artifact_name(tag.as_ref());
    let bytes = crate::digest_file::text(tag.as_ref(), &rows).into_bytes();
    let path = PathBuf::from(format!("{name} of {registry}"));
    let file = digest_file::parse(&bytes, &path, None).map_err(|error| vec![(&error).into()])?;
    Ok(Input {
        given: PathBuf::from(&name),
        path,
        name,
        bytes,
        file,
    })
}
