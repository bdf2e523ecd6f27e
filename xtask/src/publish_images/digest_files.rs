//! Writes the digest file of each tag, after its rows were compared with the registry.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image_pins::digest_file::{self, DigestFile, Subject};
use image_pins::{Digest, Reference, Tag};
use oci_registry::Client;

use super::error::PublishError;
use super::plan::PlannedTag;
use crate::import_digests::tags::artifact_name;
use crate::registry::{ComponentImage, Problem, all, released_platforms};
use crate::{atomic, digest_file as written};

/// Fails if no file can be written to the folder, before anything else is written.
pub(super) fn check_folder(folder: &Path) -> Result<(), PublishError> {
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(PublishError::Folder(folder.to_owned(), error)),
    }
}

/// Writes the digest file of a tag and returns its path. The rows, as the import reads them, are what the registry has.
pub(super) async fn write(
    client: &Client,
    folder: &Path,
    planned: &PlannedTag<'_>,
) -> Result<PathBuf, PublishError> {
    let path = folder.join(artifact_name(planned.tag.as_ref()));
    let wrong = |problem: String| PublishError::DigestFile(path.clone(), problem);
    let images: Vec<(Reference, Digest)> = planned
        .images
        .iter()
        .map(|image| (image.target.name.clone(), *image.digest))
        .collect();
    let text = written::text(planned.tag.as_ref(), &images);
    let read = |text: &[u8]| {
        digest_file::parse(text, &path, None).map_err(|error| wrong(error.to_string()))
    };
    let file = read(text.as_bytes())?;
    let rows = rows(&file, planned.tag);
    let published: Vec<_> = rows
        .iter()
        .map(|(image, digest)| (image.name.clone(), *digest))
        .collect();
    if published != images {
        return Err(wrong("its rows are not the published images".to_owned()));
    }
    let checks = rows
        .iter()
        .map(|(image, digest)| compare(client, image, planned.tag, digest));
    all(checks).await.map_err(PublishError::Compare)?;
    let failed = |error: io::Error| wrong(format!("cannot write it: {error}"));
    atomic::write(&path, text.as_bytes()).map_err(failed)?;
    match read(&fs::read(&path).map_err(failed)?)? == file {
        true => Ok(path),
        false => Err(wrong("another program has changed it".to_owned())),
    }
}

/// Returns the images of the rows with a tag, and their digests.
fn rows(file: &DigestFile, tag: &Tag) -> Vec<(ComponentImage, Digest)> {
    let with_tag = file.rows.iter().filter(|row| row.tag.as_ref() == Some(tag));
    let images = with_tag.filter_map(|row| {
        let Subject::Name(name) = &row.subject else {
            return None;
        };
        let image = ComponentImage::new(row.registry.as_ref()?, name).ok()?;
        Some((image, row.digest))
    });
    images.collect()
}

/// Compares a row with the registry: the tag has the digest, and the image with that digest is there.
async fn compare(
    client: &Client,
    image: &ComponentImage,
    tag: &Tag,
    digest: &Digest,
) -> Result<(), Problem> {
    let (name, tag) = (Box::new(image.name.clone()), tag.clone());
    match image.resolve(client, &tag).await? {
        Some(found) if found == *digest => image.check(client, digest, &released_platforms()).await,
        Some(found) => Err(Problem::OtherDigest {
            image: name,
            tag,
            found: Box::new(found),
            wanted: Box::new(*digest),
        }),
        None => Err(Problem::NoTag { image: name, tag }),
    }
}
