//! Determines the release of a digest file from the tags of its rows, its name, and `--release`.
//!
//! A workflow writes one digest file for each tag that it pushes, including `latest`. The files look alike, but only the
//! file of the tag of the release may be imported.

use std::path::Path;

use image_pins::digest_file::{DigestFile, Row};
use image_pins::{FileError, ReleaseName, Tag};

/// Returns the name of the digest file of a tag.
pub(crate) fn artifact_name(tag: &str) -> String {
    format!("{ARTIFACT_PREFIX}{tag}{ARTIFACT_SUFFIX}")
}

const ARTIFACT_PREFIX: &str = "osm_image_digest_";
const ARTIFACT_SUFFIX: &str = ".txt";

const PRE_RELEASES: [&str; 4] = ["rc", "alpha", "beta", "pre"];

/// What the name of a digest file contains.
enum NamedAfter {
    Release(ReleaseName),
    /// A tag that does not name a release: `latest`.
    Tag(String),
    Nothing,
}

/// Returns the release of a file. `wanted`, the tags of the rows and the file name must agree if they are present.
pub(super) fn release_of(
    file: &DigestFile,
    path: &Path,
    wanted: Option<&ReleaseName>,
) -> Result<ReleaseName, FileError> {
    let tagged = match wanted {
        Some(release) => {
            check_rows(file, path, release.to_string().as_str())?;
            None
        }
        None => release_of_rows(file, path)?,
    };
    check_name(path, wanted.or(tagged.as_ref()))?;
    let named = match named_after(path) {
        NamedAfter::Release(release) => Some(release),
        NamedAfter::Tag(_) | NamedAfter::Nothing => None,
    };
    wanted.cloned().or(tagged).or(named).ok_or_else(|| {
        FileError::whole(path, "no release in the rows or the file name")
            .with_hint("pass --release vX.Y.Z")
    })
}

/// Refuses a file whose name contains another tag.
pub(crate) fn check_name(path: &Path, wanted: Option<&ReleaseName>) -> Result<(), FileError> {
    if wanted.is_some_and(|release| has_prerelease(path, release)) {
        return Ok(());
    }
    let other = match named_after(path) {
        NamedAfter::Nothing => return Ok(()),
        NamedAfter::Release(release) if wanted.is_none_or(|wanted| *wanted == release) => {
            return Ok(());
        }
        NamedAfter::Release(release) => release.to_string(),
        NamedAfter::Tag(tag) => tag,
    };
    let message = match wanted {
        Some(release) => {
            format!("the file name contains `{other}`, not {release}")
        }
        None => format!("the file name contains `{other}`, which is not a release"),
    };
    let hint = format!("import {}", right_file(path, &other, wanted));
    Err(FileError::whole(path, message).with_hint(hint))
}

/// Returns the release that the tags of the rows name, if the rows have tags.
fn release_of_rows(file: &DigestFile, path: &Path) -> Result<Option<ReleaseName>, FileError> {
    let tagged = || {
        file.rows
            .iter()
            .filter_map(|row| Some((row, row.tag.as_ref()?)))
    };
    let names_release = |(_, tag): &(_, &Tag)| tag.as_ref().parse::<ReleaseName>().is_ok();
    let Some((row, tag)) = tagged().find(names_release).or_else(|| tagged().next()) else {
        return Ok(None);
    };
    check_rows(file, path, tag.as_ref())?;
    if let Ok(release) = tag.as_ref().parse() {
        return Ok(Some(release));
    }
    let message = format_args!("the tag `{tag}` is not a release: it is mutable");
    let hint = format_args!("import {}", right_file(path, tag.as_ref(), None));
    Err(at(path, row, message).with_hint(hint))
}

/// Refuses rows with any other tag.
fn check_rows(file: &DigestFile, path: &Path, wanted: &str) -> Result<(), FileError> {
    let is_other = |row: &&Row| row.tag.as_ref().is_some_and(|tag| tag.as_ref() != wanted);
    let Some(row) = file.rows.iter().find(is_other) else {
        return Ok(());
    };
    let tag = row
        .tag
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let others = file.rows.iter().filter(is_other).count();
    let rows = match others {
        1 => String::new(),
        2 => ", and so does one other row".to_owned(),
        _ => format!(", and so do {} other rows", others - 1),
    };
    let release = wanted.parse::<ReleaseName>().ok();
    let message = format!("this row has the tag `{tag}`, not `{wanted}`{rows}");
    // A listing of a machine that has other images or several tags, too.
    let is_mixed = file
        .rows
        .iter()
        .any(|row| row.tag.as_ref().is_some_and(|tag| tag.as_ref() == wanted));
    let hint = match (is_mixed, others) {
        (true, 1) => "remove this row, or pass a file with the rows of one tag".to_owned(),
        (true, _) => "remove these rows, or pass a file with the rows of one tag".to_owned(),
        (false, _) => format!("import {}", right_file(path, &tag, release.as_ref())),
    };
    Err(at(path, row, message).with_hint(hint))
}

/// Returns the name of the right file: the same name with the release instead of the tag, or the name of the artifact.
fn right_file(path: &Path, tag: &str, release: Option<&ReleaseName>) -> String {
    let release = release.map_or_else(|| "<release>".to_owned(), ToString::to_string);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !tag.is_empty() && name.contains(tag) {
        return format!(
            "{}, the file of the release tag",
            name.replace(tag, &release)
        );
    }
    format!("{}, the file of the release tag", artifact_name(&release))
}

fn named_after(path: &Path) -> NamedAfter {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let artifact = name
        .strip_prefix(ARTIFACT_PREFIX)
        .and_then(|rest| rest.strip_suffix(ARTIFACT_SUFFIX));
    if let Some(tag) = artifact {
        return tag
            .parse()
            .map_or_else(|_| NamedAfter::Tag(tag.to_owned()), NamedAfter::Release);
    }
    releases_in(&name).map_or(NamedAfter::Nothing, NamedAfter::Release)
}

/// Returns the only release in a file name, delimited by punctuation or the ends of the name.
fn releases_in(name: &str) -> Option<ReleaseName> {
    let stem = [
        ".values.yaml",
        ".values.yml",
        ".yaml",
        ".yml",
        ".json",
        ".txt",
        ".log",
    ]
    .iter()
    .find_map(|suffix| name.strip_suffix(suffix))
    .unwrap_or(name);
    let begins = |at: usize| {
        !stem
            .get(..at)
            .is_some_and(|before| before.ends_with(char::is_alphanumeric))
    };
    let mut found = stem
        .match_indices('v')
        .filter(|(at, _)| begins(*at))
        .filter_map(|(at, _)| release_at_start(stem.get(at..)?));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Returns the release name at the start of a string, unless it ends within a word.
///
/// Only the usual words after a dash are a pre-release: `v1.2.4-init.json` is a file of v1.2.4.
fn release_at_start(text: &str) -> Option<ReleaseName> {
    let digits = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut rest = text.strip_prefix('v')?;
    for number in 0..3 {
        rest = if number == 0 {
            rest
        } else {
            rest.strip_prefix('.')?
        };
        rest = rest.get(rest.len() - digits(rest)..)?;
    }
    if let Some(pre) = PRE_RELEASES
        .iter()
        .find_map(|word| rest.strip_prefix('-')?.strip_prefix(word))
    {
        let numbered = pre
            .strip_prefix('.')
            .filter(|number| digits(number) < number.len())
            .unwrap_or(pre);
        rest = numbered.get(numbered.len() - digits(numbered)..)?;
    }
    if rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    text.strip_suffix(rest)?.parse().ok()
}

/// Returns whether a file name contains this pre-release, whatever word it uses.
fn has_prerelease(path: &Path, release: &ReleaseName) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = name.split_once(&release.to_string());
    release.is_prerelease()
        && found.is_some_and(|(_, rest)| !rest.starts_with(char::is_alphanumeric))
}

pub(super) fn at(path: &Path, row: &Row, message: impl std::fmt::Display) -> FileError {
    FileError::new(path, row.position.line, row.position.column, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_from_the_file_name() {
        for (name, expected) in [
            ("osm_image_digest_v0.4.0.txt", "v0.4.0"),
            ("osm_image_digest_v1.2.0-rc.1.txt", "v1.2.0-rc.1"),
            ("osm_image_digest_latest.txt", "tag latest"),
            ("osm_image_digest_v0.4.txt", "tag v0.4"),
            ("v1.2.4.values.yaml", "v1.2.4"),
            ("v1.2.0-rc.1.values.yaml", "v1.2.0-rc.1"),
            ("dir-v1.0.0/v1.2.4.json", "v1.2.4"),
            ("osm-v1.2.4_init.json", "v1.2.4"),
            ("osm-v1.2.4-v1.2.4.json", "v1.2.4"),
            ("v1.2.4-init.json", "v1.2.4"),
            ("v1.2.4-rc1_init.json", "v1.2.4-rc1"),
            ("v1.2.4-rc.json", "v1.2.4-rc"),
            ("v1.2.4-rcx.json", "-"),
            ("v1.2.3_v1.2.4.json", "-"),
            ("image_digests_release_guide.log", "-"),
            ("values.yaml", "-"),
            ("dev1.2.3.json", "-"),
            ("v1.2.34x.json", "-"),
            ("", "-"),
        ] {
            let found = match named_after(Path::new(name)) {
                NamedAfter::Release(release) => release.to_string(),
                NamedAfter::Tag(tag) => format!("tag {tag}"),
                NamedAfter::Nothing => "-".to_owned(),
            };
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_named_pre_release_may_use_any_word() {
        let wanted: ReleaseName = "v1.2.4-nightly.7".parse().unwrap();
        assert!(check_name(Path::new("v1.2.4-nightly.7.values.yaml"), Some(&wanted)).is_ok());
        assert!(check_name(Path::new("v1.2.4-nightly.71.values.yaml"), Some(&wanted)).is_err());
        assert!(
            check_name(
                Path::new("v1.2.4-rc.1.json"),
                Some(&ReleaseName::new(1, 2, 4))
            )
            .is_err()
        );
    }
}
