//! The output of the import: the table of changes, the diff, and the command that fixes a difference.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use image_pins::{Digest, PinFile, ReleaseName};

use super::folder::Change;
use crate::flags::ImportDigests;

/// The number of digits of a digest that the table shows.
const DIGITS: usize = 12;

/// Returns the table of one release: each pin and how it changed, then the file and how it changed.
pub(super) fn table(
    pins: &PinFile,
    before: Option<&PinFile>,
    path: &Path,
    written: &Change,
) -> String {
    let status = |old: Option<bool>| match old {
        _ if before.is_none() => "new",
        None => "added",
        Some(true) => "unchanged",
        Some(false) => "changed",
    };
    let mut rows: Vec<(&str, String, &str)> = Vec::new();
    for (name, digest) in &pins.images {
        let old = before
            .and_then(|pins| pins.images.get(name))
            .map(|old| old == digest);
        rows.push((name, short(digest), status(old)));
    }
    for (key, reference) in &pins.external {
        let old = before
            .and_then(|pins| pins.external.get(key))
            .map(|old| old == reference);
        let digest = reference
            .digest()
            .map(|digest| format!("@{}", short(digest)))
            .unwrap_or_default();
        let tag = reference
            .tag()
            .map(|tag| format!(":{tag}"))
            .unwrap_or_default();
        rows.push((
            key,
            format!("{}{tag}{digest}", reference.name()),
            status(old),
        ));
    }
    let width = |column: &dyn Fn(&(&str, String, &str)) -> usize| {
        rows.iter().map(column).max().unwrap_or_default()
    };
    let names = width(&|row| row.0.chars().count());
    let images = width(&|row| row.1.chars().count());
    let mut table = format!(
        "{} in {}, from {} ({})\n",
        pins.release, pins.registry, pins.source.file, pins.source.format
    );
    for (name, image, status) in &rows {
        let _ = writeln!(table, "  {name:names$}  {image:images$}  {status}");
    }
    let path = path.display();
    let _ = match written {
        Change::New => writeln!(table, "wrote {path}"),
        Change::Same => writeln!(table, "{path} is up to date"),
        Change::Rewritten => writeln!(
            table,
            "rewrote {path} in standard form: the pins are unchanged"
        ),
        Change::Other => writeln!(table, "replaced {path}"),
        Change::OtherSource => {
            let source = before.map_or("another file", |pins| &pins.source.file);
            writeln!(
                table,
                "{path} is up to date: the same pins, recorded from {source}"
            )
        }
    };
    table
}

fn short(digest: &Digest) -> String {
    let hex: String = digest.hex().chars().take(DIGITS).collect();
    format!("{}:{hex}…", digest.algorithm())
}

/// Returns the command that updates the committed file to the result of the import.
pub(super) fn fix_command(
    flags: &ImportDigests,
    release: &ReleaseName,
    files: &[PathBuf],
    exists: bool,
) -> String {
    let mut words = vec![
        "cargo".to_owned(),
        "xtask".to_owned(),
        "import-digests".to_owned(),
    ];
    let mut option = |name: &str, value: &dyn fmt::Display| {
        words.extend([format!("--{name}"), value.to_string()]);
    };
    // Standard input has no file name that names the release.
    option("release", release);
    if let Some(registry) = &flags.from_registry {
        option("from-registry", registry);
    }
    if let Some(registry) = &flags.registry {
        option("registry", registry);
    }
    if let Some(format) = flags.format {
        option("format", &format);
    }
    if let Some(folder) = &flags.digests_dir {
        option("digests-dir", &folder.display());
    }
    for component in &flags.allow_unchanged {
        option("allow-unchanged", component);
    }
    let access = &flags.access;
    if let Some(file) = &access.auth_file {
        option("registry-auth-file", &file.display());
    }
    if let Some(file) = &access.ca_file {
        option("ca-file", &file.display());
    }
    for host in &access.insecure {
        option("insecure-registry", host);
    }
    for host in &access.token_servers {
        option("token-server", host);
    }
    if exists {
        words.push("--replace".to_owned());
    }
    if flags.from_registry.is_none() {
        words.extend(files.iter().map(|file| file.display().to_string()));
    }
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '=' | '+' | ',')
    };
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_split_or_expand_are_quoted() {
        for (word, expected) in [
            ("a/b-1.txt", "a/b-1.txt"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("*", "'*'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
