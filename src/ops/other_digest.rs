//! Asks registries what a digest is that a runtime reports instead of that of the image.
//!
//! A runtime reports the digest that it pulled by, that of the manifest for its platform, or that of the configuration.
//! Which images have the same content, only the registry knows. An index counts only if it has the digest of the image.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use helm_release::client::Client;
use helm_release::client::resource::NODE;
use helm_release::fields::text;
use image_pins::{Digest, Reference};
use oci_registry::model::{Content, Descriptor, Manifest, Platform};
use oci_registry::{Host, RegistryError, Repository};

/// A digest that a runtime reports, and that is not the one of the image.
#[derive(Debug)]
pub struct OtherDigest {
    /// The image of the container.
    pub image: Reference,
    /// The digest of the image; the pin of this binary if the image has none.
    pub expected: Digest,
    /// The digest that the runtime reports.
    pub running: Digest,
    /// What the registry says about it.
    pub verdict: Verdict,
}

/// What a digest is that a runtime reports instead of that of the image.
#[derive(Debug)]
pub enum Verdict {
    /// No registry was asked.
    NotAsked,
    /// The registry did not answer as it should.
    Unknown(Host, Arc<RegistryError>),
    /// The image, for this platform if the image says for which.
    SameImage(Option<Platform>),
    /// The image for another platform than that of the node.
    OtherPlatform {
        /// The platform of what runs.
        platform: Platform,
        /// The platform of the node.
        node: Platform,
    },
    /// Another image.
    OtherImage,
}

impl OtherDigest {
    /// Returns whether a container with this digest runs what it should, and describes what was found.
    pub(super) fn judge(&self) -> (bool, String) {
        let OtherDigest {
            image,
            expected,
            running,
            ..
        } = self;
        let is_pinned = image.is_pinned();
        let subject = match is_pinned {
            true => format!("{image}, reported as {running}"),
            false => format!(
                "{image} is not pinned, and runs {running}; the pin of this binary is {expected}"
            ),
        };
        match &self.verdict {
            // The digest was requested, and nothing else can be pulled by it.
            Verdict::NotAsked if is_pinned => (
                true,
                format!(
                    "{subject}: nothing else can be pulled by its digest, and runtimes report the index or the manifest \
                     of their platform"
                ),
            ),
            Verdict::NotAsked => (false, subject),
            Verdict::Unknown(_, error) => (
                is_pinned,
                format!("{subject}: what this is cannot be found out: {error}"),
            ),
            Verdict::SameImage(Some(platform)) => {
                (true, format!("{subject}: the same image, for {platform}"))
            }
            Verdict::SameImage(None) => (true, format!("{subject}: the same image")),
            Verdict::OtherPlatform { platform, node } => (
                false,
                format!("{subject}: the same image for {platform}, but the node is {node}"),
            ),
            Verdict::OtherImage => (
                false,
                format!("{subject}: another image, which the pinned one does not contain"),
            ),
        }
    }
}

/// The registries, and what they and the nodes have said. Each index and each node is read once.
pub(super) struct Registries<'r> {
    cluster: &'r Client,
    /// `None`: no registry is asked.
    client: Option<&'r oci_registry::Client>,
    images: BTreeMap<(Repository, Digest), Result<Manifest, Arc<RegistryError>>>,
    nodes: BTreeMap<String, Option<Platform>>,
}

impl<'r> Registries<'r> {
    pub fn new(cluster: &'r Client, client: Option<&'r oci_registry::Client>) -> Registries<'r> {
        Registries {
            cluster,
            client,
            images: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// Asks the registry of an image what a digest is, which is that of the identifier `id` on a node.
    pub async fn ask(
        &mut self,
        repository: &Repository,
        expected: &Digest,
        running: &Digest,
        id: &str,
        node: &str,
    ) -> Verdict {
        let Some(client) = self.client else {
            return Verdict::NotAsked;
        };
        let unknown = |error: &Arc<RegistryError>| {
            Verdict::Unknown(repository.host().clone(), Arc::clone(error))
        };
        let image = match self.image(client, repository, expected).await {
            Ok(image) => image.clone(),
            Err(error) => return unknown(error),
        };
        let entries: Vec<&Descriptor> = image
            .manifests()
            .iter()
            .filter(|e| !e.is_attestation())
            .collect();
        let mut same: Vec<Option<Platform>> = entries
            .iter()
            .filter(|entry| entry.digest == *running)
            .map(|entry| entry.platform.clone())
            .collect();
        // An identifier without a repository can be that of a configuration.
        if same.is_empty() && !id.contains('@') {
            if has_configuration(&image, running) {
                same.push(None);
            }
            let mut unread = None;
            for entry in entries {
                match self.image(client, repository, &entry.digest).await {
                    Ok(manifest) if has_configuration(manifest, running) => {
                        same.push(entry.platform.clone());
                    }
                    Ok(_) => {}
                    // A mirror may lack platforms that the cluster does not have.
                    Err(error) => unread = Some(unknown(error)),
                }
            }
            if let (true, Some(unread)) = (same.is_empty(), unread) {
                return unread;
            }
        }
        let node = match same.is_empty() {
            true => return Verdict::OtherImage,
            false => self.platform_of_node(node).await,
        };
        let fits = |platform: &Option<Platform>| match (platform, &node) {
            (Some(platform), Some(node)) => node.matches(platform),
            _ => true,
        };
        match (
            same.iter().find(|platform| fits(platform)),
            node,
            same.first(),
        ) {
            (None, Some(node), Some(Some(platform))) => Verdict::OtherPlatform {
                platform: platform.clone(),
                node,
            },
            (found, _, _) => Verdict::SameImage(found.cloned().flatten()),
        }
    }

    /// Reads an index or a manifest, once.
    async fn image(
        &mut self,
        client: &oci_registry::Client,
        repository: &Repository,
        digest: &Digest,
    ) -> &Result<Manifest, Arc<RegistryError>> {
        match self.images.entry((repository.clone(), *digest)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let read = client.manifest(repository, digest).await;
                unknown.insert(read.map_err(Arc::new))
            }
        }
    }

    /// Returns the platform of a node; `None` if this user may not read it, or if it does not say.
    async fn platform_of_node(&mut self, name: &str) -> Option<Platform> {
        if let Some(known) = self.nodes.get(name) {
            return known.clone();
        }
        let node = self.cluster.get(&NODE.at("", name)).await.ok().flatten();
        let info = |field| {
            node.as_ref()
                .map(|node| text(node, &["status", "nodeInfo", field]))
        };
        let platform = match (info("operatingSystem"), info("architecture")) {
            (Some(os), Some(architecture)) => format!("{os}/{architecture}").parse().ok(),
            _ => None,
        };
        self.nodes.insert(name.to_owned(), platform.clone());
        platform
    }
}

/// Returns whether this is the digest of the configuration of an image.
fn has_configuration(manifest: &Manifest, digest: &Digest) -> bool {
    matches!(&manifest.content, Content::Image { config, .. } if config.digest == *digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_not_pinned_holds_only_if_it_is_the_pinned_one() {
        let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
        let image: Reference = "registry.example.com/a:v1".parse().unwrap();
        let expected: Digest = digest("ab").parse().unwrap();
        let running: Digest = digest("cd").parse().unwrap();
        let amd64: Platform = "linux/amd64".parse().unwrap();
        let table = [
            (Verdict::NotAsked, false, ""),
            (
                Verdict::SameImage(Some(amd64.clone())),
                true,
                ": the same image, for linux/amd64",
            ),
            (Verdict::SameImage(None), true, ": the same image"),
            (
                Verdict::OtherPlatform {
                    platform: "linux/arm64".parse().unwrap(),
                    node: amd64,
                },
                false,
                ": the same image for linux/arm64, but the node is linux/amd64",
            ),
            (
                Verdict::OtherImage,
                false,
                ": another image, which the pinned one does not contain",
            ),
        ];
        for (verdict, holds, end) in table {
            let start = format!(
                "{image} is not pinned, and runs {running}; the pin of this binary is {expected}"
            );
            let other = OtherDigest {
                image: image.clone(),
                expected,
                running,
                verdict,
            };
            assert_eq!(other.judge(), (holds, format!("{start}{end}")));
        }
    }
}
