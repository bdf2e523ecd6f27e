//! What can be wrong with a digest file, and where.

use std::path::Path;

use thiserror::Error;

use super::{Format, MAX_LEN, Position};
use crate::{DigestError, FileError, ReferenceError};

/// What is wrong with a digest file.
#[derive(Debug, Error)]
pub(super) enum Problem {
    #[error("the file is empty")]
    Empty,
    #[error("the file is larger than {} MiB", MAX_LEN / 1024 / 1024)]
    TooLarge,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("a NUL byte: the file is not text, or not UTF-8")]
    Nul,
    #[error("no format of digest files is recognised")]
    NotRecognised,
    #[error("no image with a digest in this file, read as {0}")]
    NoRows(Format),
    #[error(
        "not a row of `docker images --digests`: expected repository, tag and digest, separated by blanks"
    )]
    NotARow,
    #[error("the {0} is `<none>`")]
    None(&'static str),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("no digest for {0}")]
    NoDigest(String),
    #[error("a digest without the name of its image")]
    NoName,
    #[error("the image is named with the digest {own}, but beside it stands {digest}")]
    TwoDigests { own: String, digest: String },
    #[error(
        "image.tag is {0}, and a tag wins over the digests: these are not the values of a release"
    )]
    TagInValues(String),
    #[error("neither `osm` nor `OpenServiceMesh` has image digests here")]
    NoRoot,
    #[error("both `osm` and `OpenServiceMesh` are here, and a release has one of them")]
    TwoRoots,
    #[error("{key} is {reference}, which has no digest")]
    Unpinned { key: String, reference: String },
    #[error("{0}")]
    Syntax(String),
}

impl Problem {
    /// What to do about it.
    fn hint(&self) -> String {
        match self {
            Self::Empty => {
                "the command that should have written it has failed: run it again".to_owned()
            }
            Self::TooLarge => {
                "give the right file, or of a long log only the lines with the digests".to_owned()
            }
            Self::NotUtf8 | Self::Nul => {
                "save it as UTF-8 (PowerShell redirects into UTF-16), or fetch it again".to_owned()
            }
            Self::NotRecognised => format!(
                "give a digest file, or name its format with --format: {}",
                Format::list()
            ),
            Self::NoRows(_) => {
                format!("give another file, or another --format: {}", Format::list())
            }
            Self::NotARow => {
                "take everything else out of the file, or name its format with --format".to_owned()
            }
            Self::None(_) => {
                "push or pull the image with its tag, then list the digests again".to_owned()
            }
            Self::NoName => "build with a name (`--tag`, or `name=` of the output)".to_owned(),
            Self::Digest(_) | Self::Reference(_) | Self::NoDigest(_) | Self::TwoDigests { .. } => {
                "write the digest file again with the workflow that published the images".to_owned()
            }
            Self::TagInValues(_) => "take values.yaml from the release's chart".to_owned(),
            Self::NoRoot => {
                "expected `image.digest` under one of them: give a release's values.yaml".to_owned()
            }
            Self::TwoRoots => "take out the one that is not the release's".to_owned(),
            Self::Unpinned { .. } => "add `@` and its digest".to_owned(),
            Self::Syntax(_) => "fetch the file again, or name its format with --format".to_owned(),
        }
    }
}

/// A problem, and its place once it is known.
#[derive(Debug)]
pub(super) struct At {
    position: Option<Position>,
    problem: Problem,
}

impl At {
    pub(super) fn in_file(self, path: &Path) -> FileError {
        let error = match self.position {
            Some(at) => FileError::new(path, at.line, at.column, &self.problem),
            None => FileError::whole(path, &self.problem),
        };
        error.with_hint(self.problem.hint())
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
    /// The problem, at this place.
    pub(super) fn problem(self, problem: impl Into<Problem>) -> At {
        At {
            position: Some(self),
            problem: problem.into(),
        }
    }
}
