//! Reads both registries and decides what is published. Whatever is not clear is refused.

use std::fmt;

use image_pins::{Digest, ReleaseName, Tag};
use oci_registry::Client;

use crate::registry::{ComponentImage, Problem, all};

/// What is published.
pub(super) struct Plan {
    pub release: Tag,
    latest: Tag,
    images: Vec<Image>,
    /// Why `latest` stays where it is, if it does.
    stays: Option<Stays>,
}

/// The image of a component.
pub(super) struct Image {
    pub source: ComponentImage,
    pub target: ComponentImage,
    pub digest: Digest,
    /// The digest that the tag of the release has at the target.
    released: Option<Digest>,
    /// The digest that `latest` has at the target.
    latest: Option<Digest>,
}

/// Why `latest` is not moved to a release.
enum Stays {
    PreRelease,
    Older(ReleaseName),
}

/// A tag, and the images that have it in the end.
pub(super) struct PlannedTag<'p> {
    pub tag: &'p Tag,
    /// Whether it may have another digest now.
    pub can_move: bool,
    pub images: Vec<TaggedImage<'p>>,
}

/// An image that has a tag in the end.
pub(super) struct TaggedImage<'p> {
    pub target: &'p ComponentImage,
    pub digest: &'p Digest,
    /// Whether it has the tag already.
    pub is_tagged: bool,
}

impl Plan {
    /// Judges all images, first at the source, then at the target.
    pub async fn read(
        client: &Client,
        version: &ReleaseName,
        [release, latest]: [Tag; 2],
        images: Vec<[ComponentImage; 2]>,
    ) -> Result<Plan, Vec<Problem>> {
        let sources = images
            .iter()
            .map(|[source, _]| source.released(client, &release));
        let digests = all(sources).await?;
        let mut planned = Vec::new();
        for ([source, target], digest) in images.into_iter().zip(digests) {
            planned.push(Image {
                source,
                target,
                digest,
                released: None,
                latest: None,
            });
        }
        refuse_twins(&planned)?;
        let looks = planned.iter().map(|image| judge(client, image, &release));
        let released = all(looks).await?;
        for (image, released) in planned.iter_mut().zip(released) {
            image.released = released;
        }
        let stays = match version.is_prerelease() {
            true => Some(Stays::PreRelease),
            false => {
                let looks = planned
                    .iter()
                    .map(|image| image.target.resolve(client, &latest));
                let found = all(looks).await?;
                for (image, found) in planned.iter_mut().zip(found) {
                    image.latest = found;
                }
                let highest = highest_release(client, &planned).await?;
                highest
                    .filter(|highest| highest > version)
                    .map(Stays::Older)
            }
        };
        Ok(Plan {
            release,
            latest,
            images: planned,
            stays,
        })
    }

    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// Returns the tags that the images have in the end. The tag of the release comes first.
    pub fn tags(&self) -> Vec<PlannedTag<'_>> {
        let mut tags = vec![self.tagged(&self.release, false, |image| image.released)];
        if self.stays.is_none() {
            tags.push(self.tagged(&self.latest, true, |image| image.latest));
        }
        tags
    }

    fn tagged<'p>(
        &'p self,
        tag: &'p Tag,
        can_move: bool,
        found: impl Fn(&Image) -> Option<Digest>,
    ) -> PlannedTag<'p> {
        let images = self.images.iter().map(|image| TaggedImage {
            target: &image.target,
            digest: &image.digest,
            is_tagged: found(image) == Some(image.digest),
        });
        PlannedTag {
            tag,
            can_move,
            images: images.collect(),
        }
    }
}

/// Refuses components with the same image. Their digests could not be imported.
fn refuse_twins(images: &[Image]) -> Result<(), Vec<Problem>> {
    let twins = images.iter().enumerate().filter_map(|(index, image)| {
        let mut before = images.iter().take(index);
        let other = before.find(|other| other.digest == image.digest)?;
        Some(Problem::Twin {
            image: Box::new(image.source.name.with_digest(image.digest)),
            other: Box::new(other.source.name.clone()),
        })
    });
    let twins: Vec<Problem> = twins.collect();
    match twins.is_empty() {
        true => Ok(()),
        false => Err(twins),
    }
}

/// Returns the digest that the tag of the release has at the target. It has none, or the right one.
async fn judge(client: &Client, image: &Image, release: &Tag) -> Result<Option<Digest>, Problem> {
    let found = image.target.resolve(client, release).await?;
    match found {
        Some(found) if found != image.digest => Err(Problem::OtherDigest {
            image: Box::new(image.target.name.clone()),
            tag: release.clone(),
            found: Box::new(found),
            wanted: Box::new(image.digest),
        }),
        found => Ok(found),
    }
}

/// Returns the highest release among the tags of all images at the target. Pre-releases and other tags do not count.
async fn highest_release(
    client: &Client,
    images: &[Image],
) -> Result<Option<ReleaseName>, Vec<Problem>> {
    let lists = images.iter().map(|image| releases(client, image));
    let lists = all(lists).await?;
    Ok(lists.into_iter().flatten().max())
}

async fn releases(client: &Client, image: &Image) -> Result<Vec<ReleaseName>, Problem> {
    match client.tags(&image.target.repository).await {
        Ok(tags) => {
            let releases = tags.iter().filter_map(|tag| tag.as_ref().parse().ok());
            Ok(releases
                .filter(|release: &ReleaseName| !release.is_prerelease())
                .collect())
        }
        // A repository that does not exist. If it has a tag, it is the list that does not exist.
        Err(error)
            if error.reason.is_not_found()
                && image.released.is_none()
                && image.latest.is_none() =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(Problem::Unlisted {
            host: image.target.repository.host().clone(),
            error: Box::new(error),
        }),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in &self.images {
            let (target, digest) = (&image.target.name, &image.digest);
            let release = &self.release;
            match image.released {
                None => writeln!(
                    f,
                    "{target}:{release}: copy {digest} from {}",
                    image.source.name
                )?,
                Some(_) => writeln!(f, "{target}:{release}: is {digest}")?,
            }
        }
        match &self.stays {
            Some(Stays::PreRelease) => {
                return writeln!(
                    f,
                    "{} stays: {} is a pre-release",
                    self.latest, self.release
                );
            }
            Some(Stays::Older(highest)) => {
                return writeln!(f, "{} stays: {highest} is higher", self.latest);
            }
            None => {}
        }
        for image in &self.images {
            let (target, latest, digest) = (&image.target.name, &self.latest, &image.digest);
            match image.latest {
                None => writeln!(f, "{target}:{latest}: set to {digest}")?,
                Some(found) if found == *digest => writeln!(f, "{target}:{latest}: is {digest}")?,
                Some(found) => writeln!(f, "{target}:{latest}: move from {found} to {digest}")?,
            }
        }
        Ok(())
    }
}
