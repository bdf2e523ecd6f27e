//! Errors in templates: position, message, and the calls that led there.

use std::fmt;

/// A position in a template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Path of the file inside the chart: `web/templates/deployment.yaml`.
    pub file: String,
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in bytes.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An error in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// The position.
    pub at: Location,
    /// The message.
    pub message: String,
    /// The `include`, `template` and `tpl` calls on the way there, innermost first.
    pub through: Vec<(String, Location)>,
    /// Whether the chart itself reports the error (`fail`, `required`). The message then addresses the user of the chart.
    pub by_chart: bool,
    /// The function whose result differs on each call, if it is refused for that ([`Target::allow_random`]).
    ///
    /// [`Target::allow_random`]: crate::Target::allow_random
    pub random_function: Option<&'static str>,
    /// Whether a larger stack would avoid the error: see [`super::Stack`].
    pub(crate) needs_stack: bool,
}

/// Maximum number of calls in a message. An endless recursion has a thousand.
const MAX_CALLS_SHOWN: usize = 4;

impl TemplateFault {
    pub(super) fn new(at: Location, message: impl Into<String>) -> Self {
        TemplateFault {
            at,
            message: message.into(),
            through: Vec::new(),
            by_chart: false,
            random_function: None,
            needs_stack: false,
        }
    }
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)?;
        for (name, at) in self.through.iter().take(MAX_CALLS_SHOWN) {
            write!(f, "\n  through {name} at {at}")?;
        }
        match self.through.len().checked_sub(MAX_CALLS_SHOWN) {
            Some(more) if more > 0 => write!(f, "\n  and {more} more calls"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for TemplateFault {}
