//! The flags of the tasks that only GitHub's workflows need.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use image_pins::ReleaseName;

/// The flags of `github`.
#[derive(Clone, Debug)]
pub enum GitHub {
    /// `github tag`
    Tag {
        /// Whether the tag is that of a pre-release.
        pre_release: bool,
    },
    /// `github pull-request`
    PullRequest {
        /// The release whose images are pinned.
        release: ReleaseName,
        /// Whether to write. Otherwise the task only reports what it would do.
        confirm: bool,
    },
    /// `github draft`
    Draft {
        /// The release and its files.
        files: ReleaseFiles,
        /// A file with the notes. Default: what the task `notes` prints.
        notes: Option<PathBuf>,
        /// Whether to write.
        confirm: bool,
    },
    /// `github compare`
    Compare(ReleaseFiles),
    /// `github publish`
    Publish {
        /// The release and its files.
        files: ReleaseFiles,
        /// Whether to write.
        confirm: bool,
    },
}

/// A release and a folder with its files.
#[derive(Clone, Debug)]
pub struct ReleaseFiles {
    /// The release.
    pub release: ReleaseName,
    /// The folder.
    pub folder: PathBuf,
}

pub(super) fn github() -> Command {
    let release = || {
        Arg::new("release")
            .value_name("vX.Y.Z")
            .required(true)
            .value_parser(value_parser!(ReleaseName))
    };
    let folder = || {
        Arg::new("folder")
            .value_name("DIR")
            .help("Folder with the files of the release, and nothing else")
            .required(true)
            .value_parser(value_parser!(PathBuf))
    };
    let confirm = || super::switch("confirm", "Do it, instead of reporting what would be done");
    let notes = Arg::new("notes")
        .long("notes")
        .value_name("FILE")
        .help("File with the release notes [default: what `cargo xtask notes` prints]")
        .value_parser(value_parser!(PathBuf));
    Command::new("github")
        .about("What workflows need from GitHub: the version of a tag, pull requests, releases; calls `git` and `gh`")
        .after_help(
            "Without --confirm, nothing is written. Each task can be repeated without harm.\n\
             Exit codes: 0 done; 1 refused or failed; 2 wrong usage or input.",
        )
        .subcommand_required(true)
        .subcommand(
            Command::new("tag")
                .about("Pass the version and the time of the tag that has started a workflow to its other jobs")
                .after_help(
                    "The tag is taken from GITHUB_REF_NAME. `release` and `epoch` (SOURCE_DATE_EPOCH of the other jobs) are \
                     written to the file GITHUB_OUTPUT, or else printed.",
                )
                .arg(super::switch(
                    "pre-release",
                    "The tag is that of a pre-release: pre-rel-vX.Y.Z",
                )),
        )
        .subcommand(
            Command::new("pull-request")
                .about("Open a pull request with the changes of the working tree, and start CI on it")
                .after_help(
                    "Its base is `main`, or else the branch `release-*` that has the commit. The branch of the pull request is \
                     never overwritten. CI is started by hand (workflow_dispatch), because what is done with the token of a \
                     workflow starts no other workflow.",
                )
                .args([release(), confirm()]),
        )
        .subcommand(
            Command::new("draft")
                .about("Create the draft of a release, and upload files that it does not have yet")
                .args([release(), folder(), notes, confirm()]),
        )
        .subcommand(
            Command::new("compare")
                .about("Download the files of a release, and compare them with those of a folder")
                .args([release(), folder()]),
        )
        .subcommand(
            Command::new("publish")
                .about("Publish the draft of a release, if its files are those of the folder")
                .args([release(), folder(), confirm()]),
        )
}

pub(super) fn github_of(mut matches: ArgMatches) -> Option<GitHub> {
    let (name, mut matches) = matches.remove_subcommand()?;
    if name == "tag" {
        return Some(GitHub::Tag {
            pre_release: matches.get_flag("pre-release"),
        });
    }
    let release = matches.remove_one("release")?;
    let confirm = name != "compare" && matches.get_flag("confirm");
    if name == "pull-request" {
        return Some(GitHub::PullRequest { release, confirm });
    }
    let folder = matches.remove_one("folder")?;
    let files = ReleaseFiles { release, folder };
    match name.as_str() {
        "draft" => Some(GitHub::Draft {
            files,
            notes: matches.remove_one("notes"),
            confirm,
        }),
        "compare" => Some(GitHub::Compare(files)),
        "publish" => Some(GitHub::Publish { files, confirm }),
        _ => None,
    }
}
