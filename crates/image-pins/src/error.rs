//! Errors in files, with their position.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error in a file. Displayed as `path:line:column: message`, followed by a line with the hint if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct FileError {
    /// The file, as the caller named it.
    pub path: PathBuf,
    /// The line, from 1; 0 if the error concerns the whole file.
    pub line: usize,
    /// The column in characters, from 1; 0 if the error concerns the whole line or file.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl FileError {
    /// Returns an error at a line and column, both from 1.
    pub fn new(path: &Path, line: usize, column: usize, message: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            line,
            column,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Returns an error about the whole file.
    pub fn whole(path: &Path, message: impl fmt::Display) -> Self {
        Self::new(path, 0, 0, message)
    }

    /// Returns an error at a byte offset of the text. An offset after the end means the end.
    pub fn at_offset(path: &Path, text: &str, offset: usize, message: impl fmt::Display) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line = before.split(|byte| *byte == b'\n').count();
        let in_line = before
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        // Every character has exactly one byte that is not a continuation byte.
        let column = in_line.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Self::new(path, line, column, message)
    }

    /// Returns the same error with a hint on how to fix it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        for number in [self.line, self.column] {
            if number > 0 {
                write!(f, "{number}:")?;
            }
        }
        write!(f, " {}", self.message)?;
        self.hint
            .iter()
            .try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Reads a UTF-8 file.
#[cfg(feature = "pin-files")]
pub(crate) fn read_text(path: &Path) -> Result<String, FileError> {
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        // Both have the same text before the first invalid byte, so its offset is the same.
        FileError::at_offset(path, &text, good, "the file is not UTF-8")
    })
}

#[cfg(feature = "pin-files")]
pub(crate) fn cannot_read(path: &Path, error: &std::io::Error) -> FileError {
    FileError::whole(path, format_args!("cannot read it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_start_at_one_and_columns_count_characters() {
        let text = "aé\r\nöx\n";
        for (offset, line, column) in [
            (0, 1, 1),
            (3, 1, 3),
            (5, 2, 1),
            (7, 2, 2),
            (9, 3, 1),
            (99, 3, 1),
        ] {
            let error = FileError::at_offset(Path::new("f"), text, offset, "m");
            assert_eq!(
                (error.line, error.column),
                (line, column),
                "offset {offset}"
            );
        }
    }

    #[test]
    fn display_omits_unknown_parts() {
        let path = Path::new("dir/file.toml");
        assert_eq!(
            FileError::new(path, 3, 7, "odd").to_string(),
            "dir/file.toml:3:7: odd"
        );
        assert_eq!(
            FileError::new(path, 3, 0, "odd").to_string(),
            "dir/file.toml:3: odd"
        );
        assert_eq!(
            FileError::whole(path, "odd")
                .with_hint("fix it")
                .to_string(),
            "dir/file.toml: odd\n  hint: fix it"
        );
    }
}
