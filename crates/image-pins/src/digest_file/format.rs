//! The formats of digest files and their names.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::nearest;
use crate::text::Quoted;

/// A format of digest files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Rows of `docker images --digests`.
    DockerImages,
    /// Lines `name: sha256:…`, alone or in the log of a CI job.
    NameLines,
    /// A chart's `values.yaml` with `image.digest.<key>`.
    ValuesYaml,
    /// The file that `docker buildx build --metadata-file` or `docker buildx bake --metadata-file` writes.
    BuildxMetadata,
    /// The output of `docker buildx imagetools inspect --format '{{json .}}'`.
    Imagetools,
    /// The output of `skopeo inspect`.
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

    /// The name, as pin files record it.
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

/// A string that is not the name of a format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is not a digest file format: {}", .meant.map_or_else(|| format!("expected one of {}", Format::ALL.map(Format::name).join(", ")), |format| format!("did you mean `{format}`?")))]
pub struct UnknownFormat {
    /// The string, quoted.
    pub name: String,
    /// The format that was probably meant.
    pub meant: Option<Format>,
}
