//! What a user asks for: the release, the values, and the target of an installation.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::PlanError;
use super::images::{Given, Overrides};
use helm_chart::ChartError;
use helm_chart::set::Mode;

/// Values that a user gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// The path of a values file, or `-` for standard input.
    File(PathBuf),
    /// The content of standard input.
    Text(String),
    /// An assignment such as `a.b=1`, and how its value is parsed.
    Assignment(Mode, String),
}

impl ValueSource {
    /// Reads standard input, if this is the source, so that several plans can use it.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub fn read(self) -> Result<ValueSource, PlanError> {
        match self {
            ValueSource::File(path) if path == Path::new("-") => {
                Ok(ValueSource::Text(read_values(&path)?))
            }
            other => Ok(other),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The namespace of the control plane.
    pub namespace: String,
    /// The name of the mesh, if the values do not set it.
    pub mesh_name: Option<Given<String>>,
    /// Whether the mesh must be the only one in the cluster.
    pub enforce_single_mesh: Option<bool>,
    /// The path of another chart than the compiled-in one.
    pub chart: Option<PathBuf>,
    /// The name of another release than the compiled-in default.
    pub release: Option<String>,
    /// The values of the last revision, which all others override.
    pub reused: Option<Map<String, Value>>,
    /// Values, each over the ones before.
    pub values: Vec<ValueSource>,
    /// What the user sets about images.
    pub overrides: Overrides,
    /// The version of Kubernetes to render for, such as `v1.36`.
    pub kube_version: Option<String>,
    /// API versions that the cluster has besides the others.
    pub api_versions: Vec<String>,
    /// Whether template functions run whose result differs on each call.
    pub allow_random: bool,
}

/// The largest values file, in bytes.
const MAX_VALUES_BYTES: u64 = 16 << 20;

pub(super) fn read_values(path: &Path) -> Result<String, ChartError> {
    use std::io::Read as _;
    let shown = path.display().to_string();
    let failed = |message: String| ChartError::File {
        path: shown.clone(),
        message,
    };
    if shown.contains("://") {
        let message = "values files cannot be URLs; download the file first and use its path";
        return Err(failed(message.to_owned()));
    }
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MAX_VALUES_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_VALUES_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| failed(format!("cannot read the values file: {e}")))?;
    if bytes.len() as u64 > MAX_VALUES_BYTES {
        return Err(failed(format!(
            "larger than {} MiB",
            MAX_VALUES_BYTES >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|e| failed(format!("not UTF-8: {e}")))
}
