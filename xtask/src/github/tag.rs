//! `cargo xtask github tag`: the version of the tag that has started a workflow.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use image_pins::ReleaseName;

use super::GitHubError;
use super::programs::{git, read};
use crate::output::print;

/// What a tag of a pre-release has before its version.
const PRE_RELEASE: &str = "pre-rel-";

/// Passes the version and the time of the tagged commit to the other jobs of the workflow.
pub(super) fn run(pre_release: bool, out: &mut dyn Write) -> Result<(), GitHubError> {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let release = release(&variable("GITHUB_REF_NAME"), pre_release)?;
    let epoch = read(git().args(["log", "-1", "--format=%ct"]))?;
    let outputs = format!("release={release}\nepoch={}\n", epoch.trim());
    print(out, &outputs).map_err(GitHubError::Output)?;
    let path = PathBuf::from(variable("GITHUB_OUTPUT"));
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    // Other steps of the job have written to the same file.
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(outputs.as_bytes()))
        .map_err(|reason| GitHubError::File { path, reason })
}

/// Returns the release that a tag names.
fn release(tag: &str, pre_release: bool) -> Result<ReleaseName, GitHubError> {
    let (version, expected) = match pre_release {
        true => (tag.strip_prefix(PRE_RELEASE), "pre-rel-vX.Y.Z"),
        false => (Some(tag), "vX.Y.Z"),
    };
    let version = version
        .filter(|version| version.starts_with('v'))
        .ok_or_else(|| GitHubError::NoTag {
            found: if tag.is_empty() {
                "not set".to_owned()
            } else {
                format!("{tag:?}")
            },
            expected,
        })?;
    version.parse().map_err(|reason| GitHubError::NotARelease {
        tag: tag.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_release_or_is_refused() {
        // The tag, whether it is that of a pre-release, and the release or a part of the message.
        let table = [
            ("pre-rel-v1.2.5", true, Ok("v1.2.5")),
            ("pre-rel-v1.2.5-rc.1", true, Ok("v1.2.5-rc.1")),
            ("v1.2.5", false, Ok("v1.2.5")),
            ("v1.2.5-rc.1", false, Ok("v1.2.5-rc.1")),
            // Such a tag has been pushed. With a greedy pattern it would be v1.2, and move `latest`.
            (
                "pre-rel-v1.2",
                true,
                Err("the tag pre-rel-v1.2 names no release"),
            ),
            ("v1.2", false, Err("delete the tag")),
            ("v01.2.3", false, Err("names no release")),
            ("v1.2.3+1", false, Err("a tag cannot contain `+`")),
            ("pre-rel-v1.2.5\nepoch=0", true, Err("names no release")),
            ("v1.2.5", true, Err("a tag pre-rel-vX.Y.Z has started")),
            (
                "pre-rel-v1.2.5",
                false,
                Err("\"pre-rel-v1.2.5\": this task"),
            ),
            ("pre-rel-1.2.5", true, Err("a tag pre-rel-vX.Y.Z")),
            ("main", false, Err("GITHUB_REF_NAME is \"main\"")),
            ("", false, Err("GITHUB_REF_NAME is not set")),
        ];
        for (tag, pre_release, want) in table {
            match (release(tag, pre_release), want) {
                (Ok(found), Ok(want)) => assert_eq!(found.to_string(), want),
                (Err(found), Err(want)) => {
                    assert!(found.to_string().contains(want), "{tag}: {found}");
                    assert_eq!(found.exit(), crate::Exit::Refused);
                }
                (found, want) => panic!("{tag}: {found:?}, not {want:?}"),
            }
        }
    }
}
