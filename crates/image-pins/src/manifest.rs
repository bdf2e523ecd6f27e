//! The release that a Cargo manifest names.

use std::path::Path;

use toml::Table;

use crate::error::{FileError, read_text};

/// Returns `release` of `[package.metadata.<tool>]` in a `Cargo.toml`: a release, or the name of a channel.
///
/// Cargo ignores `package.metadata`, so that tools can keep their configuration there (The Cargo Book, "The Manifest
/// Format", "The metadata table").
///
/// # Errors
///
/// The file cannot be read, is not TOML, or does not name a release.
pub fn release_of_manifest(manifest: &Path, tool: &str) -> Result<String, FileError> {
    let text = read_text(manifest)?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().unwrap_or_default().start;
        FileError::at_offset(manifest, &text, at, error.message())
    })?;
    let release = ["package", "metadata", tool]
        .iter()
        .try_fold(&table, |table, key| table.get(*key)?.as_table())
        .and_then(|table| table.get("release")?.as_str());
    match release {
        Some(release) => Ok(release.to_owned()),
        None => Err(FileError::whole(
            manifest,
            format_args!("[package.metadata.{tool}] has no release"),
        )
        .with_hint("add `release = \"vX.Y.Z\"`")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_a_manifest_is_that_of_its_tool() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo.toml");
        let release = |text: &str| {
            std::fs::write(&path, text).unwrap();
            release_of_manifest(&path, "port").map_err(|error| {
                let prefix = format!("{}/", folder.path().display());
                error.to_string().replace(&prefix, "")
            })
        };
        assert_eq!(
            release("[package]\nname = 'a'\n[package.metadata.port]\nrelease = 'v1.2.4'\n"),
            Ok("v1.2.4".to_owned())
        );
        let missing = "Cargo.toml: [package.metadata.port] has no release\n  hint: add `release = \"vX.Y.Z\"`";
        for text in [
            "",
            "[package.metadata.other]\nrelease = 'v1.2.4'\n",
            "[package.metadata.port]\nrelease = 1\n",
        ] {
            assert_eq!(release(text), Err(missing.to_owned()), "{text}");
        }
        let damaged = release("[package]\nname =\n").unwrap_err();
        assert!(damaged.starts_with("Cargo.toml:2:7: "), "{damaged}");
        std::fs::remove_file(&path).unwrap();
        let absent = release_of_manifest(&path, "port").unwrap_err().to_string();
        assert!(absent.contains("Cargo.toml: cannot read"), "{absent}");
    }
}
