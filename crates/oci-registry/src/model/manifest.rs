//! Manifests and indexes.

use std::collections::BTreeMap;

use bytes::Bytes;
use image_pins::Digest;
use serde::Deserialize;

use super::descriptor::Descriptor;
use super::media_type;
use crate::hash::{Hasher, digest_of};
use crate::limits;
use crate::server_text::shown;

/// A manifest or an index, with the bytes that its digest is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Bytes,
    digest: Digest,
    media_type: String,
    /// What it consists of.
    pub content: Content,
    /// The type of the artifact; images usually have none.
    pub artifact_type: Option<String>,
    /// The manifest that this one is about: its image, for a signature.
    pub subject: Option<Descriptor>,
    /// More about it.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An index: other manifests, usually one for each platform.
    Index(Vec<Descriptor>),
    /// One image, or another artifact.
    Image {
        /// The configuration.
        config: Box<Descriptor>,
        /// The layers, the lowest first.
        layers: Vec<Descriptor>,
    },
}

/// Why bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// They are not JSON, or a field is missing or invalid.
    #[error("it is not a manifest: {0}")]
    Json(String),
    /// Docker's first format, which has no digests of its own.
    #[error(
        "it is an image of schema version 1, which is obsolete: build and push the image again"
    )]
    SchemaVersion1,
    /// It says of itself to be something else than the registry or the index says, so programs disagree about what it is.
    #[error("it is announced as {header}, but says of itself that it is {field}")]
    MediaType {
        /// The header `Content-Type`, or the type in the descriptor.
        header: String,
        /// The field `mediaType`.
        field: String,
    },
    /// Neither the registry nor the manifest names a type that this crate knows.
    #[error("manifests of the type {0} are not supported")]
    Unsupported(String),
    /// It is an index and an image at the same time, so programs disagree about what it is.
    #[error("it has both manifests and layers")]
    Ambiguous,
    /// It contains neither what an index nor what an image has.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// An index has too many entries.
    #[error("it has {found} manifests, more than {limit}")]
    TooMany {
        /// The number of entries.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Box<Descriptor>>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// Reads a manifest; `content_type` is what the registry says that it is.
    ///
    /// # Errors
    /// It is not a manifest, or one that programs read in different ways.
    pub fn parse(
        bytes: impl Into<Bytes>,
        content_type: Option<&str>,
    ) -> Result<Manifest, ManifestError> {
        Manifest::parse_up_to(limits::MANIFESTS, bytes, content_type)
    }

    /// Reads a manifest, or an index with at most this many entries.
    pub(crate) fn parse_up_to(
        limit: usize,
        bytes: impl Into<Bytes>,
        content_type: Option<&str>,
    ) -> Result<Manifest, ManifestError> {
        let bytes = bytes.into();
        let fields: Fields = serde_json::from_slice(&bytes)
            .map_err(|e| ManifestError::Json(shown(&e.to_string())))?;
        if fields.schema_version == Some(1) || fields.fs_layers.is_some() {
            return Err(ManifestError::SchemaVersion1);
        }
        // Parameters do not change the type: application/json; charset=utf-8.
        let header = content_type
            .map(|value| value.split(';').next().unwrap_or_default().trim())
            .filter(|value| !value.is_empty());
        let media_type = match (header, fields.media_type) {
            (Some(header), Some(field)) if header != field => {
                return Err(ManifestError::MediaType {
                    header: shown(header),
                    field: shown(&field),
                });
            }
            (_, Some(field)) => field,
            (Some(header), None) => header.to_owned(),
            // The image specification does not demand the field.
            (None, None) => match fields.manifests {
                Some(_) => media_type::INDEX.to_owned(),
                None => media_type::MANIFEST.to_owned(),
            },
        };
        if !media_type::ACCEPTED.contains(&media_type.as_str()) {
            return Err(ManifestError::Unsupported(shown(&media_type)));
        }
        if fields.schema_version != Some(2) {
            return Err(ManifestError::Missing("schemaVersion 2"));
        }
        let content = match (fields.manifests, fields.layers, fields.config) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => return Err(ManifestError::Ambiguous),
            (Some(manifests), None, None) if media_type::is_index(&media_type) => {
                let found = manifests.len();
                if found > limit {
                    return Err(ManifestError::TooMany { found, limit });
                }
                Content::Index(manifests)
            }
            (None, _, _) if media_type::is_index(&media_type) => {
                return Err(ManifestError::Missing("manifests"));
            }
            (None, Some(layers), Some(config)) => Content::Image { config, layers },
            (_, None, _) => return Err(ManifestError::Missing("layers")),
            (_, _, None) => return Err(ManifestError::Missing("config")),
        };
        Ok(Manifest {
            digest: digest_of(&bytes),
            bytes,
            media_type,
            content,
            artifact_type: fields.artifact_type,
            subject: fields.subject,
            annotations: fields.annotations.unwrap_or_default(),
        })
    }

    /// Returns the manifest with its digest by another algorithm.
    pub(crate) fn with_digest(self, digest: Digest) -> Manifest {
        Manifest { digest, ..self }
    }

    /// Returns whether this is a digest of the bytes, by whatever algorithm.
    pub(crate) fn has_digest(&self, digest: &Digest) -> bool {
        self.digest == *digest || Hasher::same_algorithm(digest, &self.bytes) == *digest
    }

    /// Returns whether this manifest refers to the one with this digest.
    pub(crate) fn is_about(&self, subject: &Digest) -> bool {
        let named = self.subject.as_ref();
        named.is_some_and(|named| named.digest == *subject)
    }

    /// Returns the descriptor by which a list of referrers has this manifest (OCI distribution specification, "Listing
    /// Referrers").
    pub(crate) fn referrer_descriptor(&self) -> Descriptor {
        let config = match &self.content {
            Content::Image { config, .. } => Some(config.media_type.clone()),
            Content::Index(_) => None,
        };
        Descriptor {
            artifact_type: self.artifact_type.clone().or(config),
            annotations: self.annotations.clone(),
            ..self.descriptor()
        }
    }

    /// Returns the bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the digest of the bytes: SHA-256, or with the algorithm by which the manifest was asked for.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            artifact_type: self.artifact_type.clone(),
            ..Descriptor::new(&self.media_type, self.digest, self.bytes.len() as u64)
        }
    }

    /// Returns the manifests of an index; none for an image.
    pub fn manifests(&self) -> &[Descriptor] {
        match &self.content {
            Content::Index(manifests) => manifests,
            Content::Image { .. } => &[],
        }
    }

    /// Returns configuration and layers of an image; none for an index.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.content {
            Content::Image { config, layers } => (Some(&**config), layers.as_slice()),
            Content::Index(_) => (None, [].as_slice()),
        };
        config.into_iter().chain(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::media_type::{DOCKER_MANIFEST, INDEX, MANIFEST};

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn descriptor() -> String {
        format!(r#"{{"mediaType":"application/x","digest":"{DIGEST}","size":2}}"#)
    }

    fn image() -> String {
        let d = descriptor();
        format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{d},"layers":[{d},{d}]}}"#)
    }

    #[test]
    fn a_manifest_keeps_its_bytes() {
        let text = image();
        let manifest = Manifest::parse(text.clone(), Some(MANIFEST)).unwrap();
        assert_eq!(manifest.bytes().as_ref(), text.as_bytes());
        assert_eq!(manifest.digest(), digest_of(text.as_bytes()));
        assert_eq!(manifest.descriptor().size, text.len() as u64);
        assert_eq!(manifest.blobs().count(), 3);
        assert_eq!(manifest.manifests(), []);
    }

    #[test]
    fn the_type_comes_from_the_field_or_the_header() {
        let d = descriptor();
        let untyped = format!(r#"{{"schemaVersion":2,"config":{d},"layers":[]}}"#);
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{d}]}}"#);
        let table = [
            (untyped.as_str(), None, MANIFEST),
            (
                &untyped,
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
                MANIFEST,
            ),
            (&untyped, Some(DOCKER_MANIFEST), DOCKER_MANIFEST),
            (&index, None, INDEX),
        ];
        for (text, header, media_type) in table {
            let manifest = Manifest::parse(text.to_owned(), header).unwrap();
            assert_eq!(manifest.media_type(), media_type, "{text} {header:?}");
        }
    }

    #[test]
    fn what_programs_read_in_different_ways_is_refused() {
        let d = descriptor();
        let both = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{d}],"layers":[{d}]}}"#
        );
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{d}]}}"#);
        let image = image();
        let negative = image.replace("\"size\":2", "\"size\":-2");
        let traversal = image.replace(DIGEST, "sha256:../../../etc/passwd");
        let twice = image.replace("\"layers\"", "\"layers\":[],\"layers\"");
        let table = [
            (both.as_str(), None, "it has both manifests and layers"),
            (
                &index,
                Some(MANIFEST),
                "it is announced as application/vnd.oci.image.manifest",
            ),
            (
                &image,
                Some(INDEX),
                "it is announced as application/vnd.oci.image.index",
            ),
            (
                &image,
                Some("text/html"),
                "it is announced as text/html, but says",
            ),
            (
                r#"{"schemaVersion":1,"fsLayers":[]}"#,
                None,
                "schema version 1",
            ),
            (
                r#"{"schemaVersion":2,"manifests":[]}"#,
                Some(MANIFEST),
                "it has no layers",
            ),
            (
                r#"{"schemaVersion":2,"layers":[]}"#,
                Some(INDEX),
                "it has no manifests",
            ),
            (
                r#"{"schemaVersion":2,"layers":[]}"#,
                None,
                "it has no config",
            ),
            (r#"{"manifests":[]}"#, None, "it has no schemaVersion 2"),
            (
                r#"{"schemaVersion":2,"layers":[]}"#,
                Some("text/html"),
                "text/html are not supported",
            ),
            (&negative, None, "invalid value: integer `-2`"),
            (&traversal, None, "it is not a manifest: "),
            (&twice, None, "duplicate field `layers`"),
            ("<html>", None, "it is not a manifest: expected value"),
        ];
        for (text, header, message) in table {
            let error = Manifest::parse(text.to_owned(), header)
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error} for {text}");
        }
        let name = format!("\\u001b[31m{}", "x".repeat(5000));
        for text in [
            image.replace(MANIFEST, &name),
            image.replace("\"size\":2", &format!("\"size\":\"{name}\"")),
        ] {
            for header in [None, Some(MANIFEST)] {
                let error = Manifest::parse(text.clone(), header).unwrap_err();
                let error = error.to_string();
                assert!(error.contains("[31mxxx"), "{error}");
                assert!(!error.contains('\u{1b}') && error.len() < 1000, "{error}");
            }
        }
        let many = vec![descriptor(); limits::MANIFESTS + 1].join(",");
        let many = format!(r#"{{"schemaVersion":2,"manifests":[{many}]}}"#);
        assert_eq!(
            Manifest::parse(many, None),
            Err(ManifestError::TooMany {
                found: limits::MANIFESTS + 1,
                limit: limits::MANIFESTS,
            })
        );
    }
}
