//! The formats of digest files: their names, and how they are told apart.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::lines::{self, LogLine};
use super::{docker_images, json, name_lines, values_yaml};
use crate::nearest;
use crate::text::Quoted;

/// A format of digest files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Rows of `docker images --digests`.
    DockerImages,
    /// Lines `name: sha256:…`, also inside the log of a CI job.
    NameLines,
    /// A chart's `values.yaml` with `image.digest.<key>`.
    ValuesYaml,
    /// What `docker buildx build --metadata-file` or `docker buildx bake --metadata-file` writes.
    BuildxMetadata,
    /// What `docker buildx imagetools inspect --format '{{json .}}'` prints.
    Imagetools,
    /// What `skopeo inspect` prints.
    Skopeo,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::DockerImages,
        Self::NameLines,
        Self::ValuesYaml,
        Self::BuildxMetadata,
        Self::Imagetools,
        Self::Skopeo,
    ];

    /// The name, as `--format` takes it and pin files record it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerImages => "docker-images",
            Self::NameLines => "name-lines",
            Self::ValuesYaml => "values-yaml",
            Self::BuildxMetadata => "buildx-metadata",
            Self::Imagetools => "imagetools",
            Self::Skopeo => "skopeo",
        }
    }

    /// All names, for messages.
    pub(super) fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| UnknownFormat {
                name: Quoted(text).to_string(),
                meant: nearest(text, Self::ALL.map(Self::name)).and_then(|name| name.parse().ok()),
            })
    }
}

/// An unknown format name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is not a digest file format: {}", .meant.map_or_else(|| format!("expected {}", Format::list()), |format| format!("did you mean `{format}`?")))]
pub struct UnknownFormat {
    /// The name, quoted.
    pub name: String,
    /// The format that was probably meant.
    pub meant: Option<Format>,
}

/// Detects the format by the first construct that only one format has.
pub(super) fn recognise(text: &str) -> Option<Format> {
    if json::looks_like(text) {
        return json::recognise(text);
    }
    if lines::of(text).any(|line| values_yaml::is_root(line.text)) {
        return Some(Format::ValuesYaml);
    }
    // A job's log can show `docker images` on the way to its `name: digest` lines; the lines are then what is meant.
    let mut rows = false;
    for line in lines::of(text) {
        let line = LogLine::new(line);
        if name_lines::entry(&line).is_some() {
            return Some(Format::NameLines);
        }
        rows = rows || docker_images::looks_like_row(&line);
    }
    rows.then_some(Format::DockerImages)
}
