//! The files of a release in a folder, and what they are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::GitHubError;

/// The file with the checksums of the archives.
const CHECKSUMS: &str = "sha256sums.txt";

/// The files of a folder: name, and what is in it.
pub(super) type Files = BTreeMap<String, Content>;

/// What is in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// SHA-256 in hexadecimal digits.
    pub(super) sha256: String,
}

/// Reads the files of a folder.
pub(super) fn read(folder: &Path) -> Result<Files, GitHubError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |reason| GitHubError::File { path, reason }
    };
    let wrong = |reason: String| GitHubError::Files {
        folder: folder.to_owned(),
        reason,
    };
    let mut files = Files::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| wrong(format!("{}: not UTF-8", path.display())))?;
        if !path.is_file() {
            return Err(wrong(format!("{name} is not a file")));
        }
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let content = Content {
            size: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            path: path.clone(),
        };
        files.insert(name.to_owned(), content);
    }
    Ok(files)
}

/// Reads the files of a release, and checks them against their checksums: every archive is listed, and is what the list says.
pub(super) fn read_checked(folder: &Path) -> Result<Files, GitHubError> {
    let files = read(folder)?;
    let wrong = |reason: String| GitHubError::Files {
        folder: folder.to_owned(),
        reason,
    };
    let Some(list) = files.get(CHECKSUMS) else {
        return Err(wrong(format!("{CHECKSUMS} is missing")));
    };
    let text = fs::read_to_string(&list.path).map_err(|reason| GitHubError::File {
        path: list.path.clone(),
        reason,
    })?;
    let mut listed = BTreeSet::new();
    for line in text.lines() {
        let (sha256, name) = line
            .split_once("  ")
            .ok_or_else(|| wrong(format!("{CHECKSUMS}: not a line of sha256sum: {line:?}")))?;
        match files.get(name) {
            None => return Err(wrong(format!("{name} is in {CHECKSUMS}, but not there"))),
            Some(file) if file.sha256 != sha256 => {
                let found = &file.sha256;
                return Err(wrong(format!(
                    "{name} is not the file of {CHECKSUMS}: its SHA-256 is {found}, not {sha256}"
                )));
            }
            Some(_) => listed.insert(name),
        };
    }
    let is_archive = |name: &str| name.ends_with(".tar.gz") || name.ends_with(".zip");
    let mut archives = files.keys().filter(|name| is_archive(name)).peekable();
    if archives.peek().is_none() {
        return Err(wrong("no archive (osm-*.tar.gz, osm-*.zip)".to_owned()));
    }
    match archives.find(|name| !listed.contains(name.as_str())) {
        Some(name) => Err(wrong(format!("{name} is not in {CHECKSUMS}"))),
        None => Ok(files),
    }
}

/// Returns how the files of a release differ from ours.
pub(super) fn differences(ours: &Files, theirs: &Files) -> Vec<String> {
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let difference = |name: &String| match (ours.get(name), theirs.get(name)) {
        (Some(our), Some(their)) if our.sha256 == their.sha256 => None,
        (Some(our), Some(their)) => Some(format!(
            "{name}: SHA-256 {}, not {}",
            their.sha256, our.sha256
        )),
        (Some(_), None) => Some(format!("{name}: missing")),
        (None, _) => Some(format!("{name}: not in the folder")),
    };
    names.into_iter().filter_map(difference).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_what_their_checksums_say() {
        let sum = |text: &str| hex(&Sha256::digest(text));
        let (one, two) = (sum("one"), sum("two"));
        let good = format!("{one}  osm-one.tar.gz\n{two}  osm-two.zip\n");
        // The list, and what is wrong with it.
        let table = [
            (Some(good.clone()), None),
            (None, Some("sha256sums.txt is missing")),
            (
                Some(good.replace(&two, &one)),
                Some("osm-two.zip is not the file of sha256sums.txt: its SHA-256 is "),
            ),
            (
                Some(format!("{one}  osm-one.tar.gz\n")),
                Some("osm-two.zip is not in sha256sums.txt"),
            ),
            (
                Some(format!("{good}{one}  osm-three.zip\n")),
                Some("osm-three.zip is in sha256sums.txt, but not there"),
            ),
            (
                Some(good.replace("  ", " ")),
                Some("not a line of sha256sum"),
            ),
        ];
        for (list, want) in table {
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
            write("osm-one.tar.gz", "one");
            write("osm-two.zip", "two");
            write("osm-1.2.5.tgz", "the chart is not listed");
            if let Some(list) = &list {
                write(CHECKSUMS, list);
            }
            match (read_checked(folder.path()), want) {
                (Ok(files), None) => assert_eq!(files.len(), 4),
                (Err(error), Some(want)) => {
                    assert!(error.to_string().contains(want), "{error}");
                }
                (found, want) => panic!("{found:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn a_folder_without_archives_or_with_folders_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CHECKSUMS), "").unwrap();
        let error = read_checked(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no archive"), "{error}");
        fs::create_dir(folder.path().join("more")).unwrap();
        let error = read_checked(folder.path()).unwrap_err().to_string();
        assert!(error.contains("more is not a file"), "{error}");
    }
}
