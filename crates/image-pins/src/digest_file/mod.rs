//! Digest files: what a publishing workflow leaves behind, in the six formats that are in use.
//!
//! Each format has a parser of its own; all of them give a [`DigestFile`]. Nothing here knows which images a release
//! needs or which release is meant: rows are handed on as they stand, each with its position, for the caller to judge.

mod buildx_metadata;
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

pub use format::{Format, UnknownFormat};

use error::Problem;

use crate::{Digest, FileError, Reference, RepositoryPrefix, Tag};

/// The largest digest file that is read, in bytes: 16 MiB.
pub const MAX_LEN: usize = 16 * 1024 * 1024;

/// What a digest file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFile {
    /// The format the file was read as.
    pub format: Format,
    /// The images with their digests, in the order of the file. Never empty.
    pub rows: Vec<Row>,
    /// Third-party images that are recorded beside them.
    pub external: Vec<External>,
}

/// One image of a digest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which image.
    pub subject: Subject,
    /// Where it was published, if the row says so.
    pub registry: Option<RepositoryPrefix>,
    /// The tag it was published with, if the row says so.
    pub tag: Option<Tag>,
    /// Its digest.
    pub digest: Digest,
    /// Where the digest stands.
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
        /// The image name under `image.name` for the same key, where the values have one.
        name: Option<String>,
    },
}

/// A third-party image of a chart's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its key in the values: `sidecarImage`.
    pub key: String,
    /// The image.
    pub reference: Reference,
    /// Where it stands.
    pub position: Position,
}

/// A place in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Parses a digest file. The format is recognised unless it is given; `path` is for messages only.
///
/// A byte-order mark and CRLF line ends are fine. Runs in time linear in the length of the file.
///
/// # Errors
///
/// [`FileError`] with file, line and column: input that is empty, larger than [`MAX_LEN`], not UTF-8 or has NUL
/// bytes; a format that is not recognised; a row, a digest, a tag or a reference that is not one.
pub fn parse(bytes: &[u8], path: &Path, format: Option<Format>) -> Result<DigestFile, FileError> {
    parse_text(bytes, format).map_err(|problem| problem.in_file(path))
}

fn parse_text(bytes: &[u8], format: Option<Format>) -> Result<DigestFile, error::At> {
    let text = lines::checked_text(bytes)?;
    let format = match format {
        Some(format) => format,
        None => format::recognise(text).ok_or(Problem::NotRecognised)?,
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

/// Splits an image name into where it is published and what it is called.
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

/// A row of an image that is written as a reference, and of a digest that stands beside it.
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
