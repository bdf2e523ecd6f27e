//! What the JSON formats share: detection, documents of one or several values, and strings with their positions.

use std::borrow::Cow;

use serde::Deserialize;

use super::error::At;
use super::places::Places;
use super::{Format, Position, Problem, Row};
use crate::{Digest, DigestError, Reference, ReferenceError};

/// Returns whether the text starts like a JSON object. A log can start with `[`, too.
pub(super) fn looks_like(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('{')
        || text
            .strip_prefix('[')
            .is_some_and(|rest| rest.trim_start().starts_with('{'))
}

/// Detects the format of JSON text by keys that only that format has. The JSON may be damaged.
pub(super) fn detect(text: &str) -> Option<Format> {
    [
        ("\"containerimage.digest\"", Format::BuildxMetadata),
        ("\"image.name\"", Format::BuildxMetadata),
        ("\"manifest\"", Format::Imagetools),
        ("\"Digest\"", Format::Skopeo),
    ]
    .into_iter()
    .find_map(|(key, format)| text.contains(key).then_some(format))
}

/// A string of a document. Without escapes it borrows from the document, and its address gives its position.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A document: one value, several values in sequence, or one array of values.
pub(super) struct Document<'a>(Places<'a>);

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(Places::new(text))
    }

    /// The values, in the order of the document.
    pub(super) fn values<T: Deserialize<'a>>(&self) -> Result<Vec<T>, At> {
        let text = self.0.text();
        if text.trim_start().starts_with('[') {
            return serde_json::from_str(text).map_err(|error| self.syntax(&error));
        }
        let values = serde_json::Deserializer::from_str(text).into_iter();
        values
            .map(|value| value.map_err(|error| self.syntax(&error)))
            .collect()
    }

    /// Returns the position of a string; the start of the document if it is unknown.
    pub(super) fn position(&self, text: &Text<'a>) -> Position {
        self.0.of_part(&text.0).unwrap_or_else(|| self.start())
    }

    fn start(&self) -> Position {
        let text = self.0.text();
        self.0.of_offset(text.len() - text.trim_start().len())
    }

    /// Returns the row for an image name and its digest.
    pub(super) fn row(
        &self,
        name: Option<&Text<'a>>,
        digest: Option<&Text<'a>>,
    ) -> Result<Row, At> {
        let Some(name) = name else {
            let at = digest.map_or_else(|| self.start(), |digest| self.position(digest));
            return Err(at.problem(Problem::NoName));
        };
        let at = self.position(name);
        let reference: Reference = name
            .0
            .parse()
            .map_err(|error: ReferenceError| at.problem(error))?;
        let Some(digest) = digest else {
            return Err(at.problem(Problem::NoDigest(reference.to_string())));
        };
        let place = self.position(digest);
        let digest: Digest = digest
            .0
            .parse()
            .map_err(|error: DigestError| place.problem(error))?;
        super::row(&reference, digest, place).map_err(|problem| at.problem(problem))
    }

    fn syntax(&self, error: &serde_json::Error) -> At {
        let lines = self.0.text().split_inclusive('\n');
        let lines = lines.take(error.line().saturating_sub(1));
        // The column of the error is in bytes, and 0 for a line feed.
        let offset = lines.map(str::len).sum::<usize>() + error.column();
        let position = self.0.of_offset(offset.saturating_sub(1));
        let message = error.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(&*message, |(what, _)| what);
        position.problem(Problem::Syntax(format!("not the expected JSON: {message}")))
    }
}
