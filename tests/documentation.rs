//! The documentation: its commands are run, its links lead somewhere, and nothing is left out.

mod environment;
mod messages;
mod output;
mod page;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use environment::Environment;
use page::{Block, Page, files};

/// Blocks that are not commands.
const OTHER_LANGUAGES: [&str; 6] = ["json", "output", "rust", "text", "toml", "yaml"];
/// What a command needs to be one that runs without a cluster and registries.
const OFFLINE: [&str; 7] = [
    "osm completion",
    "osm env",
    "osm explain",
    "osm images explain",
    "osm images list",
    "--client-only",
    "--dry-run",
];
/// What a command with one of [`OFFLINE`] does that needs more.
const LIVE: [&str; 7] = [
    "--dry-run=server",
    "helm ",
    "images mirror",
    "images save",
    "images verify",
    "kubectl ",
    "mesh upgrade",
];

/// The pages whose commands are run: the README and the documentation, without what is generated.
fn pages() -> Vec<Page> {
    let docs = files("docs", "md");
    let is_written = |path: &PathBuf| !path.starts_with("docs/reference");
    let paths = docs.into_iter().filter(is_written);
    let readme = std::iter::once(PathBuf::from("README.md"));
    let pages: Vec<Page> = readme.chain(paths).map(|path| Page::read(&path)).collect();
    assert!(pages.len() > 10, "{}", pages.len());
    pages
}

impl Block {
    fn is_commands(&self) -> bool {
        matches!(self.language.as_deref(), Some("sh") | None)
    }

    fn is_run(&self) -> bool {
        self.is_commands() && self.marks("not run").next().is_none()
    }

    /// Whether every command works without a cluster and registries.
    fn is_offline(&self) -> bool {
        let has = |text: &str, one_of: &[&str]| one_of.iter().any(|part| text.contains(part));
        let mut lines = self.text.lines().filter(|line| line.contains("osm "));
        self.marks("first").next().is_none()
            && !has(&self.text, &LIVE)
            && lines.all(|line| has(line, &OFFLINE))
    }
}

/// Runs blocks of all pages, and compares what they print with the block of output behind them.
fn run_blocks(environment: &Environment, is_chosen: impl Fn(&Block) -> bool) {
    let (mut ran, mut failures) = (0, Vec::new());
    for page in pages() {
        let before = ran;
        for (index, block) in page.blocks.iter().enumerate() {
            if !block.is_run() || !is_chosen(block) {
                continue;
            }
            ran += 1;
            let place = page.place(block.line);
            for first in block.marks("first") {
                let done = environment.run(&page.path, first);
                assert_eq!(done.code, 0, "{place}: {first}:\n{}", done.stdout);
            }
            let done = environment.run(&page.path, &block.text);
            let wanted_code = block.marks("exit code").next().unwrap_or("0");
            if done.code.to_string() != wanted_code {
                let (code, printed) = (done.code, done.stdout);
                failures.push(format!(
                    "{place}: exit code {code} instead of {wanted_code}:\n{}\n{printed}",
                    block.text
                ));
                continue;
            }
            let next = page.blocks.get(index + 1);
            if let Some(wanted) = next.filter(|next| next.language.as_deref() == Some("output"))
                && let Err(difference) = output::compare(&wanted.text, &done.stdout)
            {
                failures.push(format!("{}: {difference}", page.place(wanted.line)));
            }
        }
        if ran > before
            && let Err(left) = environment.restore_cluster()
        {
            failures.push(format!("{}: {left}", page.path.display()));
        }
    }
    assert!(ran > 5, "only {ran} blocks");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn commands_that_need_no_cluster_run() {
    run_blocks(&Environment::offline(), Block::is_offline);
}

#[test]
#[ignore = "needs a cluster and registries: run cargo xtask test"]
fn commands_run_in_a_cluster_and_at_registries() {
    run_blocks(&Environment::start(), |block| !block.is_offline());
}

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let mut not_run = Vec::new();
    for page in pages() {
        for block in &page.blocks {
            let place = page.place(block.line);
            let language = block.language.as_deref();
            if block.is_commands() {
                let reasons = block.marks("not run").map(|reason| {
                    let first = block.text.lines().next().unwrap_or_default();
                    format!("{}: {first}: {reason}", page.path.display())
                });
                not_run.extend(reasons);
                continue;
            }
            assert!(
                language.is_some_and(|language| OTHER_LANGUAGES.contains(&language)),
                "{place}: commands are in blocks of the language sh, not {language:?}"
            );
            let is_command = |line: &str| line.starts_with("osm ") || line.starts_with("cargo ");
            let is_output = language == Some("output");
            assert!(
                is_output || !block.text.lines().any(is_command),
                "{place}: commands in a block that is not run"
            );
        }
    }
    let count = not_run.len();
    insta::assert_snapshot!(format!("{count} are not run\n{}", not_run.join("\n")));
}

#[test]
fn every_command_of_osm_is_documented() {
    let text: String = pages().into_iter().map(|page| page.text).collect();
    let commands = crate::help::commands();
    for command in &commands {
        let has_subcommands = commands
            .iter()
            .any(|other| other.starts_with(&format!("{command} ")));
        assert!(
            command.is_empty() || has_subcommands || text.contains(&format!("osm {command}")),
            "no page has `osm {command}`"
        );
    }
}

#[test]
fn rust_code_is_that_of_the_examples_of_the_crates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_example = |path: &PathBuf| path.iter().any(|part| part == "examples");
    let examples = files("crates", "rs").into_iter().filter(is_example);
    // Cargo tests the code in this one, too.
    let readme = std::iter::once(PathBuf::from("crates/helm-chart/README.md"));
    let text: String = examples
        .chain(readme)
        .map(|path| std::fs::read_to_string(root.join(path)).unwrap())
        .collect();
    let lines: BTreeSet<&str> = text.lines().map(str::trim).collect();
    let mut checked = 0;
    for page in pages() {
        let is_rust = |block: &&Block| block.language.as_deref() == Some("rust");
        for block in page.blocks.iter().filter(is_rust) {
            for line in block.text.lines() {
                checked += 1;
                let place = page.place(block.line);
                assert!(lines.contains(line.trim()), "{place}: {line}");
            }
        }
    }
    assert!(checked > 10, "only {checked} lines");
}

/// All pages that people read, also those without commands of this program.
fn linked_pages() -> Vec<Page> {
    let mut paths = vec!["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    paths.push("charts/osm/README.md");
    let crates = std::fs::read_dir(crate::common::repository("crates")).unwrap();
    let readmes = crates
        .map(|entry| {
            Path::new("crates")
                .join(entry.unwrap().file_name())
                .join("README.md")
        })
        .filter(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists());
    let paths = paths.into_iter().map(PathBuf::from).chain(readmes);
    paths
        .chain(files("docs", "md"))
        .map(|path| Page::read(&path))
        .collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let pages = linked_pages();
    let (mut checked, mut broken) = (0, Vec::new());
    for page in &pages {
        for link in &page.links {
            if link.target.contains("://") {
                continue;
            }
            checked += 1;
            let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let target = match file.is_empty() {
                true => page.path.clone(),
                false => normalized(&page.path.with_file_name(file)),
            };
            let exists = Path::new(env!("CARGO_MANIFEST_DIR")).join(&target).exists();
            let has_anchor = anchor.is_empty()
                || pages
                    .iter()
                    .any(|other| other.path == target && other.anchors.contains(anchor));
            if !exists || !has_anchor {
                broken.push(format!("{}: {}", page.place(link.line), link.target));
            }
        }
    }
    assert!(checked > 50, "only {checked} links");
    assert_eq!(broken.join("\n"), "");
}

/// Removes `..` from a path.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, part| {
        match part.as_os_str() == ".." {
            true => _ = done.pop(),
            false => done.push(part),
        }
        done
    })
}

#[test]
fn the_summary_has_every_page_once() {
    let summary = Page::read(Path::new("docs/SUMMARY.md"));
    let listed: Vec<PathBuf> = summary
        .links
        .iter()
        .map(|link| Path::new("docs").join(&link.target))
        .collect();
    let unique: BTreeSet<PathBuf> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "{listed:?}");
    let mut written: BTreeSet<PathBuf> = files("docs", "md").into_iter().collect();
    written.remove(Path::new("docs/SUMMARY.md"));
    assert_eq!(unique, written);
}
