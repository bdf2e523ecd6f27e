//! Errors of digest files: what is wrong, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Format, MAX_LEN, Position};
use crate::{DigestError, FileError, ReferenceError};

/// Why a digest file cannot be read. Displayed as a [`FileError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFileError {
    /// The file, as the caller named it.
    pub path: PathBuf,
    /// Where the problem is; `None` if it concerns the whole file.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: Problem,
}

impl From<&DigestFileError> for FileError {
    fn from(error: &DigestFileError) -> Self {
        let DigestFileError {
            path,
            position,
            problem,
        } = error;
        let error = match position {
            Some(at) => Self::new(path, at.line, at.column, problem),
            None => Self::whole(path, problem),
        };
        error.with_hint(problem.hint())
    }
}

impl fmt::Display for DigestFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FileError::from(self).fmt(f)
    }
}

impl std::error::Error for DigestFileError {}

/// What is wrong with a digest file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but whitespace.
    #[error("the file is empty")]
    Empty,
    /// More than [`MAX_LEN`] bytes.
    #[error("the file is larger than {} MiB", MAX_LEN / 1024 / 1024)]
    TooLarge,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A NUL byte, which UTF-16 and binary files have.
    #[error("NUL byte: the file is not text, or not UTF-8")]
    Nul,
    /// The content matches no format.
    #[error("cannot detect the format of this digest file")]
    UnknownFormat,
    /// No image in a file of this format.
    #[error("no image with a digest found in this file, read as {0}")]
    NoRows(Format),
    /// A line of a [`Format::DockerImages`] file with another shape.
    #[error(
        "not a row of `docker images` with digests: expected repository, tag and digest, separated by spaces"
    )]
    NotARow,
    /// Docker printed `<none>` in this column.
    #[error("the {0} is `<none>`")]
    NoneColumn(&'static str),
    /// Not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Not a reference or a part of one.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// This image has no digest.
    #[error("no digest for {0}")]
    NoDigest(String),
    /// A digest without an image.
    #[error("digest without an image name")]
    NoName,
    /// An image with two digests.
    #[error("the image name contains the digest {own}, but the digest of the image is {digest}")]
    TwoDigests {
        /// The digest in the image name.
        own: String,
        /// The digest next to the image name.
        digest: String,
    },
    /// The digest of an image's configuration in place of its manifest's.
    #[error("this is the digest of the configuration of the image, not of its manifest")]
    ConfigDigest,
    /// The digest of a layer of the image in place of its manifest's.
    #[error("this is the digest of a layer of the image, not of its manifest")]
    LayerDigest,
    /// A line that Git writes where two versions of a file conflict.
    #[error("conflict marker of Git: two versions of this file were merged and not resolved")]
    ConflictMarker,
    /// Values of a chart that set this tag.
    #[error(
        "image.tag is {0}, and a tag overrides the digests: these are not the values of a release"
    )]
    TagInValues(String),
    /// Values of a chart without image digests.
    #[error("neither `osm` nor `OpenServiceMesh` has image digests")]
    NoRoot,
    /// Values of a chart with the image digests of two releases.
    #[error("both `osm` and `OpenServiceMesh` are present, but a release has only one of them")]
    TwoRoots,
    /// A third-party image without a digest.
    #[error("{key} is {reference}, which has no digest")]
    Unpinned {
        /// The key in the values.
        key: String,
        /// The reference, quoted.
        reference: String,
    },
    /// Not the JSON or YAML that the format has. The message names the parser's reason.
    #[error("{0}")]
    Syntax(String),
}

impl Problem {
    /// Returns what to do about it, for a person who has the digest file.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "the command that writes this file probably failed: run it again",
            Self::TooLarge => {
                "pass the right file; of a long log, keep only the lines with digests"
            }
            Self::NotUtf8 | Self::Nul => {
                "save the file as UTF-8 (PowerShell redirects as UTF-16), or download it again"
            }
            Self::UnknownFormat => "pass a digest file, or name its format",
            Self::NoRows(_) => "pass another file, or name another format",
            Self::NotARow => "remove everything else from the file, or name its format",
            Self::NoneColumn(_) => "push or pull the image by its tag, then list the digests again",
            Self::NoName => "build with an image name (a tag, or `name=` of the output)",
            Self::Digest(_) | Self::Reference(_) | Self::NoDigest(_) | Self::TwoDigests { .. } => {
                "write the digest file again with the workflow that published the images"
            }
            Self::ConfigDigest | Self::LayerDigest => {
                "push the image to its registry, and take the digest that the registry shows"
            }
            Self::ConflictMarker => {
                "resolve the conflict, or write the digest file again with the workflow that published the images"
            }
            Self::TagInValues(_) => "take values.yaml from the chart of the release",
            Self::NoRoot => {
                "expected `image.digest` under one of them: pass the values.yaml of a release"
            }
            Self::TwoRoots => "remove the one that does not belong to the release",
            Self::Unpinned { .. } => "append `@` and the digest",
            Self::Syntax(_) => "download the file again, or name its format",
        }
    }
}

/// A problem, and its position once it is known.
#[derive(Debug)]
pub(super) struct At {
    position: Option<Position>,
    problem: Problem,
}

impl At {
    pub(super) fn in_file(self, path: &Path) -> DigestFileError {
        DigestFileError {
            path: path.to_owned(),
            position: self.position,
            problem: self.problem,
        }
    }
}

impl<P: Into<Problem>> From<P> for At {
    fn from(problem: P) -> Self {
        Self {
            position: None,
            problem: problem.into(),
        }
    }
}

impl Position {
    /// The problem, at this position.
    pub(super) fn problem(self, problem: impl Into<Problem>) -> At {
        At {
            position: Some(self),
            problem: problem.into(),
        }
    }
}
