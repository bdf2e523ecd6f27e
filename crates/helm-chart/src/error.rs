//! Errors of a chart, its values, and its rendered objects.

use std::path::Path;

use super::template::TemplateFault;

/// A value that the schema of the chart does not allow: its path and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", path.join(".").replace(".[", "["), if path.is_empty() { "" } else { ": " })]
pub struct Violation {
    /// Keys from the top, `[0]` for an item of a list; empty for the values as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
}

impl Violation {
    /// Something that is wrong with the values as a whole.
    pub(super) fn of_all(message: String) -> Violation {
        Violation {
            path: Vec::new(),
            message,
        }
    }
}

/// An error of a chart. All of them are about input: the exit code is 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// A file cannot be read or does not hold what it should.
    #[error("{path}: {message}")]
    File {
        /// The file, with line and column where there are any.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A template is wrong, or refuses the values.
    #[error("{}", template_message(.0))]
    Template(#[from] Box<TemplateFault>),
    /// Values that the chart does not take.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Values(Vec<Violation>),
    /// The chart is not for this version of Kubernetes.
    #[error("the chart {chart} needs Kubernetes {wanted}, this is {have}")]
    KubeVersion {
        /// The chart's name.
        chart: String,
        /// Its `kubeVersion`.
        wanted: String,
        /// The version that it was to be rendered for.
        have: String,
    },
    /// A rendered document is not a Kubernetes object.
    #[error("{file}: {message}")]
    Object {
        /// The template that it comes from.
        file: String,
        /// What is wrong.
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
