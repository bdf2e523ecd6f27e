//! `cargo xtask github` with a stand-in for the program `gh`, and with a real repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use test_cluster::{Output, run};

/// A folder with a repository, its origin, and the state of the stand-in.
pub struct GitHub {
    folder: TempDir,
}

impl GitHub {
    /// The repository has one commit on `main` with a file `pins`, and tags for a pre-release and a release.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let github = Self { folder };
        for name in ["bin", "state", "files", "checkout"] {
            fs::create_dir(github.path(name)).unwrap();
        }
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflows/gh");
        fs::copy(stand_in, github.path("bin/gh")).unwrap();
        github.git(&["init", "--quiet", "--bare", "../origin"]);
        github.git(&["init", "--quiet", "--initial-branch", "main"]);
        fs::write(github.path("checkout/pins"), "old\n").unwrap();
        github.git(&["add", "pins"]);
        github.git(&["commit", "--quiet", "--message", "One"]);
        github.git(&["tag", "v1.2.5"]);
        github.git(&["remote", "add", "origin", "../origin"]);
        github.git(&["push", "--quiet", "origin", "main", "v1.2.5"]);
        github.git(&["fetch", "--quiet"]);
        github
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs git in the checkout, with nothing of this machine, and returns what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        self.isolate(git.args(arguments));
        git.env("GIT_AUTHOR_NAME", "One")
            .env("GIT_AUTHOR_EMAIL", "one@mesh.test");
        git.env("GIT_COMMITTER_NAME", "One")
            .env("GIT_COMMITTER_EMAIL", "one@mesh.test");
        run(&mut git, "").ok()
    }

    /// Lets a command find the stand-in, and nothing of the user.
    pub fn isolate(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap();
        let mut folders = vec![self.path("bin")];
        folders.extend(std::env::split_paths(&path));
        command
            .current_dir(self.path("checkout"))
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GH_STATE", self.path("state"))
            .env_remove("GITHUB_OUTPUT")
            .env_remove("GITHUB_REF_NAME");
    }

    /// Returns a call of the task. `%` is the folder of the files.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let files = self.path("files").display().to_string();
        command.arg("github").args(
            arguments
                .split(' ')
                .map(|argument| argument.replace('%', &files)),
        );
        self.isolate(&mut command);
        command
    }

    fn run(&self, arguments: &str) -> Output {
        run(&mut self.command(arguments), "")
    }

    /// The files of a release.
    fn with_files(self, archive: &str) -> Self {
        let sum = |text: &str| {
            use sha2::Digest as _;
            let hash = sha2::Sha256::digest(text);
            hash.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let write =
            |name: &str, text: &str| fs::write(self.path("files").join(name), text).unwrap();
        let name = "osm-v1.2.5-linux-amd64.tar.gz";
        write(name, archive);
        write("osm-1.2.5.tgz", "chart");
        write("sha256sums.txt", &format!("{}  {name}\n", sum(archive)));
        fs::write(
            self.path("notes.md"),
            "# \"Notes\"\n\nof v1.2.5 \\ and more\n",
        )
        .unwrap();
        self
    }

    /// The command lines of gh since the last call of this function.
    fn calls(&self) -> Vec<String> {
        let log = self.path("state/log");
        let calls = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        calls.lines().map(str::to_owned).collect()
    }

    /// The command lines that have changed something.
    pub fn changes(&self) -> Vec<String> {
        let calls = self.calls();
        assert!(!calls.is_empty());
        let reads = [
            "auth token",
            "release list",
            "release view",
            "release download",
            "pr list",
            "run list",
        ];
        let is_change = |call: &String| !reads.iter().any(|read| call.starts_with(read));
        calls.into_iter().filter(is_change).collect()
    }

    /// Lets command lines fail that begin so.
    fn fail(&self, start: &str) {
        fs::write(self.path("state/fail"), start).unwrap();
    }

    fn works_again(&self) {
        fs::remove_file(self.path("state/fail")).unwrap();
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }
}

const DRAFT: &str = "draft v1.2.5 % --notes ../notes.md --confirm";

#[test]
fn the_version_of_a_tag_is_passed_to_the_other_jobs() {
    let github = GitHub::new();
    let output = github.path("output");
    fs::write(&output, "before=1\n").unwrap();
    let epoch = github.git(&["log", "-1", "--format=%ct"]);
    let passed = format!("release=v1.2.5\nepoch={}\n", epoch.trim());
    let tag = |name: &str, arguments: &str| {
        let mut command = github.command(arguments);
        command
            .env("GITHUB_REF_NAME", name)
            .env("GITHUB_OUTPUT", &output);
        run(&mut command, "")
    };
    assert_eq!(tag("pre-rel-v1.2.5", "tag --pre-release").ok(), passed);
    assert_eq!(
        fs::read_to_string(&output).unwrap(),
        format!("before=1\n{passed}")
    );
    assert_eq!(tag("v1.2.5", "tag").ok(), passed);
    let before = fs::read_to_string(&output).unwrap();
    let refused = tag("pre-rel-v1.2", "tag --pre-release");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("the tag pre-rel-v1.2 names no release"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&output).unwrap(), before);
}

#[test]
fn a_release_is_a_draft_until_its_files_are_read_back() {
    let github = GitHub::new().with_files("archive");
    // Without a confirmation nothing happens.
    let dry = github.run("draft v1.2.5 % --notes ../notes.md").ok();
    assert!(
        dry.contains("would run: gh release create v1.2.5 --draft"),
        "{dry}"
    );
    assert!(dry.contains("would run: gh release upload v1.2.5"), "{dry}");
    assert!(dry.ends_with("to do this, add --confirm\n"), "{dry}");
    assert_eq!(github.changes(), Vec::<String>::new());
    let refused = github.run("publish v1.2.5 % --confirm");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("there is no release v1.2.5"),
        "{refused:?}"
    );
    github.calls();

    github.run(DRAFT).ok();
    let changes = github.changes();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(
        changes[0].starts_with("release create v1.2.5 --draft --verify-tag"),
        "{changes:?}"
    );
    assert!(!changes[0].contains("--prerelease"), "{changes:?}");
    let same = github.run("compare v1.2.5 %").ok();
    assert_eq!(same, "the draft release v1.2.5 has these 3 files\n");
    assert!(github.exists("state/releases/v1.2.5/draft"));
    // Again: nothing is done twice.
    github.calls();
    assert_eq!(
        github.run(DRAFT).ok(),
        "the draft of v1.2.5 has all files\n"
    );
    assert_eq!(github.changes(), Vec::<String>::new());

    let dry = github.run("publish v1.2.5 %").ok();
    assert!(
        dry.contains("would run: gh release edit v1.2.5 --draft=false"),
        "{dry}"
    );
    assert!(github.exists("state/releases/v1.2.5/draft"));
    let published = github.run("publish v1.2.5 % --confirm").ok();
    assert!(published.ends_with("published v1.2.5\n"), "{published}");
    assert!(!github.exists("state/releases/v1.2.5/draft"));
    assert_eq!(
        fs::read_to_string(github.path("state/latest")).unwrap(),
        "v1.2.5\n"
    );
    let body = fs::read_to_string(github.path("state/releases/v1.2.5/body")).unwrap();
    assert_eq!(body, fs::read_to_string(github.path("notes.md")).unwrap());
    // All of it again.
    github.calls();
    for (arguments, said) in [
        (DRAFT, "v1.2.5 is published, with the same files\n"),
        (
            "compare v1.2.5 %",
            "the published release v1.2.5 has these 3 files\n",
        ),
        (
            "publish v1.2.5 % --confirm",
            "v1.2.5 is published already\n",
        ),
    ] {
        let out = github.run(arguments).ok();
        assert!(out.ends_with(said), "{arguments}: {out}");
    }
    assert_eq!(github.changes(), Vec::<String>::new());
    // The same release with other files is refused at each step.
    let github = github.with_files("other");
    for arguments in [DRAFT, "compare v1.2.5 %", "publish v1.2.5 % --confirm"] {
        let refused = github.run(arguments);
        assert_eq!(refused.code, 1, "{arguments}: {refused:?}");
        let names = "osm-v1.2.5-linux-amd64.tar.gz: SHA-256 ";
        assert!(refused.stderr.contains(names), "{arguments}: {refused:?}");
        assert!(
            refused.stderr.contains("the published release v1.2.5"),
            "{refused:?}"
        );
    }
    assert_eq!(github.changes(), Vec::<String>::new());
}

#[test]
fn an_interrupted_upload_is_completed_and_not_published_before() {
    let github = GitHub::new().with_files("archive");
    fs::write(github.path("state/cut"), "osm-v1.2.5-linux-amd64.tar.gz").unwrap();
    assert_eq!(github.run(DRAFT).code, 1);
    let refused = github.run("publish v1.2.5 % --confirm");
    assert_eq!(refused.code, 1);
    for difference in [
        "osm-v1.2.5-linux-amd64.tar.gz: SHA-256 ",
        "sha256sums.txt: missing",
    ] {
        assert!(refused.stderr.contains(difference), "{refused:?}");
    }
    assert!(github.exists("state/releases/v1.2.5/draft"));
    github.calls();
    github.run(DRAFT).ok();
    let changes = github.changes();
    assert_eq!(changes.len(), 1, "{changes:?}");
    // What has arrived is not sent again.
    assert!(!changes[0].contains("osm-1.2.5.tgz"), "{changes:?}");
    github.run("publish v1.2.5 % --confirm").ok();
}

#[test]
fn a_draft_with_a_file_too_many_or_other_notes_is_noticed() {
    let github = GitHub::new().with_files("archive");
    github.run(DRAFT).ok();
    fs::write(github.path("notes.md"), "other\n").unwrap();
    github.calls();
    github.run(DRAFT).ok();
    let changes = github.changes();
    assert!(
        changes[0].starts_with("release edit v1.2.5 --notes-file"),
        "{changes:?}"
    );
    fs::write(github.path("state/releases/v1.2.5/assets/stray"), "").unwrap();
    for (arguments, says) in [
        (DRAFT, "stray: not in the folder; delete it"),
        ("publish v1.2.5 % --confirm", "stray: not in the folder"),
    ] {
        let refused = github.run(arguments);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
}

#[test]
fn nothing_is_written_when_github_does_not_answer() {
    let github = GitHub::new().with_files("archive");
    for (step, fails) in [
        (DRAFT, "release list"),
        (DRAFT, "release create"),
        ("publish v1.2.5 % --confirm", "release list"),
        ("publish v1.2.5 % --confirm", "release download"),
        ("publish v1.2.5 % --confirm", "release edit"),
    ] {
        if step != DRAFT && !github.exists("state/releases/v1.2.5") {
            github.run(DRAFT).ok();
        }
        github.fail(fails);
        let failed = github.run(step);
        assert_eq!(failed.code, 1, "{step}: {fails}: {failed:?}");
        assert!(
            failed.stderr.contains(&format!("`gh {fails}")),
            "{failed:?}"
        );
        assert!(failed.stderr.contains("HTTP 502"), "{failed:?}");
        github.works_again();
        assert_eq!(github.exists("state/releases/v1.2.5"), step != DRAFT);
        assert!(!github.exists("state/latest"));
    }
    github.run("publish v1.2.5 % --confirm").ok();
}

#[test]
fn a_pull_request_is_opened_once_and_ci_is_started_on_it() {
    let github = GitHub::new();
    let none = github.run("pull-request v1.2.5 --confirm").ok();
    assert_eq!(none, "nothing has changed: main has the images of v1.2.5\n");
    fs::write(github.path("checkout/pins"), "new\n").unwrap();
    fs::write(github.path("checkout/more"), "new\n").unwrap();
    let dry = github.run("pull-request v1.2.5").ok();
    for says in [
        " M pins\n?? more\n",
        "would run: git push",
        "would run: gh pr create --head pin-images-v1.2.5 --base main",
        "would run: gh workflow run ci.yml --ref pin-images-v1.2.5",
        "add --confirm",
    ] {
        assert!(dry.contains(says), "{says}: {dry}");
    }
    assert_eq!(github.changes(), Vec::<String>::new());
    let heads = || github.git(&["ls-remote", "origin", "refs/heads/pin-images-v1.2.5"]);
    assert_eq!(heads(), "");

    github.run("pull-request v1.2.5 --confirm").ok();
    let pushed = heads();
    let commit = pushed.split_whitespace().next().unwrap();
    assert_eq!(github.git(&["show", &format!("{commit}:pins")]), "new\n");
    assert_eq!(github.git(&["show", &format!("{commit}:more")]), "new\n");
    assert_eq!(
        github.git(&["rev-parse", &format!("{commit}^")]),
        github.git(&["rev-parse", "main"])
    );
    let about = github.git(&["log", "-1", "--format=%an %s", commit]);
    assert_eq!(about, "github-actions[bot] Pin the images of v1.2.5\n");
    assert!(github.exists(&format!("state/runs/{commit}")));
    // The checkout is as it was.
    assert_eq!(github.git(&["status", "--porcelain"]), " M pins\n?? more\n");
    assert_eq!(github.git(&["branch", "--show-current"]), "main\n");
    assert_eq!(github.changes().len(), 2);
    // Again, and again after a failure in the middle.
    let again = github.run("pull-request v1.2.5 --confirm").ok();
    assert!(
        again.contains("the pull request is open: https://github.test/pull/1"),
        "{again}"
    );
    assert!(again.contains("CI has run"), "{again}");
    assert_eq!(github.changes(), Vec::<String>::new());
    assert_eq!(heads(), pushed);
    fs::remove_file(github.path("state/pulls/pin-images-v1.2.5")).unwrap();
    github.run("pull-request v1.2.5 --confirm").ok();
    assert_eq!(github.changes().len(), 1);
    // That of a fork does not count.
    let request = github.path("state/pulls/pin-images-v1.2.5");
    fs::write(&request, "OPEN true\n").unwrap();
    github.run("pull-request v1.2.5 --confirm").ok();
    assert_eq!(github.changes().len(), 1);
    fs::write(&request, "MERGED\n").unwrap();
    let merged = github.run("pull-request v1.2.5 --confirm").ok();
    assert_eq!(merged, "merged already: https://github.test/pull/1\n");
}

#[test]
fn the_branch_of_another_person_is_not_overwritten() {
    let github = GitHub::new();
    github.git(&["push", "--quiet", "origin", "main:pin-images-v1.2.5"]);
    fs::write(github.path("checkout/pins"), "new\n").unwrap();
    let refused = github.run("pull-request v1.2.5 --confirm");
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .contains("branch pin-images-v1.2.5 of `origin` has other content"),
        "{refused:?}"
    );
    assert_eq!(github.changes(), Vec::<String>::new());
}

#[test]
fn a_pull_request_goes_to_the_branch_of_its_commit() {
    let github = GitHub::new();
    fs::write(github.path("checkout/pins"), "new\n").unwrap();
    let dry = || github.run("pull-request v1.2.5");
    assert!(dry().ok().contains("--base main "));
    github.git(&["commit", "--quiet", "--all", "--message", "Two"]);
    fs::write(github.path("checkout/pins"), "newer\n").unwrap();
    let refused = dry();
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .contains("is neither on `main` nor on a branch `release-*`"),
        "{refused:?}"
    );
    github.git(&[
        "push",
        "--quiet",
        "origin",
        "HEAD:release-v1.2",
        "HEAD:another",
    ]);
    github.git(&["fetch", "--quiet"]);
    assert!(dry().ok().contains("--base release-v1.2 "));
}
