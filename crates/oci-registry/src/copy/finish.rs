//! The last part of a copy to a registry: manifests, what is about them, and tags.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use image_pins::{Digest, Tag};
use tokio::sync::Mutex as AsyncMutex;

use super::CopyImage;
use super::collect::{Attached, Collected};
use crate::error::{Reason, RegistryError};
use crate::link::Link;
use crate::model::{Content, Manifest};
use crate::place::Repository;
use crate::remote::Client;
use crate::tree::Tree;

/// Held by the one who changes a list.
type Turn = Arc<AsyncMutex<()>>;

/// Finishes the images of one copy.
pub(super) struct Finish<'f> {
    client: &'f Client,
    /// One change at a time for each list at a tag: two at once would lose an entry.
    lists: Mutex<HashMap<(Repository, Digest), Turn>>,
}

impl<'f> Finish<'f> {
    pub fn new(client: &'f Client) -> Finish<'f> {
        Finish {
            client,
            lists: Mutex::default(),
        }
    }

    /// Sends the manifests of an image whose blobs are there, then what is about it, and sets the tag last.
    pub async fn run(
        &self,
        image: &CopyImage,
        collected: &Collected,
    ) -> Result<Digest, RegistryError> {
        if !collected.has_manifests {
            self.send(&image.to, &collected.tree).await?;
        }
        let mut listed = HashMap::new();
        for attached in &collected.attached {
            self.attach(image, attached, &mut listed).await?;
        }
        if let Some(tag) = &image.tag {
            let root = &collected.root;
            let set = self.client.set_tag(&image.to, tag, root, image.move_tag);
            set.await?;
        }
        Ok(collected.root.digest())
    }

    /// Sends the manifests that the repository does not have.
    async fn send(&self, to: &Repository, tree: &Tree) -> Result<(), RegistryError> {
        for manifest in &tree.manifests {
            if !self.client.has_manifest(to, &manifest.digest()).await? {
                self.client.put_manifest(to, manifest).await?;
            }
        }
        Ok(())
    }

    /// Sends a manifest that is about another one, and makes sure that it is found there. `listed` has the referrers that
    /// the repository had at the beginning.
    async fn attach(
        &self,
        image: &CopyImage,
        attached: &Attached,
        listed: &mut HashMap<Digest, Vec<Digest>>,
    ) -> Result<(), RegistryError> {
        let (client, to, root) = (self.client, &image.to, &attached.root);
        match &attached.link {
            Link::Tag(tag) => {
                self.send(to, &attached.tree).await?;
                match self.at_tag(to, tag, root).await? {
                    AtTag::Nothing | AtTag::Less => client.set_tag(to, tag, root, true).await,
                    AtTag::All => Ok(()),
                    AtTag::Other(found) => {
                        Err(Reason::OtherSignatures { found }.at(format!("{to}:{tag}")))
                    }
                }
            }
            Link::Subject(subject) => {
                if !listed.contains_key(subject) {
                    let found = match client.referrers(to, subject).await {
                        // Access to a list that does not exist can be denied, too.
                        Err(error) if matches!(error.reason, Reason::Denied { .. }) => Vec::new(),
                        found => found?,
                    };
                    let found = found.iter().map(|entry| entry.digest).collect();
                    listed.insert(*subject, found);
                }
                let is_listed = |found: &Vec<Digest>| found.contains(&root.digest());
                if listed.get(subject).is_some_and(is_listed) {
                    return self.send(to, &attached.tree).await;
                }
                let mut below = attached.tree.manifests.iter();
                for manifest in below.by_ref().filter(|m| m.digest() != root.digest()) {
                    if !client.has_manifest(to, &manifest.digest()).await? {
                        client.put_manifest(to, manifest).await?;
                    }
                }
                // Only the answer tells whether the registry lists it by itself.
                match client.put_manifest(to, root).await?.is_listed {
                    true => Ok(()),
                    false => self.list(to, subject, root).await,
                }
            }
        }
    }

    /// Returns what is at a tag of cosign, compared with a manifest: signatures are layers, to which cosign adds others.
    async fn at_tag(
        &self,
        to: &Repository,
        tag: &Tag,
        new: &Manifest,
    ) -> Result<AtTag, RegistryError> {
        let found = match self.client.resolve(to, tag).await {
            // Access to a tag that does not exist can be denied, too.
            Err(error) if matches!(error.reason, Reason::Denied { .. }) => None,
            found => found?,
        };
        let Some(found) = found else {
            return Ok(AtTag::Nothing);
        };
        if new.has_digest(&found) {
            return Ok(AtTag::All);
        }
        let old = self.client.manifest(to, &found).await?;
        Ok(match (has_layers_of(&old, new), has_layers_of(new, &old)) {
            (true, _) => AtTag::All,
            (false, true) => AtTag::Less,
            (false, false) => AtTag::Other(Box::new(found)),
        })
    }

    /// Adds a referrer to the list at the tag of its subject.
    async fn list(
        &self,
        to: &Repository,
        subject: &Digest,
        referrer: &Manifest,
    ) -> Result<(), RegistryError> {
        let turn = {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lists.entry((to.clone(), *subject)).or_default())
        };
        let _turn = turn.lock().await;
        self.client.list_referrer(to, subject, referrer).await
    }
}

/// What a repository has at a tag of cosign.
enum AtTag {
    Nothing,
    /// Some of the signatures, and no others.
    Less,
    /// All of them.
    All,
    /// The manifest with this digest has others.
    Other(Box<Digest>),
}

/// Returns whether a manifest has all layers of another one, so that nothing is lost if it takes its tag.
fn has_layers_of(new: &Manifest, old: &Manifest) -> bool {
    match (&new.content, &old.content) {
        (Content::Image { layers: new, .. }, Content::Image { layers: old, .. }) => {
            old.iter().all(|layer| new.contains(layer))
        }
        _ => false,
    }
}
