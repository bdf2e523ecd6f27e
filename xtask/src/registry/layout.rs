//! Content for a registry that is made here: it goes there from an archive, as images from elsewhere do.

use std::io::{self, Write};

use image_pins::Tag;
use oci_registry::layout::{Archive, ArchiveError};
use oci_registry::model::Descriptor;
use oci_registry::{Client, CopyImage, ImageSource, RegistryError, Repository, digest_of};
use serde_json::json;

/// Manifests and blobs, to be written as an image layout in a tar archive (OCI image specification, image-layout.md).
#[derive(Default)]
pub(crate) struct Layout {
    contents: Vec<Vec<u8>>,
}

/// Why content was not sent to a registry.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A temporary file cannot be written.
    #[error("cannot write a temporary file: {0}")]
    File(#[from] io::Error),
    /// A temporary file cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The registry refuses it, or cannot be reached.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Layout {
    /// Adds a manifest or a blob. Returns what another manifest names it by.
    pub fn add(&mut self, media_type: &str, content: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::new(media_type, digest_of(&content), content.len() as u64);
        self.contents.push(content);
        descriptor
    }

    /// Sends an added manifest and everything that it names to a repository, and sets a tag. One that is taken is moved
    /// only if `can_move`.
    ///
    /// # Errors
    /// The registry has something else at the tag, refuses something, or cannot be reached.
    pub async fn send(
        &self,
        client: &Client,
        root: &Descriptor,
        to: &Repository,
        tag: &Tag,
        can_move: bool,
    ) -> Result<(), SendError> {
        let file = tempfile::NamedTempFile::new()?;
        self.write(root, &file)?;
        let archive = Archive::open(file.path()).await?;
        let copy = CopyImage {
            from: ImageSource::Archive(archive.into()),
            digest: root.digest,
            to: to.clone(),
            tag: Some(tag.clone()),
            move_tag: can_move,
            platforms: Vec::new(),
        };
        for copied in client.copy([copy], &|_| {}).await {
            copied?;
        }
        Ok(())
    }

    fn write(&self, root: &Descriptor, file: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(file);
        let mut append = |name: &str, content: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, content)
        };
        let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
        append("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append("index.json", index.as_bytes())?;
        for content in &self.contents {
            let name = digest_of(content).to_string().replace(':', "/");
            append(&format!("blobs/{name}"), content)?;
        }
        archive.into_inner()?.flush()
    }
}
