//! The flags of `release`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use image_pins::ReleaseName;

/// The flags of `release`, which only rehearses one.
#[derive(Clone, Debug)]
pub struct Release {
    /// The release.
    pub release: ReleaseName,
    /// The folder of the rehearsal. Without one, it is temporary.
    pub scratch: Option<PathBuf>,
    /// The folder that cargo builds in. Default: a folder of the rehearsal.
    pub target_dir: Option<PathBuf>,
    /// The profile that the archives are built with. Default: that of a release.
    pub profile: Option<String>,
    /// What makes the images others than those of another rehearsal.
    pub seed: u64,
}

pub(super) fn release() -> Command {
    Command::new("release")
        .about("Rehearse a release: every step of it, in a clone of this workspace and with a registry on this machine")
        .after_help(
            "Small images of all components are made and published to the local registry, their digests are imported, and the \
             archives, the chart, the list of dependencies and the notes are made, each by a task of the clone, whose command \
             line is printed before. The program in the archive must install exactly the published images.\n\
             Nothing outside of the scratch folder changes. The last commit is rehearsed, without changes that are not committed. \
             In a scratch folder with a rehearsal of the same commit, the same command does nothing again, and other images for \
             the same release are refused.\n\
             Releases themselves are made by the workflows of the forge: there is no other form than --dry-run.\n\
             Exit codes: 0 done; 1 a step failed; 2 wrong usage or input.",
        )
        .arg(
            Arg::new("release")
                .value_name("vX.Y.Z")
                .help("Release to rehearse")
                .required(true)
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(super::switch("dry-run", "Rehearse it").required(true))
        .arg(
            Arg::new("scratch")
                .long("scratch")
                .value_name("DIR")
                .help("Folder of the rehearsal, which is kept [default: a temporary folder, which is removed]")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("target-dir")
                .long("target-dir")
                .value_name("DIR")
                .help("Folder that cargo builds in [default: target/ of the scratch folder]")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("NAME")
                .help("Profile that the archive is built with, such as dev, which is faster [default: release]"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .help("Number in the images: other numbers give other images")
                .default_value("1")
                .value_parser(value_parser!(u64)),
        )
}

pub(super) fn release_of(mut matches: ArgMatches) -> Option<Release> {
    Some(Release {
        release: matches.remove_one("release")?,
        scratch: matches.remove_one("scratch"),
        target_dir: matches.remove_one("target-dir"),
        profile: matches.remove_one("profile"),
        seed: matches.remove_one("seed")?,
    })
}
