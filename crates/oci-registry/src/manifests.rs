//! Where the manifests of an image are read from: its source, or a repository that has them already.

use std::sync::atomic::{AtomicUsize, Ordering};

use image_pins::Digest;

use crate::error::{Reason, RegistryError};
use crate::model::{Descriptor, Manifest};
use crate::place::Repository;
use crate::remote::Client;
use crate::source::ImageSource;

/// Reads manifests, and counts what comes from the source: some registries limit that number.
pub(crate) struct Manifests<'s> {
    client: &'s Client,
    source: &'s ImageSource,
    /// The target, if it has the image, as far as it shows. To read its manifests from there also shows that it has them.
    target: Option<&'s Repository>,
    from_source: AtomicUsize,
}

impl<'s> Manifests<'s> {
    pub fn new(client: &'s Client, source: &'s ImageSource) -> Manifests<'s> {
        Manifests {
            client,
            source,
            target: None,
            from_source: AtomicUsize::new(0),
        }
    }

    /// Reads the index or manifest of an image: from the target, if it has it.
    pub async fn begin(
        client: &'s Client,
        source: &'s ImageSource,
        target: Option<&'s Repository>,
        digest: &Digest,
    ) -> Result<(Manifests<'s>, Manifest), RegistryError> {
        let mut manifests = Manifests::new(client, source);
        if let Some(target) = target {
            match client.manifest(target, digest).await {
                Ok(root) => {
                    check_source(client, source, digest).await?;
                    manifests.target = Some(target);
                    return Ok((manifests, root));
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let root = client.read_root(source, digest).await?;
        manifests.count();
        Ok((manifests, root))
    }

    /// Reads a manifest that an index names.
    pub async fn read(&self, wanted: &Descriptor) -> Result<Manifest, RegistryError> {
        if let Some(target) = self.target {
            match self.client.manifest(target, &wanted.digest).await {
                Err(error) if is_absent(&error) => {}
                read => return read,
            }
        }
        self.count();
        self.client.read_manifest(self.source, wanted).await
    }

    fn count(&self) {
        self.from_source.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many manifests were read from the source.
    pub fn count_of_source(&self) -> usize {
        self.from_source.load(Ordering::Relaxed)
    }
}

/// Checks that the source has an image that is read from the target: it is copied from there.
async fn check_source(
    client: &Client,
    source: &ImageSource,
    digest: &Digest,
) -> Result<(), RegistryError> {
    let has_image = match source {
        // Registries do not count that question.
        ImageSource::Repository(repository) => client.has_manifest(repository, digest).await?,
        ImageSource::Archive(_) => client.read_root(source, digest).await.map(|_| true)?,
    };
    match has_image {
        true => Ok(()),
        false => {
            let message = String::new();
            Err(Reason::NotFound { message }.at(source.at(digest)))
        }
    }
}

/// Returns whether content may not be there. Access to what does not exist can be denied, too.
fn is_absent(error: &RegistryError) -> bool {
    error.reason.is_not_found() || matches!(error.reason, Reason::Denied { .. })
}
