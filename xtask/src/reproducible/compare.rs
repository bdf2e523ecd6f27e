//! Finds the first difference between two folders of files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use flate2::read::GzDecoder;

/// How two builds differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Only one build has this file.
    Missing(String),
    /// A file, or one in an archive, differs from this byte on.
    Content(String, usize),
    /// A file in an archive has other permissions, or another time or owner.
    Header(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "only one has {name}"),
            Self::Content(name, at) => write!(f, "{name} differs from byte {at} on"),
            Self::Header(name) => write!(f, "{name} has another mode, time or owner"),
        }
    }
}

/// Returns the names of the files in a folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, String> {
    let wrong = |error: io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Compares the files of two folders by name.
///
/// # Errors
/// A file cannot be read.
pub(super) fn first_difference(one: &Path, other: &Path) -> Result<Option<Difference>, String> {
    let (names, others) = (names(one)?, names(other)?);
    let mut only_one = (names.iter().filter(|name| !others.contains(name)))
        .chain(others.iter().filter(|name| !names.contains(name)));
    if let Some(name) = only_one.next() {
        return Ok(Some(Difference::Missing(name.clone())));
    }
    for name in &names {
        let read = |folder: &Path| {
            let path = folder.join(name);
            fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let difference = of_file(name, &read(one)?, &read(other)?);
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

/// Compares two files. The difference between archives is that of the files in them, if there is one.
fn of_file(name: &str, one: &[u8], other: &[u8]) -> Option<Difference> {
    if one == other {
        return None;
    }
    let inside = match (unpack(one), unpack(other)) {
        (Ok(one), Ok(other)) => of_archives(name, &one, &other),
        _ => None,
    };
    inside.or_else(|| Some(Difference::Content(name.to_owned(), position(one, other))))
}

/// The files of an archive by path, each with its header.
type Archive = BTreeMap<String, (Vec<u8>, Vec<u8>)>;

fn unpack(bytes: &[u8]) -> io::Result<Archive> {
    let mut files = Archive::new();
    for entry in tar::Archive::new(GzDecoder::new(bytes)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let header = entry.header().as_bytes().to_vec();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(path, (header, content));
    }
    Ok(files)
}

fn of_archives(name: &str, one: &Archive, other: &Archive) -> Option<Difference> {
    let place = |path: &str| format!("{path} in {name}");
    let mut paths = one.keys().chain(other.keys());
    if let Some(path) = paths.find(|path| one.contains_key(*path) != other.contains_key(*path)) {
        return Some(Difference::Missing(place(path)));
    }
    // A header has the size, too, so that the content comes first.
    let pairs = || {
        one.iter()
            .filter_map(|(path, file)| Some((path, file, other.get(path)?)))
    };
    let contents = pairs().find(|(_, one, other)| one.1 != other.1);
    if let Some((path, one, other)) = contents {
        return Some(Difference::Content(place(path), position(&one.1, &other.1)));
    }
    let headers = pairs().find(|(_, one, other)| one.0 != other.0);
    headers.map(|(path, ..)| Difference::Header(place(path)))
}

/// Returns the index of the first byte that differs.
fn position(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().zip(other);
    pairs.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn archive(files: &[(&str, &str, u64)], level: u32) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::new(level)));
        for (path, content, time) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mtime(*time);
            archive
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn the_first_difference_is_named() {
        let base = [("d/LICENSE", "text", 7), ("d/osm", "program", 7)];
        let packed = archive(&base, 9);
        let content = |name: &str, at| Some(Difference::Content(name.to_owned(), at));
        let table = [
            (packed.clone(), None),
            (
                archive(&[base[0], ("d/osm", "proGram", 7)], 9),
                content("d/osm in a.tgz", 3),
            ),
            (
                archive(&[base[0], ("d/osm", "program and more", 7)], 9),
                content("d/osm in a.tgz", 7),
            ),
            (
                archive(&[base[0], ("d/osm", "program", 8)], 9),
                Some(Difference::Header("d/osm in a.tgz".to_owned())),
            ),
            (
                archive(&base[..1], 9),
                Some(Difference::Missing("d/osm in a.tgz".to_owned())),
            ),
            (b"no archive".to_vec(), content("a.tgz", 0)),
        ];
        for (other, wanted) in table {
            assert_eq!(of_file("a.tgz", &packed, &other), wanted);
        }
        // The same files, compressed in another way.
        let other = archive(&base, 1);
        assert!(matches!(
            of_file("a.tgz", &packed, &other),
            Some(Difference::Content(name, _)) if name == "a.tgz"
        ));
    }

    #[test]
    fn folders_have_the_same_files() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let difference = || first_difference(one.path(), other.path()).unwrap();
        fs::write(one.path().join("osm"), "program").unwrap();
        assert_eq!(difference(), Some(Difference::Missing("osm".to_owned())));
        fs::write(other.path().join("osm"), "program").unwrap();
        assert_eq!(difference(), None);
        fs::write(other.path().join("sums"), "").unwrap();
        assert_eq!(difference(), Some(Difference::Missing("sums".to_owned())));
        fs::write(one.path().join("sums"), "x").unwrap();
        assert_eq!(
            difference(),
            Some(Difference::Content("sums".to_owned(), 0))
        );
    }
}
