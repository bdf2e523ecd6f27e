//! The clone of the workspace that a rehearsal works in.

use std::fs;
use std::path::Path;

use super::RehearsalError;
use super::scratch::{Scratch, failed};
use super::shell::Shell;
use super::steps::BASE;
use crate::git::git;

/// Clones the last commit of the workspace as the branch `main`, without a remote to which anything could be pushed. A
/// clone of that commit that is there is used as it is.
pub(super) fn clone_workspace(
    workspace: &Path,
    scratch: &Scratch,
    shell: &mut Shell<'_>,
) -> Result<(), RehearsalError> {
    let wanted = head(workspace)?;
    let clone = scratch.workspace();
    if clone.exists() {
        let found = git(&clone, &["rev-parse", BASE])?;
        let found = found.trim().to_owned();
        return match found == wanted {
            true => Ok(()),
            false => Err(RehearsalError::OtherCommit {
                path: scratch.path().to_owned(),
                found,
                wanted,
            }),
        };
    }
    // It gets its name when it is complete, so that an interrupted rehearsal can be run again.
    let part = scratch.path().join("workspace.part");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(failed(&part))?;
    }
    let [from, to] = [workspace, &part].map(|path| path.display().to_string());
    shell.git_in(
        scratch.path(),
        &["clone", "--quiet", "--local", "--no-checkout", &from, &to],
    )?;
    let switch = ["switch", "--quiet", "--force-create", "main", &wanted];
    shell.git_in(&part, &switch)?;
    shell.git_in(&part, &["remote", "remove", "origin"])?;
    shell.git_in(&part, &["update-ref", BASE, &wanted])?;
    fs::rename(&part, &clone).map_err(failed(&clone))
}

/// Returns the last commit.
fn head(workspace: &Path) -> Result<String, RehearsalError> {
    Ok(git(workspace, &["rev-parse", "HEAD"])?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Release;
    use crate::release::scratch;

    /// Commits a file with this content.
    fn commit(workspace: &Path, content: &str) {
        fs::write(workspace.join("file"), content).unwrap();
        git(workspace, &["add", "file"]).unwrap();
        let user = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
        let commit = ["commit", "--quiet", "--message", content];
        git(workspace, &[&user[..], &commit].concat()).unwrap();
    }

    #[test]
    fn the_clone_is_of_the_last_commit_and_is_used_again_for_that_commit_only() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        fs::create_dir(&workspace).unwrap();
        git(&workspace, &["init", "--quiet"]).unwrap();
        commit(&workspace, "committed");
        fs::write(workspace.join("file"), "changed").unwrap();
        assert!(scratch::has_changes(&workspace).unwrap());

        let kept = folder.path().join("scratch");
        let flags = Release {
            release: "v1.2.5".parse().unwrap(),
            scratch: Some(kept.clone()),
            target_dir: None,
            profile: None,
            seed: 1,
        };
        let clone = || {
            let scratch = Scratch::open(Some(&kept))?;
            let mut out = Vec::new();
            let mut shell = Shell::new(&mut out, &scratch, &workspace, &flags)?;
            clone_workspace(&workspace, &scratch, &mut shell)?;
            Ok::<_, RehearsalError>((scratch.workspace(), String::from_utf8(out).unwrap()))
        };
        let (path, out) = clone().unwrap();
        assert!(out.starts_with("$ git clone "), "{out}");
        let text = fs::read_to_string(path.join("file")).unwrap();
        assert_eq!(text, "committed");
        assert_eq!(git(&path, &["branch", "--show-current"]).unwrap(), "main\n");
        assert_eq!(git(&path, &["remote"]).unwrap(), "");

        assert_eq!(clone().unwrap().1, "");
        commit(&workspace, "changed");
        let error = clone().unwrap_err().to_string();
        assert!(error.contains(" has a rehearsal of the commit "), "{error}");
    }
}
