//! `cargo xtask github pull-request`: a pull request with the changes of the working tree.
//!
//! The commit is made without touching the branch, the index or the files of the checkout. Its time is that of its parent: the
//! same changes give the same commit, so a second run recognizes its own branch.

use std::path::Path;
use std::process::Command;

use image_pins::ReleaseName;
use serde::Deserialize;

use super::GitHubError;
use super::programs::{Programs, gh, git, read, read_json};

/// The workflow that checks a pull request.
const CI: &str = "ci.yml";
/// The account of GitHub's workflows.
const AUTHOR: (&str, &str) = (
    "github-actions[bot]",
    "41898282+github-actions[bot]@users.noreply.github.com",
);

/// A pull request in the list of gh.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    state: String,
    url: String,
    is_cross_repository: bool,
}

/// A run of a workflow in the list of gh.
#[derive(Deserialize)]
struct Run {
    url: String,
}

/// Opens the pull request, unless it is there, and starts CI on it.
pub(super) fn open(release: &ReleaseName, programs: &mut Programs<'_>) -> Result<(), GitHubError> {
    let branch = format!("pin-images-{release}");
    let title = format!("Pin the images of {release}");
    let head = trimmed(git().args(["rev-parse", "HEAD"]))?;
    let base = base(&head)?;
    let changed = read(git().args(["status", "--porcelain"]))?;
    if changed.is_empty() {
        return programs.say(&format!(
            "nothing has changed: {base} has the images of {release}"
        ));
    }
    let mut list = gh();
    list.args(["pr", "list", "--head", &branch, "--base", &base]);
    list.args(["--state", "all", "--json", "state,url,isCrossRepository"]);
    let requests: Vec<PullRequest> = read_json(&mut list)?;
    // A branch of a fork can have the same name.
    let own = requests
        .iter()
        .filter(|request| !request.is_cross_repository);
    let with_state = |state: &str| own.clone().find(|request| request.state == state);
    if let Some(merged) = with_state("MERGED") {
        return programs.say(&format!("merged already: {}", merged.url));
    }
    programs.say(changed.trim_end())?;
    let commit = commit(&head, &title)?;
    push(&branch, &commit, programs)?;
    match with_state("OPEN") {
        Some(open) => programs.say(&format!("the pull request is open: {}", open.url))?,
        None => {
            let mut create = gh();
            create.args(["pr", "create", "--head", &branch, "--base", &base]);
            create.args(["--title", &title, "--body", &body(release)]);
            programs.change(&mut create)?;
        }
    }
    start_ci(&branch, &commit, programs)?;
    programs.say_if_dry()
}

fn body(release: &ReleaseName) -> String {
    format!(
        "The images of {release} are published. This pins their digests, which come from the digest file of the registry \
         that they were published to.\n\nMerge it, and push the tag `{release}` on the merged commit to release."
    )
}

/// Returns the branch that the release is made from.
fn base(commit: &str) -> Result<String, GitHubError> {
    let mut branches = git();
    branches.args(["for-each-ref", "--format=%(refname:lstrip=3)", "--contains"]);
    branches.arg(commit);
    branches.args(["refs/remotes/origin/main", "refs/remotes/origin/release-*"]);
    let found = read(&mut branches)?;
    let names: Vec<&str> = found.lines().collect();
    let main = names.iter().find(|name| **name == "main");
    match main.or(names.first()) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(GitHubError::NotOnABranch(commit.to_owned())),
    }
}

/// Makes a commit of the working tree, with an index of its own.
fn commit(head: &str, title: &str) -> Result<String, GitHubError> {
    let scratch = tempfile::tempdir().map_err(|reason| GitHubError::File {
        path: std::env::temp_dir(),
        reason,
    })?;
    let index = scratch.path().join("index");
    let with_index = |arguments: &[&str], index: &Path| {
        let mut git = git();
        git.args(arguments).env("GIT_INDEX_FILE", index);
        git
    };
    read(&mut with_index(&["read-tree", head], &index))?;
    read(&mut with_index(&["add", "--all", "--", ":/"], &index))?;
    let tree = trimmed(&mut with_index(&["write-tree"], &index))?;
    let date = trimmed(git().args(["log", "-1", "--format=%cI", head]))?;
    let (name, email) = AUTHOR;
    let mut commit = git();
    commit.args(["commit-tree", &tree, "-p", head, "-m", title]);
    for role in ["AUTHOR", "COMMITTER"] {
        commit
            .env(format!("GIT_{role}_NAME"), name)
            .env(format!("GIT_{role}_EMAIL"), email)
            .env(format!("GIT_{role}_DATE"), &date);
    }
    trimmed(&mut commit)
}

/// Pushes the commit as a new branch. A branch that is there is left as it is.
fn push(branch: &str, commit: &str, programs: &mut Programs<'_>) -> Result<(), GitHubError> {
    let reference = format!("refs/heads/{branch}");
    let there = read(git().args(["ls-remote", "origin", &reference]))?;
    match there.split_whitespace().next() {
        None => {
            let refspec = format!("{commit}:{reference}");
            programs.change(git().args(["push", "--quiet", "origin", &refspec]))
        }
        Some(found) if found == commit => programs.say(&format!("branch {branch} is there")),
        Some(found) => Err(GitHubError::BranchDiffers {
            branch: branch.to_owned(),
            found: found.to_owned(),
            ours: commit.to_owned(),
        }),
    }
}

/// Starts CI on the branch, unless it has run there. The token of a workflow can do that, although a branch and a pull request
/// that are made with it start nothing.
fn start_ci(branch: &str, commit: &str, programs: &mut Programs<'_>) -> Result<(), GitHubError> {
    let mut list = gh();
    list.args(["run", "list", "--workflow", CI, "--commit", commit]);
    let runs: Vec<Run> = read_json(list.args(["--json", "url"]))?;
    match runs.first() {
        Some(run) => programs.say(&format!("CI has run: {}", run.url)),
        None => programs.change(gh().args(["workflow", "run", CI, "--ref", branch])),
    }
}

fn trimmed(command: &mut Command) -> Result<String, GitHubError> {
    Ok(read(command)?.trim().to_owned())
}
