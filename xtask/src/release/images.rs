//! Small images of all components, for two platforms, in the staging repository.

use image_pins::{Components, Tag};
use oci_registry::model::{Descriptor, media_type};
use oci_registry::{Client, digest_of};
use serde_json::json;

use super::{Images, RehearsalError, prefix};
use crate::flags::Release;
use crate::registry::{ComponentImage, Layout, released_platforms};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Makes an image of each component of the release and pushes it with the tag of the release. Returns the digests.
pub(super) async fn push(
    client: &Client,
    components: &Components,
    staging: &str,
    flags: &Release,
) -> Result<Images, RehearsalError> {
    let registry = prefix(staging)?;
    let tag: Tag = flags
        .release
        .to_string()
        .parse()
        .map_err(RehearsalError::Name)?;
    let mut images = Images::new();
    for component in components.of_release(&flags.release) {
        let name = &component.name;
        let image = ComponentImage::new(&registry, name).map_err(RehearsalError::Name)?;
        let (layout, index) = make(&format!("{name} {tag} {}", flags.seed));
        // Builds of a branch move their tags; only what is published stays.
        let sent = layout.send(client, &index, &image.repository, &tag, true);
        sent.await.map_err(|error| RehearsalError::Image {
            place: format!("{}:{tag}", image.name),
            error: Box::new(error),
        })?;
        images.insert(name.clone(), index.digest);
    }
    Ok(images)
}

/// Makes an image for the platforms of a release: an index, and for each platform a configuration and a layer with one
/// file. The same content gives the same image.
fn make(content: &str) -> (Layout, Descriptor) {
    let mut layout = Layout::default();
    let manifests: Vec<Descriptor> = released_platforms()
        .into_iter()
        .map(|platform| {
            let layer = tar_of(&format!("{content} {platform}"));
            let config = json!({
                "os": platform.os,
                "architecture": platform.architecture,
                "rootfs": {"type": "layers", "diff_ids": [digest_of(&layer)]},
            });
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": media_type::MANIFEST,
                "config": layout.add(CONFIG, config.to_string().into_bytes()),
                "layers": [layout.add(LAYER, layer)],
            });
            let manifest = manifest.to_string().into_bytes();
            let mut manifest = layout.add(media_type::MANIFEST, manifest);
            manifest.platform = Some(platform);
            manifest
        })
        .collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": manifests,
    });
    let index = layout.add(media_type::INDEX, index.to_string().into_bytes());
    (layout, index)
}

/// Returns an archive with one file: a header, the content, and zeros (POSIX ustar).
fn tar_of(content: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    // Writing to memory does not fail.
    let appended = archive.append_data(&mut header, "content", content.as_bytes());
    appended
        .and_then(|()| archive.into_inner())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_depends_on_its_content_only() {
        let digest = |content: &str| make(content).1.digest;
        assert_eq!(digest("init v1.2.5 1"), digest("init v1.2.5 1"));
        assert_ne!(digest("init v1.2.5 1"), digest("init v1.2.5 2"));
    }
}
