//! The output of `docker buildx imagetools inspect --format '{{json .}}'`: `name`, and `digest` of `manifest`.

use serde::Deserialize;

use super::error::At;
use super::json::{Document, Text};
use super::{Problem, Row};

#[derive(Deserialize)]
struct Inspected<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    manifest: Option<Manifest<'a>>,
}

#[derive(Deserialize)]
struct Manifest<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow)]
    config: Option<Descriptor<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<Descriptor<'a>>>,
}

/// What a manifest names: its configuration, a layer.
#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
}

impl<'a> Manifest<'a> {
    /// Returns the digest of the manifest.
    fn digest(self, document: &Document<'a>) -> Result<Option<Text<'a>>, At> {
        let Some(digest) = self.digest else {
            return Ok(None);
        };
        let is_of =
            |part: &Descriptor<'a>| part.digest.as_ref().is_some_and(|own| own.0 == digest.0);
        let problem = if self.config.as_ref().is_some_and(is_of) {
            Problem::ConfigDigest
        } else if self.layers.iter().flatten().any(is_of) {
            Problem::LayerDigest
        } else {
            return Ok(Some(digest));
        };
        Err(document.position(&digest).problem(problem))
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let document = Document::new(text);
    let images = document.values::<Inspected>()?;
    images
        .into_iter()
        .map(|image| {
            let manifest = image.manifest.map(|manifest| manifest.digest(&document));
            let digest = manifest.transpose()?.flatten();
            document.row(image.name.as_ref(), digest.as_ref())
        })
        .collect()
}
