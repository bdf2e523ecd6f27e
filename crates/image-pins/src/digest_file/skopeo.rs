//! The output of `skopeo inspect`: `Name` and `Digest`, and `Tag` from old versions.

use serde::Deserialize;

use super::error::At;
use super::json::{Document, Text};
use super::{Problem, Row};
use crate::ReferenceError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    tag: Option<Text<'a>>,
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow, default)]
    layers: Option<Vec<Text<'a>>>,
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let document = Document::new(text);
    let images = document.values::<Inspected>()?;
    images
        .into_iter()
        .map(|image| {
            let layers = image.layers.iter().flatten();
            if let Some(digest) = &image.digest
                && layers.into_iter().any(|layer| layer.0 == digest.0)
            {
                return Err(document.position(digest).problem(Problem::LayerDigest));
            }
            let row = document.row(image.name.as_ref(), image.digest.as_ref())?;
            let tag = match image.tag.filter(|tag| !tag.0.is_empty()) {
                Some(tag) => {
                    let at = document.position(&tag);
                    Some(
                        tag.0
                            .parse()
                            .map_err(|error: ReferenceError| at.problem(error))?,
                    )
                }
                None => row.tag,
            };
            Ok(Row { tag, ..row })
        })
        .collect()
}
