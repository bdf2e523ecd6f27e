//! One blob on its way to the repositories of a registry that need it.

use image_pins::Digest;

use super::{BlobOutcome, CopyEvent, Observer};
use crate::error::RegistryError;
use crate::model::Descriptor;
use crate::place::Repository;
use crate::remote::{Client, UploadError, Uploaded};
use crate::source::ImageSource;

/// A blob, the repositories that have it, and those of one registry that need it.
#[derive(Debug)]
pub(super) struct Transfer<'t> {
    blob: &'t Descriptor,
    from: Vec<&'t ImageSource>,
    to: Vec<&'t Repository>,
}

/// A blob that a repository does not have after its transfer.
#[derive(Debug)]
pub(super) struct Missing {
    pub repository: Repository,
    pub digest: Digest,
    pub size: u64,
    pub message: String,
}

impl<'t> Transfer<'t> {
    pub fn new(blob: &'t Descriptor) -> Transfer<'t> {
        Transfer {
            blob,
            from: Vec::new(),
            to: Vec::new(),
        }
    }

    pub fn add(&mut self, from: &'t ImageSource, to: &'t Repository) {
        if !self.from.iter().any(|known| known.is(from)) {
            self.from.push(from);
        }
        if !self.to.contains(&to) {
            self.to.push(to);
        }
    }

    pub fn size(&self) -> u64 {
        self.blob.size
    }

    /// Brings the blob to all repositories. Returns those that do not have it afterwards, with the reason.
    pub async fn run(self, client: &Client, observer: Observer<'_>) -> Vec<Missing> {
        let mut failed = Vec::new();
        // A repository of the registry that has the blob, from which the others can take it.
        let mut holder = None;
        let mut missing = Vec::new();
        let report = |repository: &Repository, how| {
            observer(CopyEvent::Blob {
                repository: repository.clone(),
                blob: self.blob.clone(),
                how,
            });
        };
        for repository in &self.to {
            match client.has_blob(repository, &self.blob.digest).await {
                Ok(true) => {
                    holder = Some(*repository);
                    report(repository, BlobOutcome::Present);
                }
                Ok(false) => missing.push(*repository),
                Err(error) => failed.push((*repository, error)),
            }
        }
        // The source may be a repository of the same registry.
        let mut sources = self.from.iter().filter_map(|from| from.repository());
        let own = sources.find(|from| self.to.first().is_some_and(|to| to.host() == from.host()));
        holder = holder.or(own);
        for repository in missing {
            let mount_from = holder.map(Repository::path);
            match self.send(client, repository, mount_from, observer).await {
                Ok(uploaded) => {
                    holder = Some(repository);
                    report(
                        repository,
                        match uploaded {
                            Uploaded::Mounted => BlobOutcome::Mounted,
                            Uploaded::Sent => BlobOutcome::Sent,
                        },
                    );
                }
                Err(error) => failed.push((repository, error)),
            }
        }
        let missing = failed.into_iter().map(|(repository, error)| Missing {
            repository: repository.clone(),
            digest: self.blob.digest,
            size: self.blob.size,
            message: error.to_string(),
        });
        missing.collect()
    }

    /// Sends the blob from the first source that has it.
    async fn send(
        &self,
        client: &Client,
        to: &Repository,
        mount_from: Option<&str>,
        observer: Observer<'_>,
    ) -> Result<Uploaded, RegistryError> {
        let mut last = None;
        for from in &self.from {
            let sent = |bytes| observer(CopyEvent::Sent(bytes));
            match client.upload(to, self.blob, from, mount_from, &sent).await {
                Ok(uploaded) => return Ok(uploaded),
                Err(UploadError::Source(error)) => last = last.or(Some(error)),
                Err(UploadError::Target(error)) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| crate::error::Reason::Client("no source".to_owned()).at(to)))
    }
}
