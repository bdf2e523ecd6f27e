//! Where JSON with secrets is malformed, without quoting it.

use std::fmt;

/// The place of a mistake in JSON. The messages of `serde_json` quote values, which can be secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1; 0 in front of the line.
    pub column: usize,
    /// Whether it is not JSON at all, rather than JSON with other types.
    pub is_syntax: bool,
}

impl JsonError {
    pub(super) fn new(error: &serde_json::Error) -> JsonError {
        JsonError {
            line: error.line(),
            column: error.column(),
            is_syntax: !error.is_data(),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.is_syntax {
            true => "not valid JSON",
            false => "a value has the wrong type",
        };
        write!(f, "line {}, column {}: {what}", self.line, self.column)
    }
}
