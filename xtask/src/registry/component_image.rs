//! The image of a component in a registry, and what has to be true of it.

use image_pins::{Digest, PinFile, Reference, ReferenceError, RepositoryPrefix, Tag};
use oci_registry::model::Platform;
use oci_registry::{Client, RegistryError, Repository};

use super::problem::Problem;

/// The image of a component in a registry.
#[derive(Clone, Debug)]
pub(crate) struct ComponentImage {
    /// The name of the image: `registry.example.com/mesh/controller`.
    pub name: Reference,
    /// The same, for requests.
    pub repository: Repository,
}

/// Returns the platforms that every image of a release is for.
pub(crate) fn released_platforms() -> Vec<Platform> {
    let linux = |architecture: &str| Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
        os_version: None,
    };
    vec![linux("amd64"), linux("arm64")]
}

/// Returns the images of a pin file as they are named in a registry, each with its pin.
///
/// # Errors
/// The name of a component is not one of an image.
pub(crate) fn pinned_images(
    registry: &RepositoryPrefix,
    pins: &PinFile,
) -> Result<Vec<(ComponentImage, Digest)>, ReferenceError> {
    let images = pins.images.iter();
    images
        .map(|(name, digest)| Ok((ComponentImage::new(registry, name)?, *digest)))
        .collect()
}

impl ComponentImage {
    pub(crate) fn new(
        registry: &RepositoryPrefix,
        component: &str,
    ) -> Result<ComponentImage, ReferenceError> {
        let name = registry.image(component)?;
        Ok(ComponentImage {
            repository: Repository::from(&name),
            name,
        })
    }

    /// Returns the digest of a tag; `None` if the registry clearly says that the tag does not exist.
    pub(crate) async fn resolve(
        &self,
        client: &Client,
        tag: &Tag,
    ) -> Result<Option<Digest>, Problem> {
        let found = client.resolve(&self.repository, tag).await;
        found.map_err(|error| Problem::Unknown {
            host: self.repository.host().clone(),
            error: Box::new(error),
        })
    }

    /// Checks that the image with a digest is there with all its parts, for these platforms among others.
    pub(crate) async fn check(
        &self,
        client: &Client,
        digest: &Digest,
        platforms: &[Platform],
    ) -> Result<(), Problem> {
        self.checked(client, digest, platforms).await.map(drop)
    }

    /// Checks the image with a tag as an image of a release: an index with all platforms and everything in it. Returns its
    /// digest.
    pub(crate) async fn released(&self, client: &Client, tag: &Tag) -> Result<Digest, Problem> {
        let Some(digest) = self.resolve(client, tag).await? else {
            return Err(Problem::NoTag {
                image: Box::new(self.name.clone()),
                tag: tag.clone(),
            });
        };
        if let Some(reason) = digest.implausible() {
            let image = Box::new(self.name.with_digest(digest));
            return Err(Problem::Implausible { image, reason });
        }
        let checked = self.checked(client, &digest, &[]).await?;
        if !checked.descriptor.is_index() {
            return Err(Problem::NotAnIndex {
                image: Box::new(self.name.with_digest(digest)),
                platforms: listed(&checked.platforms),
            });
        }
        self.has(&digest, &checked.platforms, &released_platforms())?;
        Ok(digest)
    }

    async fn checked(
        &self,
        client: &Client,
        digest: &Digest,
        platforms: &[Platform],
    ) -> Result<oci_registry::CheckedImage, Problem> {
        let checked = client.check_image(&self.repository, digest).await;
        let checked = checked.map_err(|error| self.problem(error))?;
        self.has(digest, &checked.platforms, platforms)?;
        Ok(checked)
    }

    /// Fails if a platform is missing.
    fn has(&self, digest: &Digest, found: &[Platform], wanted: &[Platform]) -> Result<(), Problem> {
        let is_there = |wanted: &&Platform| found.iter().any(|found| wanted.matches(found));
        let missing: Vec<Platform> = wanted.iter().filter(|p| !is_there(p)).cloned().collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Problem::Platforms {
                image: Box::new(self.name.with_digest(*digest)),
                missing: listed(&missing),
                found: listed(found),
            }),
        }
    }

    /// Returns the problem that an error of the registry is.
    pub(crate) fn problem(&self, error: RegistryError) -> Problem {
        Problem::Registry {
            host: self.repository.host().clone(),
            error: Box::new(error),
        }
    }
}

/// Lists platforms in a sentence.
fn listed(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    match names.is_empty() {
        true => "no platform".to_owned(),
        false => names.join(", "),
    }
}
