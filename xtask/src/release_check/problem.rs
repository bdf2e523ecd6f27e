//! What is wrong with a release, where, and what to do about it.

use std::fmt;

use image_pins::{FileError, Reference, ReleaseName, ReleaseNameError};

use crate::git::GitError;
use crate::source_date::{self, SourceDateError};

/// A reason not to release.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A file cannot be read or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("digests/{release}.toml is missing")]
    NoPins { release: ReleaseName },
    #[error("digests/{release}.toml: no digest of {component}")]
    MissingComponent {
        release: ReleaseName,
        component: String,
    },
    #[error("digests/{release}.toml: {image} is not a component of {release}")]
    ForeignComponent { release: ReleaseName, image: String },
    #[error("digests/{release}.toml: all digests are those of {other}")]
    PinsOfOther {
        release: ReleaseName,
        other: ReleaseName,
    },
    #[error("digests/{release}.toml: {component} has the same digest as {twin} in {other}")]
    SameDigest {
        release: ReleaseName,
        component: String,
        twin: String,
        other: ReleaseName,
    },
    /// The digest file was that of another tag.
    #[error("digests/{release}.toml: wrong source: {}", .error.message)]
    Source {
        release: ReleaseName,
        error: FileError,
    },
    #[error("{file}: the third-party image {key} has no digest: {image}")]
    Unpinned {
        file: String,
        key: String,
        image: Reference,
    },
    #[error("charts/osm cannot be rendered with the pins: {0}")]
    Render(String),
    #[error("{place} has an image without a digest: {image}")]
    Floating { place: String, image: String },
    #[error("charts/osm renders {image} nowhere, which digests/{release}.toml pins")]
    Unused {
        release: ReleaseName,
        image: Reference,
    },
    #[error("{file}: {key} is {found}, not {wanted}")]
    Version {
        file: &'static str,
        key: String,
        found: String,
        wanted: String,
        release: ReleaseName,
    },
    #[error("CHANGELOG.md: no section `## {release}`")]
    NoChanges { release: ReleaseName },
    #[error("CHANGELOG.md: the section `## {release}` is empty")]
    EmptyChanges { release: ReleaseName },
    #[error("files with uncommitted changes: {0}")]
    Uncommitted(Names),
    #[error("files that are not in git, but would be in the release: {0}")]
    Untracked(Names),
    #[error("the tag {tag} does not exist")]
    NoPreRelease { tag: String },
    #[error("files that differ from the pre-release {tag}: {files}")]
    Differs { tag: String, files: Names },
    #[error("the commit {commit} is neither on main nor on a branch release-*")]
    NoBranch { commit: String },
    #[error("the tag {tag} of the commit: {error}")]
    NotAReleaseTag {
        tag: String,
        error: ReleaseNameError,
    },
    #[error("the commit has the tag {tag}, but the release is {release}")]
    OtherTag { tag: String, release: ReleaseName },
    #[error("generated files that are not up to date: {files}")]
    Stale { files: Names, command: &'static str },
    #[error("cannot compare what `{command}` writes: {message}")]
    Generator {
        command: &'static str,
        message: String,
    },
    /// What the comparison of two builds says.
    #[error("{0}")]
    Builds(String),
    #[error("{} is not set", source_date::VARIABLE)]
    NoSourceDate,
    #[error(transparent)]
    SourceDate(#[from] SourceDateError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[cfg(feature = "registry")]
    #[error(transparent)]
    Image(crate::registry::Problem),
    #[cfg(feature = "registry")]
    #[error(transparent)]
    ImageName(image_pins::ReferenceError),
    #[cfg(feature = "registry")]
    #[error("the chart cannot be packaged: {0}")]
    Package(String),
    #[cfg(feature = "registry")]
    #[error("{chart} is another chart than that of this commit, which is {ours}")]
    OtherChart {
        chart: String,
        ours: image_pins::Digest,
    },
    #[cfg(feature = "registry")]
    #[error("cannot wait for a network: {0}")]
    Runtime(std::io::Error),
}

impl Problem {
    /// Returns what to do next, if the message does not say it.
    pub(super) fn hint(&self) -> Option<String> {
        let again = |release: &ReleaseName| {
            format!(
                "import the digest file of the pre-release: `cargo xtask import-digests --release {release} --replace \
                 osm_image_digest_{release}.txt`"
            )
        };
        Some(match self {
            Self::File(_) | Self::Generator { .. } | Self::Builds(_) => return None,
            Self::NoPins { release } => {
                format!("run `cargo xtask import-digests --release {release} <digest file>`")
            }
            Self::MissingComponent { release, .. } | Self::PinsOfOther { release, .. } => {
                again(release)
            }
            Self::ForeignComponent { release, image } => format!(
                "if {image} is new in {release}, declare it in digests/components.toml; otherwise {}",
                again(release)
            ),
            Self::SameDigest {
                release,
                component,
                twin,
                ..
            } => match component == twin {
                true => format!(
                    "if the image was not rebuilt, add --allow-unchanged {component}; otherwise {}",
                    again(release)
                ),
                false => again(release),
            },
            Self::Source { error, release } => match &error.hint {
                Some(hint) => hint.clone(),
                None => again(release),
            },
            Self::Unpinned { .. } => {
                "write name:tag@digest, with the digest that the registry has for the tag"
                    .to_owned()
            }
            Self::Render(_) => "mend the chart or the pins; `cargo build` says more".to_owned(),
            Self::Floating { .. } => {
                "let the template use a value that digests/components.toml or the pin file sets"
                    .to_owned()
            }
            Self::Unused { .. } => {
                "let a template of the chart use the image, or remove the component".to_owned()
            }
            Self::Version { release, .. } | Self::NoChanges { release } => {
                format!("run `cargo xtask bump {release}` and commit")
            }
            Self::EmptyChanges { .. } => "write what changed for users, and commit".to_owned(),
            Self::Uncommitted(_) => "commit them, or put them aside with `git stash`".to_owned(),
            Self::Untracked(_) => "commit them, or remove them".to_owned(),
            Self::NoPreRelease { tag } => format!(
                "run `git fetch --tags`; if there was no pre-release, make one: `git tag {tag} && git push origin {tag}`"
            ),
            Self::Differs { tag, .. } => format!(
                "see `git diff {tag}`; revert the changes, or make a new version with a pre-release of its own"
            ),
            Self::NoBranch { .. } => {
                "merge the commit first; in a shallow clone, run `git fetch --unshallow --tags`"
                    .to_owned()
            }
            Self::NotAReleaseTag { tag, .. } => {
                format!(
                    "remove the tag: `git tag --delete {tag} && git push --delete origin {tag}`"
                )
            }
            Self::OtherTag { tag, release } => format!(
                "run `cargo xtask bump {tag}` before the tag is set, or check the other release: `git checkout {release}`"
            ),
            Self::Stale { command, .. } => format!("run `{command}` and commit"),
            Self::NoSourceDate | Self::SourceDate(_) => format!(
                "set it to the time of the commit: `export {}=$(git log -1 --format=%ct)`",
                source_date::VARIABLE
            ),
            #[cfg(feature = "registry")]
            Self::Image(problem) => return problem.hint(),
            #[cfg(feature = "registry")]
            Self::ImageName(_) | Self::Package(_) | Self::Runtime(_) => return None,
            #[cfg(feature = "registry")]
            Self::OtherChart { .. } => {
                "a version never changes: check the commit that was released, or make a new version"
                    .to_owned()
            }
            Self::Git(_) => {
                "run the task in a clone of the repository, with git installed".to_owned()
            }
        })
    }
}

/// Names in a sentence.
#[derive(Debug)]
pub(super) struct Names(pub(super) Vec<String>);

/// The number of names that a sentence has.
const SHOWN: usize = 10;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<&str> = self.0.iter().take(SHOWN).map(String::as_str).collect();
        f.write_str(&shown.join(", "))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
