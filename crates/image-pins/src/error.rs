//! What is wrong in a file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Something wrong in a file. Displayed as `path:line:column: message`, and a line with a hint where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct FileError {
    /// The file, as it was named by the caller.
    pub path: PathBuf,
    /// The line, from 1; 0 if the file as a whole is meant.
    pub line: usize,
    /// The column in characters, from 1; 0 if the line or the file as a whole is meant.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl FileError {
    /// An error at a line and column, both from 1.
    pub fn new(path: &Path, line: usize, column: usize, message: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            line,
            column,
            message: message.to_string(),
            hint: None,
        }
    }

    /// An error about the file as a whole.
    pub fn whole(path: &Path, message: impl fmt::Display) -> Self {
        Self::new(path, 0, 0, message)
    }

    /// An error at a byte offset of the file's text. An offset behind the end is the end.
    pub fn at_offset(path: &Path, text: &str, offset: usize, message: impl fmt::Display) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line = before.split(|byte| *byte == b'\n').count();
        let in_line = before
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        // Characters are counted by the bytes that start one.
        let column = in_line.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Self::new(path, line, column, message)
    }

    /// The same error with a hint: what to do about it.
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

#[cfg(feature = "pin-files")]
/// Reads a file of UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String, FileError> {
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        // The text up to the first bad byte is the same in both, and so is its offset.
        FileError::at_offset(path, &text, good, "the file is not UTF-8 text")
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
    fn columns_are_counted_in_characters_and_lines_from_one() {
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
