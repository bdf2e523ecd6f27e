//! Reads the manifests of an image before anything is copied.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use image_pins::{Digest, Tag};

use super::platforms::{Choice, choose};
use super::{AT_ONCE, CopyOptions, PlannedImage};
use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::link::{Link, cosign_tags};
use crate::manifests::Manifests;
use crate::model::{Content, Descriptor, Manifest, Platform};
use crate::place::Repository;
use crate::remote::Client;
use crate::source::ImageSource;
use crate::tree::Tree;

/// An image as it is copied: all that it consists of, and what is about it.
#[derive(Debug)]
pub(super) struct Collected {
    pub root: Manifest,
    pub tree: Tree,
    pub platforms: Vec<Platform>,
    /// What is about the image, or about what is before it in this list.
    pub attached: Vec<Attached>,
    /// Listed referrers that are not copied.
    pub skipped: Vec<Digest>,
    /// How many manifests were read from the source.
    pub pulls: usize,
    /// Whether the target has all manifests of the image.
    pub has_manifests: bool,
    /// Whether the tag at the target points at the image, or the image gets none.
    pub has_tag: bool,
    /// Whether the target has all of the image, and the tag.
    pub is_there: bool,
}

/// A manifest that is about another one.
#[derive(Debug)]
pub(super) struct Attached {
    pub link: Link,
    pub root: Manifest,
    pub tree: Tree,
}

impl Collected {
    /// Reads the manifests of an image, from the target if it has them, and, if that is wanted, of what is about it.
    pub async fn read(
        client: &Client,
        source: &ImageSource,
        target: Option<&Repository>,
        digest: &Digest,
        wanted: &[Platform],
        options: CopyOptions,
    ) -> Result<Collected, RegistryError> {
        let what = source.at(digest);
        let (manifests, mut root) = Manifests::begin(client, source, target, digest).await?;
        let mut is_own = false;
        match &root.content {
            Content::Image { .. } if !wanted.is_empty() => {
                let available = client.platforms(source, &root).await?;
                check_platform(wanted, available).map_err(|reason| reason.at(&what))?;
            }
            Content::Index(_) if !wanted.is_empty() => {
                match choose(&root, wanted).map_err(|reason| reason.at(&what))? {
                    Choice::Whole => {}
                    Choice::One(one) => {
                        root = manifests.read(&one).await?;
                    }
                    Choice::Several(several) => {
                        root = *several;
                        is_own = true;
                    }
                }
            }
            Content::Index(_) | Content::Image { .. } => {}
        }
        let foreign = options.foreign_layers;
        let tree = Tree::read(&manifests, root.clone(), foreign, &what).await?;
        let entries = root.manifests().iter().filter(|e| !e.is_attestation());
        let mut collected = Collected {
            pulls: manifests.count_of_source(),
            has_manifests: manifests.count_of_source() == 0 && !is_own,
            has_tag: false,
            is_there: false,
            platforms: entries.filter_map(|e| e.platform.clone()).collect(),
            root,
            tree,
            attached: Vec::new(),
            skipped: Vec::new(),
        };
        if options.referrers {
            let subjects = collected.tree.manifests.iter().map(Manifest::digest);
            // An index that was made here is new, so nothing refers to it yet.
            let own = is_own.then(|| collected.root.digest());
            let subjects = subjects.filter(|digest| Some(*digest) != own).collect();
            let search = Search {
                client,
                source,
                foreign,
                what: &what,
            };
            search.run(&mut collected, subjects).await?;
        }
        Ok(collected)
    }

    pub fn planned(&self) -> PlannedImage {
        let attached = self.attached.iter().map(|attached| attached.root.digest());
        let left_out = self.trees().flat_map(|tree| &tree.left_out);
        PlannedImage {
            digest: self.root.digest(),
            platforms: self.platforms.clone(),
            referrers: attached.collect::<HashSet<_>>().len(),
            skipped_referrers: self.skipped.clone(),
            left_out: left_out.cloned().collect(),
            is_there: self.is_there,
        }
    }

    /// Returns all manifests, each behind those that it names or is about.
    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.trees().flat_map(|tree| &tree.manifests)
    }

    /// Returns all blobs.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.trees().flat_map(|tree| tree.blobs.values())
    }

    fn trees(&self) -> impl Iterator<Item = &Tree> {
        std::iter::once(&self.tree).chain(self.attached.iter().map(|attached| &attached.tree))
    }
}

/// Refuses an image that would take the name of another one in the same plan.
pub(super) fn refuse_second<'i>(
    images: impl Iterator<Item = (String, &'i mut Result<Collected, RegistryError>)>,
) {
    let mut names = HashMap::new();
    for (name, collected) in images {
        let Ok(Collected { root, .. }) = collected else {
            continue;
        };
        let wanted = root.digest();
        let found = *names.entry(name.clone()).or_insert(wanted);
        if found != wanted {
            let (found, wanted) = (Box::new(found), Box::new(wanted));
            *collected = Err(Reason::TagTaken { found, wanted }.at(name));
        }
    }
}

/// Checks that an image without an index is for one of the wanted platforms.
fn check_platform(wanted: &[Platform], available: Vec<Platform>) -> Result<(), Reason> {
    let is_available = |platform: &Platform| available.iter().any(|has| platform.matches(has));
    match wanted.iter().find(|platform| !is_available(platform)) {
        Some(platform) => Err(Reason::NoPlatform {
            wanted: Box::new(platform.clone()),
            available,
        }),
        None => Ok(()),
    }
}

/// A search for what is about an image.
struct Search<'s> {
    client: &'s Client,
    source: &'s ImageSource,
    foreign: bool,
    what: &'s str,
}

/// What is about one manifest.
#[derive(Default)]
struct Found {
    attached: Vec<Attached>,
    skipped: Vec<Digest>,
    pulls: usize,
}

impl Search<'_> {
    /// Finds what is about these manifests, what is about that, and so on.
    async fn run(
        &self,
        collected: &mut Collected,
        mut subjects: Vec<Digest>,
    ) -> Result<(), RegistryError> {
        let mut searched: HashSet<Digest> = subjects.iter().copied().collect();
        let mut links = HashSet::new();
        let mut manifests = collected.tree.manifests.len();
        for _ in 0..=limits::INDEX_DEPTH {
            let finds = subjects.iter().map(|subject| self.find(*subject));
            let found: Vec<Found> = stream::iter(finds).buffered(AT_ONCE).try_collect().await?;
            subjects = Vec::new();
            for found in found {
                collected.pulls += found.pulls;
                collected.skipped.extend(found.skipped);
                for attached in found.attached {
                    if !links.insert((attached.link.clone(), attached.root.digest())) {
                        continue;
                    }
                    manifests += attached.tree.manifests.len();
                    if manifests > limits::MANIFESTS {
                        return Err(self.too_many("manifests", limits::MANIFESTS));
                    }
                    let new = attached.tree.manifests.iter().map(Manifest::digest);
                    subjects.extend(new.filter(|digest| searched.insert(*digest)));
                    collected.attached.push(attached);
                }
            }
            if subjects.is_empty() {
                return Ok(());
            }
        }
        Err(self.too_many("levels of referrers", limits::INDEX_DEPTH))
    }

    /// Finds what is about one manifest.
    async fn find(&self, subject: Digest) -> Result<Found, RegistryError> {
        let mut found = Found::default();
        for tag in cosign_tags(&subject) {
            if let Some(manifest) = self.at_tag(&tag).await? {
                self.attach(&mut found, Link::Tag(tag), manifest).await?;
            }
        }
        let listed = match self.source {
            ImageSource::Repository(repository) => {
                self.listed(repository, &subject, &mut found).await?
            }
            ImageSource::Archive(_) => self.client.list_referrers(self.source, &subject).await?,
        };
        let mut known = HashSet::new();
        for referrer in listed.iter().filter(|entry| known.insert(entry.digest)) {
            if !referrer.is_manifest() {
                found.skipped.push(referrer.digest);
                continue;
            }
            match self.client.read_manifest(self.source, referrer).await {
                // A list at a tag can name anything.
                Ok(manifest) if !manifest.is_about(&subject) => found.pulls += 1,
                Ok(manifest) => {
                    let link = Link::Subject(subject);
                    self.attach(&mut found, link, manifest).await?;
                }
                // A referrer can be deleted while its entry stays in the list.
                Err(error) if error.reason.is_not_found() => found.skipped.push(referrer.digest),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Lists the referrers of a manifest in a repository.
    async fn listed(
        &self,
        repository: &Repository,
        subject: &Digest,
        found: &mut Found,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        if let Some(listed) = self.client.ask_for_referrers(repository, subject).await? {
            return Ok(listed);
        }
        let list = self.client.list_at_tag(repository, subject).await?;
        found.pulls += usize::from(list.is_some());
        Ok(list.as_ref().map_or(&[][..], Manifest::manifests).to_vec())
    }

    /// Returns the manifest at a tag. Registries do not count the question whether there is one.
    async fn at_tag(&self, tag: &Tag) -> Result<Option<Manifest>, RegistryError> {
        let ImageSource::Repository(repository) = self.source else {
            return self.client.read_tag(self.source, tag).await;
        };
        match self.client.resolve(repository, tag).await {
            Ok(Some(digest)) => self.client.manifest(repository, &digest).await.map(Some),
            Ok(None) => Ok(None),
            // Artifactory denies access to what does not exist.
            Err(error) if matches!(error.reason, Reason::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn attach(
        &self,
        found: &mut Found,
        link: Link,
        root: Manifest,
    ) -> Result<(), RegistryError> {
        let what = self.source.at(&root.digest());
        let manifests = Manifests::new(self.client, self.source);
        let tree = Tree::read(&manifests, root.clone(), self.foreign, &what).await?;
        found.pulls += tree.manifests.len();
        found.attached.push(Attached { link, root, tree });
        Ok(())
    }

    fn too_many(&self, what: &'static str, limit: usize) -> RegistryError {
        Reason::TooMany { what, limit }.at(self.what)
    }
}
