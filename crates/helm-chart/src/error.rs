//! Errors of charts, their values, and their rendered objects.

use std::path::Path;

use super::template::TemplateFault;

/// A value that the schema of a chart does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", self.dotted_path(), if path.is_empty() { "" } else { ": " })]
pub struct Violation {
    /// The path of the value: keys, and `[0]` for an item of a list. Empty for the values as a whole.
    pub path: Vec<String>,
    /// The reason.
    pub message: String,
}

impl Violation {
    /// Returns the path as users write it: `a.b[0]`.
    pub fn dotted_path(&self) -> String {
        self.path.join(".").replace(".[", "[")
    }

    /// Returns the path as a JSON pointer (RFC 6901), such as the keys of [`Marks`](crate::yaml::Marks): `/a/b/0`.
    pub fn pointer(&self) -> String {
        let token = |key: &String| match key.strip_prefix('[').and_then(|k| k.strip_suffix(']')) {
            Some(index) => format!("/{index}"),
            None => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        };
        self.path.iter().map(token).collect()
    }

    /// Creates a violation of the values as a whole.
    pub(super) fn of_all(message: String) -> Violation {
        Violation {
            path: Vec::new(),
            message,
        }
    }
}

/// An error in a chart or in the values for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// A file cannot be read, or its content is invalid.
    #[error("{path}: {message}")]
    File {
        /// The path of the file, followed by `:line:column` where they are known.
        path: String,
        /// The reason.
        message: String,
    },
    /// A template is invalid, fails, or refuses the values.
    #[error("{}", template_message(.0))]
    Template(#[from] Box<TemplateFault>),
    /// The chart does not accept the values.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Values(Vec<Violation>),
    /// The chart does not support this version of Kubernetes.
    #[error("the chart {chart} needs Kubernetes {wanted}, this is {have}")]
    KubeVersion {
        /// The name of the chart.
        chart: String,
        /// Its `kubeVersion`.
        wanted: String,
        /// The version of the target.
        have: String,
    },
    /// A rendered document is not a Kubernetes object.
    #[error("{file}: {message}")]
    Object {
        /// The template that rendered it, and the line in its output.
        file: String,
        /// The reason.
        message: String,
    },
}

/// Formats the message. If the chart itself refuses the values, its message comes before its position.
fn template_message(fault: &TemplateFault) -> String {
    if fault.by_chart {
        format!("{}\n  raised by the chart at {}", fault.message, fault.at)
    } else {
        fault.to_string()
    }
}

impl ChartError {
    pub(super) fn at(path: &Path, message: impl Into<String>) -> ChartError {
        ChartError::File {
            path: path.display().to_string(),
            message: message.into(),
        }
    }

    pub(super) fn file(path: impl Into<String>, message: impl Into<String>) -> ChartError {
        ChartError::File {
            path: path.into(),
            message: message.into(),
        }
    }
}
