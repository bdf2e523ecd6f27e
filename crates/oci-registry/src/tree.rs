//! All that belongs to an image: its index, the manifests below, and their blobs.

use std::collections::{BTreeMap, HashSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use image_pins::Digest;

use crate::error::{Reason, RegistryError};
use crate::limits;
use crate::manifests::Manifests;
use crate::model::{Descriptor, Manifest};

/// How many manifests of an image are read at the same time. The limits of the registries count beside that.
const AT_ONCE: usize = 16;

/// An image with everything that it consists of.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The manifests, each before those that name it; the last is the image itself.
    pub manifests: Vec<Manifest>,
    /// The blobs by digest.
    pub blobs: BTreeMap<Digest, Descriptor>,
    /// Layers that are not copied, because registries do not have them.
    pub left_out: Vec<Descriptor>,
    foreign: bool,
}

impl Tree {
    /// Reads the manifests of an image. Layers that registries do not have belong to it only if `foreign`.
    pub async fn read(
        source: &Manifests<'_>,
        root: Manifest,
        foreign: bool,
        what: &str,
    ) -> Result<Tree, RegistryError> {
        let mut tree = Tree {
            manifests: Vec::new(),
            blobs: BTreeMap::new(),
            left_out: Vec::new(),
            foreign,
        };
        let mut seen = HashSet::from([root.digest()]);
        let mut level = vec![root];
        for _ in 0..=limits::INDEX_DEPTH {
            let mut next = Vec::new();
            let mut is_in_next = HashSet::new();
            for child in level.iter().flat_map(Manifest::manifests) {
                if !child.is_manifest() {
                    // An index can name other content, which registries keep as blobs.
                    tree.add_blob(child, what)?;
                } else if is_in_next.insert(child.digest) {
                    next.push(child.clone());
                    seen.insert(child.digest);
                    if seen.len() > limits::MANIFESTS {
                        return Err(too_many("manifests", limits::MANIFESTS, what));
                    }
                }
            }
            for manifest in &level {
                for blob in manifest.blobs() {
                    tree.add_blob(blob, what)?;
                }
            }
            tree.manifests.append(&mut level);
            if next.is_empty() {
                // Those that are named come first.
                tree.manifests.reverse();
                return Ok(tree);
            }
            let (known, new): (Vec<_>, Vec<_>) = next
                .iter()
                .partition(|child| tree.manifests.iter().any(|m| m.digest() == child.digest));
            let reads = new.into_iter().map(|child| source.read(child));
            level = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            // What is named on several levels belongs to the deepest of them.
            for child in known {
                let mut manifests = tree.manifests.iter();
                if let Some(at) = manifests.position(|m| m.digest() == child.digest) {
                    level.push(tree.manifests.remove(at));
                }
            }
        }
        Err(too_many("levels of indexes", limits::INDEX_DEPTH, what))
    }

    fn add_blob(&mut self, blob: &Descriptor, what: &str) -> Result<(), RegistryError> {
        if blob.is_foreign() && !self.foreign {
            if !self.left_out.contains(blob) {
                self.left_out.push(blob.clone());
            }
            return Ok(());
        }
        match self.blobs.get(&blob.digest) {
            Some(known) if known.size != blob.size => Err(Reason::Size {
                expected: known.size,
                actual: blob.size,
            }
            .at(format!("{what}: the blob {}", blob.digest))),
            _ => {
                self.blobs.insert(blob.digest, blob.clone());
                Ok(())
            }
        }
    }
}

fn too_many(noun: &'static str, limit: usize, place: &str) -> RegistryError {
    Reason::TooMany { what: noun, limit }.at(place)
}
