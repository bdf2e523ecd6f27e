//! The flags of the tasks that make and check the files of a release.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use image_pins::ReleaseName;

use super::switch;

/// The flags of `checksums`.
#[derive(Clone, Debug)]
pub struct Checksums {
    /// The folder with the files.
    pub folder: PathBuf,
}

/// The flags of `dist`.
#[derive(Clone, Debug)]
pub struct Dist {
    /// The target of Rust. Default: this machine.
    pub target: Option<String>,
    /// The folder that the archives are written to.
    pub destination: PathBuf,
    /// The profile of cargo. Default: that of a release.
    pub profile: Option<String>,
}

/// The flags of `licenses`.
#[derive(Clone, Debug)]
pub struct Licenses {
    /// The target of Rust. Default: this machine.
    pub target: Option<String>,
}

/// The flags of `packaging`.
#[derive(Clone, Debug)]
pub struct Packaging {
    /// The release.
    pub release: ReleaseName,
    /// The folder with the files of the release, which the others are written to.
    pub folder: PathBuf,
}

/// The flags of `reproducible`.
#[derive(Clone, Debug)]
pub struct Reproducible {
    /// Whether a small program is built instead of the archives.
    pub small: bool,
}

/// The flags of `sbom`.
#[derive(Clone, Debug)]
pub struct Sbom {
    /// The folder that the list is written to. Without one, it is printed.
    pub destination: Option<PathBuf>,
}

pub(super) fn checksums() -> Command {
    Command::new("checksums")
        .about("Write sha256sums.txt with the checksums of all files osm-* in a folder")
        .arg(
            Arg::new("folder")
                .value_name("DIR")
                .help("Folder with the files of a release")
                .required(true)
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(super) fn checksums_of(mut matches: ArgMatches) -> Option<Checksums> {
    let folder = matches.remove_one("folder")?;
    Some(Checksums { folder })
}

pub(super) fn dist() -> Command {
    Command::new("dist")
        .about("Build the archives of a release: osm-vX.Y.Z-OS-ARCH.tar.gz and .zip, and sha256sums.txt")
        .after_help(
            "An archive contains osm, its license, the licenses of the packages that are compiled in, README.md, man pages and \
             completions. The same commit gives the same bytes in every folder: times are those of SOURCE_DATE_EPOCH, or else of \
             the commit. The program names its dependencies (`cargo audit bin`), and its commit, unless files are changed. \
             OSM_COMMIT names the commit where there is no git, OSM_RELEASE another release than that in Cargo.toml.\n\
             The first run builds cargo-auditable, into the cache folder of the user.\n\
             Exit codes: 0 done; 2 an archive cannot be built.",
        )
        .arg(target())
        .arg(
            Arg::new("destination")
                .long("destination")
                .short('d')
                .value_name("DIR")
                .help("Folder to write the archives to")
                .default_value(".")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("PROFILE")
                .help("Profile of cargo, for tests: only that of a release is reproducible")
                .hide(true),
        )
}

pub(super) fn dist_of(mut matches: ArgMatches) -> Dist {
    Dist {
        target: matches.remove_one("target"),
        destination: matches.remove_one("destination").unwrap_or_default(),
        profile: matches.remove_one("profile"),
    }
}

pub(super) fn licenses() -> Command {
    Command::new("licenses")
        .about("Print the licenses of the packages that are compiled into osm")
        .arg(target())
}

pub(super) fn licenses_of(mut matches: ArgMatches) -> Licenses {
    let target = matches.remove_one("target");
    Licenses { target }
}

pub(super) fn packaging() -> Command {
    Command::new("packaging")
        .about("Write the installers, the manifest of krew and the formula of Homebrew for a release")
        .after_help(
            "The templates are in packaging/. They get the version, and the checksums in DIR/sha256sums.txt, which must have \
             every archive.\n\
             Exit codes: 0 done; 2 an archive is missing, or a file cannot be written.",
        )
        .arg(
            Arg::new("release")
                .value_name("vX.Y.Z")
                .help("Release of the archives")
                .required(true)
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("folder")
                .value_name("DIR")
                .help("Folder with sha256sums.txt, to write the files to")
                .required(true)
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(super) fn packaging_of(mut matches: ArgMatches) -> Option<Packaging> {
    Some(Packaging {
        release: matches.remove_one("release")?,
        folder: matches.remove_one("folder")?,
    })
}

pub(super) fn reproducible() -> Command {
    Command::new("reproducible")
        .about("Build the last commit in two folders, and compare what is built byte for byte")
        .after_help(
            "Both builds have their own folder, home of cargo, language, time zone and permissions of new files, and, for root, \
             user. Compared are the program, its archives, the packaged chart and the list of dependencies.\n\
             Exit codes: 0 equal; 1 different, the first difference is printed; 2 a build failed.",
        )
        .arg(switch(
            "small",
            "Compare the program without optimization and without the feature cluster, its archives and the chart",
        ))
}

pub(super) fn reproducible_of(matches: &ArgMatches) -> Reproducible {
    let small = matches.get_flag("small");
    Reproducible { small }
}

pub(super) fn sbom() -> Command {
    Command::new("sbom")
        .about("List the packages that are compiled into osm (CycloneDX, JSON)")
        .after_help("The list is that of all targets of a release together. The same commit gives the same bytes.")
        .arg(
            Arg::new("destination")
                .long("destination")
                .short('d')
                .value_name("DIR")
                .help("Folder to write osm-vX.Y.Z.cdx.json to [default: standard output]")
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(super) fn sbom_of(mut matches: ArgMatches) -> Sbom {
    let destination = matches.remove_one("destination");
    Sbom { destination }
}

fn target() -> Arg {
    Arg::new("target")
        .long("target")
        .value_name("TARGET")
        .help("Target of Rust, such as x86_64-unknown-linux-musl [default: this machine]")
}
