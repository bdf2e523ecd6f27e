//! The flags of the tasks that prepare and check a release.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use image_pins::{ReleaseName, RepositoryPrefix};

use super::registry::{self, Access, all};
use crate::source_date;
use crate::tools::workspace;

/// The flags of `bump`.
#[derive(Clone, Debug)]
pub struct Bump {
    /// The release that the workspace is to name.
    pub release: ReleaseName,
    /// Whether to print the changes instead of writing them.
    pub dry_run: bool,
    /// The folder of the workspace.
    pub workspace: PathBuf,
    /// The value of `SOURCE_DATE_EPOCH`, if it is set.
    pub source_date_epoch: Option<String>,
}

/// The flags of `notes`.
#[derive(Clone, Debug)]
pub struct Notes {
    /// The release.
    pub release: ReleaseName,
    /// The folder of the workspace.
    pub workspace: PathBuf,
}

/// The flags of `release-check`.
#[derive(Clone, Debug)]
pub struct ReleaseCheck {
    /// The release. Default: the release of the workspace.
    pub release: Option<ReleaseName>,
    /// Components that may have the same digest as in another release.
    pub allow_unchanged: Vec<String>,
    /// The registry that has to have the images. Default: no registry is asked.
    pub registry: Option<RepositoryPrefix>,
    /// The registry that may have no other chart of the release. Default: no registry is asked.
    pub chart_registry: Option<RepositoryPrefix>,
    /// How the registries are reached.
    pub access: Access,
    /// Whether to build everything twice and compare it.
    pub reproducible: bool,
    /// The folder of the workspace.
    pub workspace: PathBuf,
    /// The value of `SOURCE_DATE_EPOCH`, if it is set.
    pub source_date_epoch: Option<String>,
}

impl ReleaseCheck {
    /// Returns whether the task talks to a registry.
    pub fn asks_registries(&self) -> bool {
        self.registry.is_some() || self.chart_registry.is_some()
    }
}

pub(super) fn bump() -> Command {
    Command::new("bump")
        .about("Make a release the one that this workspace builds, in Cargo.toml, the chart and CHANGELOG.md")
        .after_help(
            "The release needs a pin file. In CHANGELOG.md, the section `## Unreleased` becomes that of the release, with the day \
             of SOURCE_DATE_EPOCH, or else of the last commit. The versions of the crates do not change. The same command again \
             changes nothing.\n\
             Exit codes: 0 done; 2 refused, nothing was written.",
        )
        .arg(release("Release that is prepared").required(true))
        .arg(super::switch("dry-run", "Print the changes instead of writing them"))
        .arg(workspace_flag())
}

pub(super) fn bump_of(mut matches: ArgMatches) -> Option<Bump> {
    Some(Bump {
        release: matches.remove_one("release")?,
        dry_run: matches.get_flag("dry-run"),
        workspace: workspace_of(&mut matches),
        source_date_epoch: source_date_epoch(),
    })
}

pub(super) fn notes() -> Command {
    Command::new("notes")
        .about("Print the notes of a release in Markdown: its section of CHANGELOG.md, its images, and how to verify them")
        .after_help("Exit codes: 0 done; 2 the release has no changes or no pin file.")
        .arg(release("Release to describe").required(true))
        .arg(workspace_flag())
}

pub(super) fn notes_of(mut matches: ArgMatches) -> Option<Notes> {
    Some(Notes {
        release: matches.remove_one("release")?,
        workspace: workspace_of(&mut matches),
    })
}

pub(super) fn release_check() -> Command {
    Command::new("release-check")
        .about("Check that a release is complete and consistent, and that nothing else would be released")
        .after_help(
            "Every problem is listed with what to do about it. The tag pre-rel-vX.Y.Z, the branches and the tags of the commit \
             have to be there: in CI, fetch the whole history with tags.\n\
             Exit codes: 0 everything holds; 1 something does not hold; 2 wrong usage.",
        )
        .arg(release("Release to check [default: the release in Cargo.toml]"))
        .arg(
            Arg::new("allow-unchanged")
                .long("allow-unchanged")
                .value_name("COMPONENT")
                .help("Allow a component to have the same digest as in another release (repeatable)")
                .action(ArgAction::Append),
        )
        .arg(
            Arg::new("registry")
                .long("registry")
                .value_name("REGISTRY")
                .help("Also check that this registry has the images under the tag of the release")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(
            Arg::new("chart-registry")
                .long("chart-registry")
                .value_name("HOST/REPO")
                .help("Also check that this registry has no other chart of the release as oci://HOST/REPO/osm")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(super::switch(
            "reproducible",
            "Also build the commit twice, and compare all files of the release byte for byte",
        ))
        .group(ArgGroup::new("asked").args(["registry", "chart-registry"]).multiple(true))
        .arg(workspace_flag())
        .args(registry::access().map(|arg| arg.requires("asked")))
}

pub(super) fn release_check_of(mut matches: ArgMatches) -> ReleaseCheck {
    ReleaseCheck {
        release: matches.remove_one("release"),
        allow_unchanged: all(&mut matches, "allow-unchanged"),
        registry: matches.remove_one("registry"),
        chart_registry: matches.remove_one("chart-registry"),
        access: registry::access_of(&mut matches),
        reproducible: matches.get_flag("reproducible"),
        workspace: workspace_of(&mut matches),
        source_date_epoch: source_date_epoch(),
    }
}

fn release(help: &'static str) -> Arg {
    Arg::new("release")
        .value_name("vX.Y.Z")
        .help(help)
        .value_parser(value_parser!(ReleaseName))
}

/// Tests run tasks on a workspace of their own.
fn workspace_flag() -> Arg {
    Arg::new("workspace")
        .long("workspace")
        .value_name("DIR")
        .hide(true)
        .value_parser(value_parser!(PathBuf))
}

fn workspace_of(matches: &mut ArgMatches) -> PathBuf {
    matches.remove_one("workspace").unwrap_or_else(workspace)
}

/// A value that is not UTF-8 is not a time, either.
fn source_date_epoch() -> Option<String> {
    let value = std::env::var_os(source_date::VARIABLE)?;
    Some(value.to_string_lossy().into_owned())
}
