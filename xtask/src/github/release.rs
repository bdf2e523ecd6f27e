//! The release on GitHub: a draft, its files, the comparison with ours, and the publication.
//!
//! A published release may be immutable, so everything is uploaded and compared while it is a draft.

use std::path::Path;
use std::process::Command;

use image_pins::ReleaseName;
use serde::Deserialize;

use super::GitHubError;
use super::files::{self, Files};
use super::programs::{Programs, gh, read, read_json};
use crate::flags::ReleaseFiles;

/// More releases than there will be.
const ALL: &str = "1000";

/// A release in the list of gh.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    tag_name: String,
    is_draft: bool,
    is_prerelease: bool,
}

/// What a release has.
#[derive(Deserialize)]
struct Details {
    body: String,
    assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Deserialize)]
struct Asset {
    name: String,
    size: u64,
    /// `sha256:` and hexadecimal digits. Older versions of gh do not know it.
    #[serde(default)]
    digest: Option<String>,
}

/// Creates the draft, unless it is there, and uploads the files that it does not have.
pub(super) fn draft(
    flags: &ReleaseFiles,
    notes: Option<&Path>,
    programs: &mut Programs<'_>,
) -> Result<(), GitHubError> {
    let ReleaseFiles { release, folder } = flags;
    let files = files::read_checked(folder)?;
    let releases = list()?;
    let tag = release.to_string();
    let missing: Vec<&Path> = match find(&releases, release)? {
        Some(found) if !found.is_draft => {
            download_and_compare(flags, &files, "published")?;
            return programs.say(&format!("{release} is published, with the same files"));
        }
        Some(_) => {
            let mut view = gh();
            view.args(["release", "view", &tag, "--json", "assets,body"]);
            let details: Details = read_json(&mut view)?;
            let notes = notes_of(release, notes)?;
            if details.body.trim() != notes.text.trim() {
                let mut edit = gh();
                edit.args(["release", "edit", &tag, "--notes-file"]);
                programs.change(edit.arg(notes.file.path()))?;
            }
            missing(flags, &files, &details.assets)?
        }
        None => {
            let notes = notes_of(release, notes)?;
            let mut create = gh();
            create.args(["release", "create", &tag, "--draft", "--verify-tag"]);
            create.args(["--title", &tag, "--notes-file"]);
            create.arg(notes.file.path());
            create.args(release.is_prerelease().then_some("--prerelease"));
            programs.change(&mut create)?;
            files.values().map(|file| file.path.as_path()).collect()
        }
    };
    if missing.is_empty() {
        return programs.say(&format!("the draft of {release} has all files"));
    }
    // What an interrupted upload has left is replaced.
    let mut upload = gh();
    upload.args(["release", "upload", &tag, "--clobber"]);
    programs.change(upload.args(missing))?;
    programs.say_if_dry()
}

/// Returns the files that a draft does not have, or not completely.
fn missing<'f>(
    flags: &ReleaseFiles,
    files: &'f Files,
    assets: &[Asset],
) -> Result<Vec<&'f Path>, GitHubError> {
    let unknown: Vec<String> = assets
        .iter()
        .filter(|asset| !files.contains_key(&asset.name))
        .map(|asset| {
            format!(
                "{}: not in the folder; delete it, if it is not needed",
                asset.name
            )
        })
        .collect();
    if !unknown.is_empty() {
        return Err(GitHubError::Differs {
            state: "draft",
            release: flags.release.clone(),
            folder: flags.folder.clone(),
            differences: unknown,
        });
    }
    let is_there = |name: &str, content: &files::Content| {
        assets.iter().any(|asset| {
            let digest = asset.digest.as_deref().unwrap_or_default();
            asset.name == name
                && asset.size == content.size
                && digest == format!("sha256:{}", content.sha256)
        })
    };
    let missing = files.iter().filter(|(name, file)| !is_there(name, file));
    Ok(missing.map(|(_, file)| file.path.as_path()).collect())
}

/// Downloads the files of the release, and compares them with ours.
pub(super) fn compare(
    flags: &ReleaseFiles,
    programs: &mut Programs<'_>,
) -> Result<(), GitHubError> {
    let files = files::read_checked(&flags.folder)?;
    let releases = list()?;
    let found = find(&releases, &flags.release)?;
    let found = found.ok_or_else(|| GitHubError::NoDraft(flags.release.clone()))?;
    let state = if found.is_draft { "draft" } else { "published" };
    download_and_compare(flags, &files, state)?;
    let (release, count) = (&flags.release, files.len());
    programs.say(&format!(
        "the {state} release {release} has these {count} files"
    ))
}

fn download_and_compare(
    flags: &ReleaseFiles,
    ours: &Files,
    state: &'static str,
) -> Result<(), GitHubError> {
    let scratch = scratch()?;
    let tag = flags.release.to_string();
    let mut download = gh();
    download.args(["release", "download", &tag, "--dir"]);
    read(download.arg(scratch.path()))?;
    let differences = files::differences(ours, &files::read(scratch.path())?);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(GitHubError::Differs {
            state,
            release: flags.release.clone(),
            folder: flags.folder.clone(),
            differences,
        }),
    }
}

/// Publishes the draft, if its files are ours.
pub(super) fn publish(
    flags: &ReleaseFiles,
    programs: &mut Programs<'_>,
) -> Result<(), GitHubError> {
    compare(flags, programs)?;
    let release = &flags.release;
    let releases = list()?;
    if find(&releases, release)?.is_some_and(|found| !found.is_draft) {
        return programs.say(&format!("{release} is published already"));
    }
    let tag = release.to_string();
    let mut edit = gh();
    edit.args(["release", "edit", &tag, "--draft=false"]);
    edit.arg(format!("--prerelease={}", release.is_prerelease()));
    edit.arg(format!("--latest={}", is_latest(release, &releases)));
    programs.change(&mut edit)?;
    if !programs.is_confirmed() {
        return programs.say_if_dry();
    }
    match find(&list()?, release)? {
        Some(found) if !found.is_draft => programs.say(&format!("published {release}")),
        _ => Err(GitHubError::StillADraft(release.clone())),
    }
}

/// Whether no higher release is published. A pre-release is never the latest.
fn is_latest(release: &ReleaseName, releases: &[Listed]) -> bool {
    let published = releases
        .iter()
        .filter(|listed| !listed.is_draft && !listed.is_prerelease);
    let mut names = published.filter_map(|listed| listed.tag_name.parse::<ReleaseName>().ok());
    !release.is_prerelease() && !names.any(|other| !other.is_prerelease() && other > *release)
}

fn list() -> Result<Vec<Listed>, GitHubError> {
    let mut list = gh();
    list.args(["release", "list", "--limit", ALL]);
    read_json(list.args(["--json", "tagName,isDraft,isPrerelease"]))
}

/// Returns the release of this name. There can be several drafts of one name.
fn find<'r>(
    releases: &'r [Listed],
    release: &ReleaseName,
) -> Result<Option<&'r Listed>, GitHubError> {
    let tag = release.to_string();
    let found: Vec<&Listed> = releases
        .iter()
        .filter(|listed| listed.tag_name == tag)
        .collect();
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(GitHubError::Several {
            release: release.clone(),
            count: found.len(),
        }),
    }
}

/// The release notes, as a string and as a file for gh.
struct Notes {
    text: String,
    file: tempfile::NamedTempFile,
}

/// Reads the notes, or lets the task `notes` write them.
fn notes_of(release: &ReleaseName, path: Option<&Path>) -> Result<Notes, GitHubError> {
    let text = match path {
        Some(path) => std::fs::read_to_string(path).map_err(|reason| GitHubError::File {
            path: path.to_owned(),
            reason,
        })?,
        None => {
            let own = std::env::current_exe().map_err(|reason| GitHubError::NoProgram {
                program: "xtask".to_owned(),
                reason,
            })?;
            read(Command::new(own).arg("notes").arg(release.to_string()))?
        }
    };
    let failed = |reason| GitHubError::File {
        path: std::env::temp_dir(),
        reason,
    };
    let file = tempfile::NamedTempFile::new().map_err(failed)?;
    std::fs::write(file.path(), &text).map_err(failed)?;
    Ok(Notes { text, file })
}

fn scratch() -> Result<tempfile::TempDir, GitHubError> {
    tempfile::tempdir().map_err(|reason| GitHubError::File {
        path: std::env::temp_dir(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_release_is_the_highest_that_is_published() {
        let listed = |tag: &str, is_draft, is_prerelease| Listed {
            tag_name: tag.to_owned(),
            is_draft,
            is_prerelease,
        };
        let releases = [
            listed("v1.2.9", false, false),
            listed("v1.3.0", true, false),
            listed("v1.4.0-rc.1", false, true),
            listed("nightly", false, false),
        ];
        for (release, want) in [
            ("v1.2.10", true),
            ("v1.2.9", true),
            ("v1.2.8", false),
            ("v1.3.0", true),
            ("v1.3.0-rc.1", false),
        ] {
            let found = is_latest(&release.parse().unwrap(), &releases);
            assert_eq!(found, want, "{release}");
        }
    }
}
