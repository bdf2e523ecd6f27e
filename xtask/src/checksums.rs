//! `cargo xtask checksums`: the checksums of the files of a release, as `sha256sum` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::Exit;
use crate::atomic;
use crate::flags;
use crate::output::print_written;

/// The file with the checksums.
pub(crate) const FILE: &str = "sha256sums.txt";
/// What the names of the files of a release begin with.
const START: &str = "osm-";

/// Writes the checksums of a folder, and prints the path of their file.
pub fn run(flags: &flags::Checksums, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let written = write(&flags.folder).map(|path| vec![path]);
    print_written(written, out, err)
}

/// Writes the checksums of all files of a release in this folder, also of those that other machines have built.
///
/// # Errors
/// A file cannot be read or written, or there is none.
pub(crate) fn write(folder: &Path) -> Result<PathBuf, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut sums = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(START) && entry.path().is_file() {
            sums.insert(name, of(&entry.path())?);
        }
    }
    if sums.is_empty() {
        return Err(format!(
            "{}: there is no file {START}* of a release; `cargo xtask dist` makes them",
            folder.display()
        ));
    }
    let path = folder.join(FILE);
    let lines = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    atomic::write(&path, lines.collect::<String>().as_bytes())
        .map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// Returns the SHA-256 of a file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn of(path: &Path) -> Result<String, String> {
    let content = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let sum = Sha256::digest(content);
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads a file of checksums: the SHA-256 of each name.
///
/// # Errors
/// The file cannot be read, or the place of a line that is not a checksum.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut sums = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        let (name, sum) = parse(line)
            .ok_or_else(|| format!("{}:{}: not a SHA-256 and a name", path.display(), i + 1))?;
        sums.insert(name.to_owned(), sum.to_owned());
    }
    Ok(sums)
}

/// Parses a line: 64 digits, two blanks, and the name.
fn parse(line: &str) -> Option<(&str, &str)> {
    let (sum, name) = line.split_once("  ")?;
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_sum = sum.len() == 64 && sum.chars().all(is_digit);
    (is_sum && !name.is_empty()).then_some((name, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn all_files_of_a_release_are_listed_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "osm-v1.zip",
            "osm-v1.tar.gz",
            "notes.md",
            ".osm-v1.zip.x.tmp",
        ] {
            fs::write(folder.path().join(name), "abc").unwrap();
        }
        let wanted = format!("{ABC}  osm-v1.tar.gz\n{ABC}  osm-v1.zip\n");
        // Its own file does not count the next time.
        for _ in 0..2 {
            let path = write(folder.path()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
            assert_eq!(read(&path).unwrap()["osm-v1.zip"], ABC);
        }
    }

    #[test]
    fn a_folder_without_a_release_and_a_damaged_line_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path()).unwrap_err();
        assert!(error.contains("cargo xtask dist"), "{error}");
        assert!(!folder.path().join(FILE).exists());
        let path = folder.path().join(FILE);
        for line in [
            &ABC[1..],
            &format!("{ABC} osm"),
            &format!("{}  osm", &ABC[2..]),
            "",
        ] {
            fs::write(&path, format!("{ABC}  osm-v1.zip\n{line}\n")).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains(":2: "), "{line:?}: {error}");
        }
    }
}
