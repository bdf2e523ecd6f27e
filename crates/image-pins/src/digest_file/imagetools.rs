//! The output of `docker buildx imagetools inspect --format '{{json .}}'`: `name`, and `digest` of `manifest`.

use serde::Deserialize;

use super::Row;
use super::error::At;
use super::json::{Document, Text};

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
}

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let document = Document::new(text);
    let images = document.values::<Inspected>()?;
    images
        .into_iter()
        .map(|image| {
            let digest = image.manifest.and_then(|manifest| manifest.digest);
            document.row(image.name.as_ref(), digest.as_ref())
        })
        .collect()
}
