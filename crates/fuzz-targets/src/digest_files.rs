//! Digest files in all formats.

use std::path::Path;

use image_pins::digest_file::{DigestFile, DigestFileError, Format, Position, Problem, parse};

use crate::text::assert_in;

/// Reads a digest file in each format.
///
/// # Panics
/// A position is outside of the file, a row does not stand where it says, or the detected format gives another result than
/// each format by name.
pub fn digest_files(data: &[u8]) {
    let path = Path::new("digests.txt");
    let read = Format::ALL.map(|format| {
        let read = parse(data, path, Some(format));
        check(data, format, &read);
        read
    });
    let detected = parse(data, path, None);
    let is_unknown =
        (detected.as_ref()).is_err_and(|error| error.problem == Problem::UnknownFormat);
    assert!(is_unknown || read.contains(&detected), "{detected:?}");
}

fn check(data: &[u8], format: Format, read: &Result<DigestFile, DigestFileError>) {
    let text = String::from_utf8_lossy(data);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // In YAML, a lone carriage return also ends a line.
    let has_other_lines = format == Format::ValuesYaml && text.replace("\r\n", "\n").contains('\r');
    let assert_in = |at: Position, what: &str| match has_other_lines {
        true => {}
        false => assert_in(text, at.line, at.column, &what),
    };
    match read {
        Ok(file) => {
            assert_eq!(file.format, format);
            assert!(!file.rows.is_empty());
            for row in &file.external {
                assert_in(row.position, "a third-party image");
            }
            for row in &file.rows {
                assert_in(row.position, "a row");
                let line = text.lines().nth(row.position.line - 1);
                let line = line.unwrap_or_default().to_ascii_lowercase();
                // JSON and YAML may write a digest with escapes, an alias or a line break, and a log with colors.
                assert!(
                    line.contains(&row.digest.hex())
                        || text.contains(['\\', '*', '"', '>', '|', '\r', '\'', '\x1b']),
                    "{row:?}"
                );
            }
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("digests.txt:"), "{message}");
            if let Some(at) = error.position {
                assert_in(at, &message);
            }
        }
    }
}
