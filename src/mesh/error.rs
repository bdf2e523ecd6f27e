//! Why a plan cannot be made or rendered. Every variant means invalid input.

use helm_chart::ChartError;
use helm_chart::set::{Mode, SetError};

use super::images::{BadImage, Place, ResolveError, Setting, Source, UnknownRelease};
use super::names::InvalidName;

/// Why a request cannot be carried out.
///
/// The messages name no flag: the command line, which has the flags, adds them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two values files are standard input.
    #[error("standard input can be read only once")]
    StdinTwice,
    /// An assignment of a value is wrong.
    #[error("{error}")]
    Assignment {
        /// How the value would be parsed.
        mode: Mode,
        /// What is wrong, with the column.
        error: SetError,
    },
    /// The values put the control plane into another namespace than the release.
    #[error("the values set the namespace {values}, but the release goes to {release}")]
    OtherNamespace {
        /// The namespace in the values.
        values: String,
        /// The namespace of the release.
        release: String,
    },
    /// A tag for all components, and a digest for one of them.
    #[error("a tag applies to all components, and an image has either a tag or a digest")]
    TagAndDigest,
    /// The chart does not have the value that an option sets.
    #[error("the chart {chart} has no {path}")]
    NoSuchValue {
        /// The option.
        setting: Setting,
        /// The name of the chart.
        chart: String,
        /// The path of the value.
        path: String,
    },
    /// An option and an assignment set the same value differently.
    #[error("{setting} {value} and {} set {path} to different values", Source::Assignment(*.mode, .assignment.clone()))]
    Disagreement {
        /// The option.
        setting: Setting,
        /// The value that it sets.
        value: String,
        /// How the value of the assignment is parsed.
        mode: Mode,
        /// The assignment.
        assignment: String,
        /// The path of the value.
        path: String,
    },
    /// An option sets a value inside of something that is not a map.
    #[error("{setting}: {path} has to be a map, not {found} ({set_by})")]
    NotAMap {
        /// The option.
        setting: Setting,
        /// The path of what has to be a map.
        path: String,
        /// What is there, as JSON.
        found: String,
        /// What set it.
        set_by: Source,
    },
    /// A tag overrides the digests that the user sets.
    #[error(
        "the digest would have no effect: the tag {tag} ({set_by}) overrides the digests of all components"
    )]
    DigestWithoutEffect {
        /// The tag.
        tag: String,
        /// What set it.
        set_by: Source,
    },
    /// The compiled-in chart is for releases of another minor version.
    #[error("release {release}: the compiled-in chart installs releases v{minor}.x")]
    OtherMinorVersion {
        /// The release.
        release: &'static str,
        /// The minor version of the chart: `1.2`.
        minor: String,
    },
    /// The release has no such component.
    #[error("{release} has no component {key}")]
    NoSuchComponent {
        /// The name of the release.
        release: &'static str,
        /// The chart key of the component.
        key: String,
    },
    /// A release and another chart.
    #[error("another chart has its own images")]
    ReleaseOfOtherChart,
    /// The version of Kubernetes is not valid.
    #[error("{0}")]
    KubeVersion(String),
    /// The name of the mesh is not valid.
    #[error("the mesh name {name:?}: {reason}")]
    MeshName {
        /// The name.
        name: String,
        /// Which names are valid.
        reason: InvalidName,
    },
    /// The release is not compiled in.
    #[error("{0}")]
    Release(#[from] UnknownRelease),
    /// The chart, a values file or a template is wrong.
    #[error("{0}")]
    Chart(#[from] ChartError),
    /// Values that the chart refuses.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Values(Vec<RefusedValue>),
    /// The values give a component no image.
    #[error("{0}")]
    Resolve(#[from] ResolveError),
    /// A rendered object has an invalid image reference.
    #[error("{0}; osm does not install such an object")]
    Image(#[from] BadImage),
}

/// A value that the schema of the chart refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", self.prefix(), .place.as_ref().map(|place| format!(" (set by {place})")).unwrap_or_default())]
pub struct RefusedValue {
    /// The path of the value; empty for all values.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What set it, if the user or the pins did.
    pub place: Option<Place>,
}

impl RefusedValue {
    fn prefix(&self) -> String {
        match self.path.is_empty() {
            true => String::new(),
            false => format!("{}: ", self.path),
        }
    }
}
