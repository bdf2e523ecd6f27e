//! Digest files: the image digests that a publishing workflow records, in six formats.
//!
//! Each format has its own parser, and every parser returns a [`DigestFile`]. This module does not know which images a
//! release needs or which release is meant: it returns the rows as written, each with its position, and the caller
//! checks them.

mod buildx_metadata;
mod detect;
mod docker_images;
mod error;
mod format;
mod imagetools;
mod json;
mod lines;
mod name_lines;
mod places;
mod skopeo;
mod values_yaml;

use std::path::Path;

pub use error::{DigestFileError, Problem};
pub use format::{Format, UnknownFormat};

use crate::{Digest, Reference, RepositoryPrefix, Tag};

/// The maximum size of a digest file in bytes: 16 MiB.
pub const MAX_LEN: usize = 16 * 1024 * 1024;

/// The content of a digest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFile {
    /// The format the file was read as.
    pub format: Format,
    /// The images with their digests, in the order of the file. Never empty.
    pub rows: Vec<Row>,
    /// The third-party images that the file records as well.
    pub external: Vec<ExternalRow>,
}

/// One image of a digest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The image.
    pub subject: Subject,
    /// The registry it was published to, if the row names one.
    pub registry: Option<RepositoryPrefix>,
    /// The tag it was published with, if the row names one.
    pub tag: Option<Tag>,
    /// Its digest.
    pub digest: Digest,
    /// The position of the digest.
    pub position: Position,
}

/// How a digest file names an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// By the last component of its name: `osm-controller`.
    Name(String),
    /// By its key in a chart's values: `osmController`.
    ChartKey {
        /// The key under `image.digest`.
        key: String,
        /// The image name under `image.name` for the same key, if the values have one.
        name: Option<String>,
    },
}

/// One third-party image of a digest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalRow {
    /// Its key in the values: `sidecarImage`.
    pub key: String,
    /// The image.
    pub reference: Reference,
    /// The position of the reference.
    pub position: Position,
}

/// A position in a file. Line and column start at 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Parses a digest file. Detects the format if `format` is `None`; `path` appears in errors only.
///
/// Accepts a byte-order mark and CRLF line endings. Runs in time linear in the size of the file.
///
/// # Errors
///
/// The file is empty, larger than [`MAX_LEN`], not UTF-8 or contains NUL bytes; the format is unknown; or a row, digest,
/// tag or reference is not valid. The error has the position where it is known.
pub fn parse(
    bytes: &[u8],
    path: &Path,
    format: Option<Format>,
) -> Result<DigestFile, DigestFileError> {
    parse_text(bytes, format).map_err(|problem| problem.in_file(path))
}

fn parse_text(bytes: &[u8], format: Option<Format>) -> Result<DigestFile, error::At> {
    let text = lines::checked_text(bytes)?;
    let format = match format {
        Some(format) => format,
        None => detect::detect(text).ok_or(Problem::UnknownFormat)?,
    };
    let (rows, external) = match format {
        Format::DockerImages => (docker_images::parse(text)?, Vec::new()),
        Format::NameLines => (name_lines::parse(text)?, Vec::new()),
        Format::ValuesYaml => values_yaml::parse(text)?,
        Format::BuildxMetadata => (buildx_metadata::parse(text)?, Vec::new()),
        Format::Imagetools => (imagetools::parse(text)?, Vec::new()),
        Format::Skopeo => (skopeo::parse(text)?, Vec::new()),
    };
    if rows.is_empty() {
        return Err(Problem::NoRows(format).into());
    }
    Ok(DigestFile {
        format,
        rows,
        external,
    })
}

/// Splits an image name into its registry and the name of the image.
fn split_name(reference: &Reference) -> Result<(Option<RepositoryPrefix>, Subject), Problem> {
    let name = reference.file_name();
    let registry = match reference
        .name()
        .strip_suffix(name)
        .map(|before| before.trim_end_matches('/'))
    {
        None | Some("") => None,
        Some(registry) => Some(registry.parse()?),
    };
    Ok((registry, Subject::Name(name.to_owned())))
}

/// Returns the row for a reference and the digest next to it.
fn row(reference: &Reference, digest: Digest, position: Position) -> Result<Row, Problem> {
    if let Some(own) = reference.digest()
        && *own != digest
    {
        return Err(Problem::TwoDigests {
            own: own.to_string(),
            digest: digest.to_string(),
        });
    }
    let (registry, subject) = split_name(reference)?;
    let tag = reference.tag().map(str::parse).transpose()?;
    Ok(Row {
        subject,
        registry,
        tag,
        digest,
        position,
    })
}

#[cfg(test)]
mod tests;
