//! One blob on its way to the repositories of a registry that need it.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use image_pins::Digest;

use super::event::{BlobOutcome, CopyEvent, Observer};
use crate::error::{Reason, RegistryError};
use crate::model::Descriptor;
use crate::place::{Host, Repository};
use crate::remote::{Client, UploadError, Uploaded};
use crate::source::ImageSource;

/// A blob, the places that have it, and the repositories of one registry that need it.
#[derive(Debug)]
pub(super) struct Transfer {
    blob: Descriptor,
    from: Vec<ImageSource>,
    to: Vec<Target>,
}

/// A repository that needs a blob.
#[derive(Debug)]
struct Target {
    repository: Repository,
    /// Whether the blob is there; why that cannot be found out.
    is_there: Result<bool, String>,
}

/// What names a transfer: the registry, and digest and size of the blob. The size counts, too: a manifest that lies about it
/// must not end other images.
pub(super) type BlobKey = (Host, Digest, u64);

/// A blob that a repository does not have after its transfer.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub repository: Repository,
    pub digest: Digest,
    pub size: u64,
    pub message: String,
}

impl Transfer {
    pub fn new(blob: &Descriptor) -> Transfer {
        Transfer {
            blob: blob.clone(),
            from: Vec::new(),
            to: Vec::new(),
        }
    }

    pub fn add(&mut self, from: &ImageSource, to: &Repository) {
        if !self.from.iter().any(|known| known.is(from)) {
            self.from.push(from.clone());
        }
        if !self.to.iter().any(|known| known.repository == *to) {
            self.to.push(Target {
                repository: to.clone(),
                is_there: Ok(false),
            });
        }
    }

    /// Asks the repositories whether they have the blob.
    pub async fn look(&mut self, client: &Client) {
        let digest = &self.blob.digest;
        let looks = self.to.iter_mut().map(|target| async move {
            let found = client.has_blob(&target.repository, digest).await;
            target.is_there = found.map_err(|error| error.to_string());
        });
        join_all(looks).await;
    }

    /// Returns whether a repository has the blob.
    pub fn is_at(&self, repository: &Repository) -> bool {
        let mut to = self.to.iter();
        to.any(|target| target.repository == *repository && target.is_there == Ok(true))
    }

    /// Returns how many bytes are to be sent. A blob that the registry has in one of its repositories is mounted.
    pub fn bytes(&self) -> Option<u64> {
        let is_needed = self.to.iter().any(|target| target.is_there == Ok(false));
        let is_needed = is_needed && self.holder().is_none();
        is_needed.then_some(self.blob.size)
    }

    /// Returns the repositories of which is unknown whether they have the blob.
    pub fn unknown(&self) -> impl Iterator<Item = Missing> {
        self.to.iter().filter_map(|target| {
            let message = target.is_there.as_ref().err()?;
            Some(self.missing(&target.repository, message.clone()))
        })
    }

    /// Returns a repository of the registry that has the blob, from which the others can take it.
    fn holder(&self) -> Option<&Repository> {
        let there = self.to.iter().find(|target| target.is_there == Ok(true));
        let host = self.to.first().map(|target| target.repository.host());
        // The source may be a repository of the same registry.
        let mut sources = self.from.iter().filter_map(ImageSource::repository);
        there
            .map(|target| &target.repository)
            .or_else(|| sources.find(|from| Some(from.host()) == host))
    }

    fn missing(&self, repository: &Repository, message: String) -> Missing {
        Missing {
            repository: repository.clone(),
            digest: self.blob.digest,
            size: self.blob.size,
            message,
        }
    }

    /// Brings the blob to all repositories. Returns those that do not have it afterwards, with the reason.
    pub async fn run(self, client: &Client, observer: Observer<'_>) -> Vec<Missing> {
        let report = |repository: &Repository, how| {
            observer(CopyEvent::Blob {
                blob: Box::new(self.blob.clone()),
                repository: Some(repository.clone()),
                how,
            });
        };
        let progress = Progress::new(observer);
        let mut holder = self.holder();
        let mut failed = Vec::new();
        for Target {
            repository,
            is_there,
        } in &self.to
        {
            match is_there {
                Ok(true) => {
                    report(repository, BlobOutcome::Present);
                    continue;
                }
                Ok(false) => {}
                Err(_) => continue,
            }
            let mount_from = holder.map(Repository::path);
            match self.send(client, repository, mount_from, &progress).await {
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
                Err(error) => failed.push(self.missing(repository, error.to_string())),
            }
        }
        failed
    }

    /// Sends the blob from the first source that has it.
    async fn send(
        &self,
        client: &Client,
        to: &Repository,
        mount_from: Option<&str>,
        progress: &Progress<'_>,
    ) -> Result<Uploaded, RegistryError> {
        let mut last = None;
        for from in &self.from {
            let sent = |position| progress.reach(position);
            match client.upload(to, &self.blob, from, mount_from, &sent).await {
                Ok(uploaded) => return Ok(uploaded),
                Err(UploadError::Source(error)) => last = last.or(Some(error)),
                Err(UploadError::Target(error)) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Reason::Client("no source".to_owned()).at(to)))
    }
}

/// How far a blob ever was, so that bytes that are sent again do not count.
pub(super) struct Progress<'o> {
    observer: Observer<'o>,
    most: AtomicU64,
}

impl<'o> Progress<'o> {
    pub fn new(observer: Observer<'o>) -> Progress<'o> {
        Progress {
            observer,
            most: AtomicU64::new(0),
        }
    }

    /// Reports what is new when the bytes before `position` are sent.
    pub fn reach(&self, position: u64) {
        let before = self.most.fetch_max(position, Ordering::Relaxed);
        if let Some(new) = position.checked_sub(before).filter(|new| *new > 0) {
            (self.observer)(CopyEvent::Sent(new));
        }
    }
}
