//! Images for tests: small, valid, and the same for the same specification.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::registry::Registry;

/// What an image consists of: for each platform a configuration, a base layer and an own layer.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// The platforms, such as `linux/amd64`.
    pub platforms: Vec<&'static str>,
    /// Whether the tag names an index. Without it, there is one platform.
    pub has_index: bool,
    /// Whether the media types are those of Docker instead of OCI.
    pub is_docker: bool,
    /// The size of the content of each own layer.
    pub layer_bytes: usize,
    /// The size of the content of a base layer.
    pub base_bytes: usize,
    /// Whether each platform has its own base layer. Otherwise all have the same.
    pub has_platform_bases: bool,
    /// Images with different seeds have different own layers and configurations.
    pub seed: u64,
    /// Images with the same base seed have the same base layer.
    pub base: u64,
}

impl Default for ImageSpec {
    fn default() -> Self {
        Self {
            platforms: vec!["linux/amd64", "linux/arm64"],
            has_index: true,
            is_docker: false,
            layer_bytes: 2000,
            base_bytes: 2000,
            has_platform_bases: false,
            seed: 1,
            base: 0,
        }
    }
}

/// The digests of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of the index, or of the manifest if there is no index.
    pub digest: String,
    /// The platforms and the digests of their manifests, in the order of the specification.
    pub manifests: Vec<(String, String)>,
    /// The digests and sizes of all blobs, configurations included.
    pub blobs: BTreeMap<String, u64>,
}

/// The media types of a format.
struct MediaTypes {
    index: &'static str,
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

const OCI: MediaTypes = MediaTypes {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

const DOCKER: MediaTypes = MediaTypes {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/// Pushes an image to a registry with crane.
#[track_caller]
pub fn push_image(
    registry: &impl Registry,
    repository: &str,
    tag: &str,
    spec: &ImageSpec,
) -> Image {
    let layout = tempfile::tempdir_in(registry.home().path()).unwrap();
    let image = write_layout(layout.path(), spec);
    let name = format!("{}/{repository}:{tag}", registry.address());
    let pushed = registry.crane(&["push", &layout.path().display().to_string(), &name]);
    let pushed = pushed.ok();
    assert!(
        pushed.trim().ends_with(&image.digest),
        "{pushed}: {image:?}"
    );
    image
}

/// Writes an image to a folder as an OCI image layout.
pub fn write_layout(folder: &Path, spec: &ImageSpec) -> Image {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let types = if spec.is_docker { DOCKER } else { OCI };
    // Writes content and returns its descriptor.
    let write = |media_type: &str, content: &[u8]| {
        let digest = hex(content);
        std::fs::write(blobs.join(&digest), content).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()})
    };
    let json_of = |value: &Value| value.to_string().into_bytes();
    let (mut image_blobs, mut manifests) = (BTreeMap::new(), Vec::new());
    for platform in &spec.platforms {
        let base = match spec.has_platform_bases {
            true => format!("base of {platform}"),
            false => "base".to_owned(),
        };
        let base = layer(&base, spec.base, spec.base_bytes);
        let own = layer(platform, spec.seed, spec.layer_bytes);
        let (os, architecture) = platform.split_once('/').unwrap();
        let config = json!({
            "architecture": architecture, "os": os, "config": {"Labels": {"seed": spec.seed.to_string()}},
            "rootfs": {"type": "layers", "diff_ids": [base.diff_id, own.diff_id]},
        });
        let config = write(types.config, &json_of(&config));
        let layers = [&base, &own].map(|layer| write(types.layer, &layer.blob));
        for blob in layers.iter().chain([&config]) {
            image_blobs.insert(digest_of(blob), blob["size"].as_u64().unwrap());
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": types.manifest, "config": config, "layers": layers,
        });
        let mut manifest = write(types.manifest, &json_of(&manifest));
        manifest["platform"] = json!({"os": os, "architecture": architecture});
        manifests.push((*platform, manifest));
    }
    let descriptors: Vec<&Value> = manifests.iter().map(|(_, manifest)| manifest).collect();
    let top = match spec.has_index {
        true => {
            let index = json!({
                "schemaVersion": 2, "mediaType": types.index, "manifests": descriptors,
            });
            write(types.index, &json_of(&index))
        }
        false => {
            assert_eq!(
                descriptors.len(),
                1,
                "an image without an index has one platform"
            );
            descriptors[0].clone()
        }
    };
    let digest = digest_of(&top);
    let index = json!({"schemaVersion": 2, "mediaType": OCI.index, "manifests": [top]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    let version = json!({"imageLayoutVersion": "1.0.0"});
    std::fs::write(folder.join("oci-layout"), version.to_string()).unwrap();
    Image {
        digest,
        manifests: (manifests.iter())
            .map(|(platform, manifest)| ((*platform).to_owned(), digest_of(manifest)))
            .collect(),
        blobs: image_blobs,
    }
}

/// Returns the digest of a descriptor.
fn digest_of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

/// A layer, compressed, and the digest of its content.
struct Layer {
    blob: Vec<u8>,
    diff_id: String,
}

/// Creates a layer with one file of bytes that do not compress.
fn layer(name: &str, seed: u64, size: usize) -> Layer {
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let path = format!("{}.bin", name.replace('/', "-"));
    let content = noise(name, seed, size);
    archive.append_data(&mut header, path, &*content).unwrap();
    let archive = archive.into_inner().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&archive).unwrap();
    Layer {
        blob: encoder.finish().unwrap(),
        diff_id: format!("sha256:{}", hex(&archive)),
    }
}

/// Returns bytes that look random, and are the same for the same name and seed.
fn noise(name: &str, seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = 0_u64;
    while bytes.len() < size {
        let text = format!("{name} {seed} {block}");
        bytes.extend_from_slice(&Sha256::digest(text));
        block += 1;
    }
    bytes.truncate(size);
    bytes
}

fn hex(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(spec: &ImageSpec) -> Image {
        let folder = tempfile::tempdir().unwrap();
        let image = write_layout(folder.path(), spec);
        for (digest, size) in &image.blobs {
            let path = digest.replace("sha256:", "blobs/sha256/");
            let content = std::fs::read(folder.path().join(path)).unwrap();
            assert_eq!(
                (format!("sha256:{}", hex(&content)), content.len() as u64),
                (digest.clone(), *size)
            );
        }
        image
    }

    #[test]
    fn an_image_depends_on_its_specification_only() {
        let spec = ImageSpec::default();
        let first = image(&spec);
        assert_eq!(image(&spec), first);
        // Two configurations, two own layers, and one base layer.
        assert_eq!((first.blobs.len(), first.manifests.len()), (5, 2));
        let shared = |spec: &ImageSpec| {
            let other = image(spec);
            assert_ne!(other.digest, first.digest, "{spec:?}");
            other
                .blobs
                .keys()
                .filter(|blob| first.blobs.contains_key(*blob))
                .count()
        };
        assert_eq!(
            shared(&ImageSpec {
                seed: 2,
                ..spec.clone()
            }),
            1
        );
        assert_eq!(
            shared(&ImageSpec {
                seed: 2,
                base: 1,
                ..spec.clone()
            }),
            0
        );
        let both = image(&ImageSpec {
            has_platform_bases: true,
            ..spec.clone()
        });
        assert_eq!(both.blobs.len(), 6);
        assert_eq!(
            shared(&ImageSpec {
                is_docker: true,
                ..spec.clone()
            }),
            5
        );
        let one = ImageSpec {
            platforms: vec!["linux/amd64"],
            has_index: false,
            ..spec
        };
        assert_eq!(image(&one).digest, first.manifests[0].1);
    }
}
