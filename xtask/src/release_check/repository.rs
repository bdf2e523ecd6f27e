//! Checks the commit: nothing else than it is released, it is on a branch of releases, and the pre-release had its sources.

use image_pins::{FileError, ReleaseName};

use super::problem::{Names, Problem};
use super::{Context, Outcome};
use crate::changelog;
use crate::git::{GitError, git};
use crate::release_files::{CHART, MANIFEST, chart_of, manifest_of};

/// Folders whose files are all in a release, whether git knows them or not.
const WHOLE_FOLDERS: [&str; 2] = ["charts", "digests"];

pub(super) fn check_committed(context: &Context<'_>) -> Outcome {
    outcome(|problems| {
        let changed = names(context, &["diff", "--name-only", "-z", "HEAD"])?;
        if !changed.is_empty() {
            problems.push(Problem::Uncommitted(Names(changed)));
        }
        // Without the rules of .gitignore.
        let mut arguments = vec!["ls-files", "--others", "-z", "--"];
        arguments.extend(WHOLE_FOLDERS);
        let untracked = names(context, &arguments)?;
        if !untracked.is_empty() {
            problems.push(Problem::Untracked(Names(untracked)));
        }
        Ok(())
    })
}

/// How a file may change between a pre-release and its release.
enum Change {
    /// In any way.
    Any,
    /// In the release that it names.
    Release(fn(&str, &ReleaseName) -> Result<String, FileError>),
}

/// Returns how a file may change after the pre-release; `None` if its images were tested with this very file.
fn allowed(file: &str, release: &ReleaseName) -> Option<Change> {
    let is_pin_file = file == format!("digests/{release}.toml");
    // What is generated has its own check, and what tests expect is not released.
    let is_derived = file.starts_with("docs/reference/") || file.ends_with(".snap");
    match file {
        MANIFEST => Some(Change::Release(manifest_of)),
        CHART => Some(Change::Release(chart_of)),
        changelog::FILE => Some(Change::Any),
        _ => (is_pin_file || is_derived).then_some(Change::Any),
    }
}

pub(super) fn check_pre_release(context: &Context<'_>) -> Outcome {
    outcome(|problems| {
        let tag = format!("pre-rel-{}", context.release);
        let reference = format!("refs/tags/{tag}");
        let found = git(
            context.workspace,
            &["for-each-ref", "--format=%(refname)", &reference],
        )?;
        if !found.lines().any(|line| line == reference) {
            problems.push(Problem::NoPreRelease { tag });
            return Ok(());
        }
        let changed = names(
            context,
            &[
                "diff",
                "--name-only",
                "--no-renames",
                "-z",
                &reference,
                "HEAD",
            ],
        )?;
        let mut files = Vec::new();
        for file in changed {
            let is_allowed = match allowed(&file, context.release) {
                None => false,
                Some(Change::Any) => true,
                Some(Change::Release(with_release)) => {
                    let text = |commit: &str| {
                        git(context.workspace, &["show", &format!("{commit}:{file}")])
                    };
                    let (old, new) = (text(&reference)?, text("HEAD")?);
                    with_release(&old, context.release).is_ok_and(|expected| expected == new)
                }
            };
            files.extend((!is_allowed).then_some(file));
        }
        if !files.is_empty() {
            let files = Names(files);
            problems.push(Problem::Differs { tag, files });
        }
        Ok(())
    })
}

pub(super) fn check_branch(context: &Context<'_>) -> Outcome {
    outcome(|problems| {
        let arguments = [
            "for-each-ref",
            "--contains=HEAD",
            "--format=%(refname)",
            "refs/heads",
            "refs/remotes",
        ];
        let found = git(context.workspace, &arguments)?;
        if !found.lines().filter_map(branch).any(is_of_releases) {
            let commit = git(context.workspace, &["rev-parse", "--short", "HEAD"])?;
            let commit = commit.trim().to_owned();
            problems.push(Problem::NoBranch { commit });
        }
        Ok(())
    })
}

/// Returns the name of a branch, without that of its remote.
fn branch(reference: &str) -> Option<&str> {
    match reference.strip_prefix("refs/remotes/") {
        Some(remote) => remote.split_once('/').map(|(_, branch)| branch),
        None => reference.strip_prefix("refs/heads/"),
    }
}

fn is_of_releases(branch: &str) -> bool {
    branch == "main" || branch.starts_with("release-")
}

/// Checks the tags that begin as those of releases do: a misspelled one would publish another version.
pub(super) fn check_tags(context: &Context<'_>) -> Outcome {
    outcome(|problems| {
        let found = git(context.workspace, &["tag", "--points-at", "HEAD"])?;
        let is_version = |tag: &&str| {
            let version = tag.strip_prefix('v').unwrap_or(tag);
            version.starts_with(|c: char| c.is_ascii_digit())
        };
        for tag in found.lines().filter(is_version) {
            let tag = tag.to_owned();
            match tag.parse::<ReleaseName>() {
                Err(error) => problems.push(Problem::NotAReleaseTag { tag, error }),
                Ok(other) if other != *context.release => problems.push(Problem::OtherTag {
                    tag,
                    release: context.release.clone(),
                }),
                Ok(_) => {}
            }
        }
        Ok(())
    })
}

/// Returns the problems that a check finds until git fails, which is one, too.
fn outcome(check: impl FnOnce(&mut Vec<Problem>) -> Result<(), GitError>) -> Outcome {
    let mut problems = Vec::new();
    if let Err(error) = check(&mut problems) {
        problems.push(Problem::Git(error));
    }
    Outcome::Found(problems)
}

/// Returns the names of files that git writes, each with a zero byte after it.
fn names(context: &Context<'_>, arguments: &[&str]) -> Result<Vec<String>, GitError> {
    let found = git(context.workspace, arguments)?;
    let names = found.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(ToOwned::to_owned).collect())
}
