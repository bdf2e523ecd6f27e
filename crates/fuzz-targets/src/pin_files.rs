//! Pin files and component files.

use std::path::Path;

use image_pins::{Components, FileError, PinFile};

use crate::text::assert_in;

/// Reads a pin file and a component file.
///
/// # Panics
/// A pin file that is written and read again has other pins, or an error points outside of the file.
pub fn pin_files(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let path = Path::new("v1.2.4.toml");
    match PinFile::parse(text, path) {
        Ok(file) => {
            let written = file.to_toml("make digests");
            assert_eq!(PinFile::parse(&written, path), Ok(file), "{written}");
        }
        Err(error) => check(text, &error),
    }
    match Components::parse(text, Path::new("components.toml")) {
        Ok(file) => {
            for component in &file.components {
                assert_eq!(file.by_key(&component.key), Some(component));
                assert_eq!(file.by_name(&component.name), Some(component));
                assert!(file.of_release(&component.since).any(|c| c == component));
            }
        }
        Err(error) => check(text, &error),
    }
}

fn check(text: &str, error: &FileError) {
    let message = error.to_string();
    match (error.line, error.column) {
        (0, 0) => {}
        (line, 0) => assert_in(text, line, 1, &message),
        (line, column) => assert_in(text, line, column, &message),
    }
}
