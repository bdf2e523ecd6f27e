//! The command line of `cargo xtask`: the flags of each task.

mod dist;
#[cfg(test)]
mod documented;
mod github;
mod registry;
mod rehearsal;
mod release;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use image_pins::digest_file::Format;
use image_pins::{ReleaseName, RepositoryPrefix};

pub use dist::{Checksums, Dist, Licenses, Packaging, Reproducible, Sbom};
pub use github::{GitHub, ReleaseFiles};
use registry::all;
pub use registry::{Access, Host, Platform, PublishImages, Push, VerifyDigests};
pub use rehearsal::Release;
pub use release::{Bump, Notes, ReleaseCheck};

/// A task and its flags.
#[derive(Clone, Debug)]
pub enum Task {
    /// `advisories`
    Advisories,
    /// `bench`
    Bench(Bench),
    /// `checksums`
    Checksums(Checksums),
    /// `dist`
    Dist(Dist),
    /// `docs`
    Docs(Docs),
    /// `bump`
    Bump(Bump),
    /// `ci`
    Ci,
    /// `fuzz`
    Fuzz(Fuzz),
    /// `github`
    GitHub(GitHub),
    /// `import-digests`
    ImportDigests(ImportDigests),
    /// `licenses`
    Licenses(Licenses),
    /// `notes`
    Notes(Notes),
    /// `package-chart`
    PackageChart(PackageChart),
    /// `packaging`
    Packaging(Packaging),
    /// `publish-images`
    PublishImages(PublishImages),
    /// `release`
    Release(Release),
    /// `reproducible`
    Reproducible(Reproducible),
    /// `sbom`
    Sbom(Sbom),
    /// `release-check`
    ReleaseCheck(ReleaseCheck),
    /// `test`
    Test(Test),
    /// `verify-digests`
    VerifyDigests(VerifyDigests),
}

/// The flags of `bench`.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Whether the measurements are printed as JSON.
    pub json: bool,
}

/// The flags of `docs`.
#[derive(Clone, Debug)]
pub struct Docs {
    /// Whether to compare only.
    pub check: bool,
}

/// The flags of `fuzz`.
#[derive(Clone, Debug)]
pub struct Fuzz {
    /// The target to run. Without one, the targets are listed.
    pub target: Option<String>,
    /// How long it runs, in seconds.
    pub seconds: u32,
}

/// The flags of `package-chart`.
#[derive(Clone, Debug)]
pub struct PackageChart {
    /// The release whose pins the chart gets. Default: the release of the workspace.
    pub release: Option<ReleaseName>,
    /// The folder that the packaged chart is written to.
    pub destination: PathBuf,
    /// Where it is pushed to.
    pub push: Option<Push>,
}

/// The flags of `test`.
#[derive(Clone, Debug)]
pub struct Test {
    /// Whether to try every fault, not only a sample.
    pub thorough: bool,
    /// Whether to rehearse a release, too.
    pub rehearsal: bool,
    /// Arguments of the test binaries: names of tests, and flags such as `--nocapture`.
    pub arguments: Vec<OsString>,
}

/// The flags of `import-digests`.
#[derive(Clone, Debug)]
pub struct ImportDigests {
    /// Digest files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The registry whose images are imported, instead of digest files.
    pub from_registry: Option<RepositoryPrefix>,
    /// The release of all files.
    pub release: Option<ReleaseName>,
    /// The registry of the images.
    pub registry: Option<RepositoryPrefix>,
    /// The format of the files. Default: detected.
    pub format: Option<Format>,
    /// The folder of the pin files. Default: the folder of the workspace.
    pub digests_dir: Option<PathBuf>,
    /// What to do with the pin files.
    pub mode: Mode,
    /// Whether the content of an existing pin file may change.
    pub replace: bool,
    /// Components that may have the same digest as in another release.
    pub allow_unchanged: Vec<String>,
    /// How the registry is reached.
    pub access: Access,
}

/// What the import does with the pin files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Write them.
    Write,
    /// Print them.
    DryRun,
    /// Compare them with the existing ones.
    Check,
}

/// How long a fuzz target runs without `--seconds`.
const FUZZ_SECONDS: u32 = 60;

/// Parses the arguments of a process. The first is the name of the program.
///
/// # Errors
///
/// Wrong usage, or a request for help. [`clap::Error::exit`] prints it and exits with code 2 for wrong usage.
pub fn parse<I>(arguments: I) -> Result<Task, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let mut matches = command().try_get_matches_from(arguments)?;
    match matches.remove_subcommand() {
        Some((name, matches)) if name == "import-digests" => {
            Ok(Task::ImportDigests(import_digests_of(matches)))
        }
        Some((name, _)) if name == "advisories" => Ok(Task::Advisories),
        Some((name, matches)) if name == "bench" => Ok(Task::Bench(Bench {
            json: matches
                .get_one::<String>("output")
                .is_some_and(|output| output == "json"),
        })),
        Some((name, matches)) if name == "checksums" => dist::checksums_of(matches)
            .map(Task::Checksums)
            .ok_or_else(no_task),
        Some((name, matches)) if name == "dist" => Ok(Task::Dist(dist::dist_of(matches))),
        Some((name, matches)) if name == "docs" => Ok(Task::Docs(Docs {
            check: matches.get_flag("check"),
        })),
        Some((name, matches)) if name == "bump" => release::bump_of(matches)
            .map(Task::Bump)
            .ok_or_else(no_task),
        Some((name, _)) if name == "ci" => Ok(Task::Ci),
        Some((name, matches)) if name == "github" => {
            let flags = github::github_of(matches);
            flags.map(Task::GitHub).ok_or_else(no_task)
        }
        Some((name, mut matches)) if name == "fuzz" => Ok(Task::Fuzz(Fuzz {
            target: matches.remove_one("target"),
            seconds: matches.remove_one("seconds").unwrap_or(FUZZ_SECONDS),
        })),
        Some((name, matches)) if name == "licenses" => {
            Ok(Task::Licenses(dist::licenses_of(matches)))
        }
        Some((name, matches)) if name == "notes" => release::notes_of(matches)
            .map(Task::Notes)
            .ok_or_else(no_task),
        Some((name, mut matches)) if name == "package-chart" => {
            Ok(Task::PackageChart(PackageChart {
                release: matches.remove_one("release"),
                destination: matches.remove_one("destination").unwrap_or_default(),
                push: registry::push_of(&mut matches),
            }))
        }
        Some((name, matches)) if name == "packaging" => dist::packaging_of(matches)
            .map(Task::Packaging)
            .ok_or_else(no_task),
        Some((name, matches)) if name == "reproducible" => {
            Ok(Task::Reproducible(dist::reproducible_of(&matches)))
        }
        Some((name, matches)) if name == "sbom" => Ok(Task::Sbom(dist::sbom_of(matches))),
        Some((name, matches)) if name == "release-check" => {
            Ok(Task::ReleaseCheck(release::release_check_of(matches)))
        }
        Some((name, mut matches)) if name == "test" => Ok(Task::Test(Test {
            thorough: matches.get_flag("thorough"),
            rehearsal: matches.get_flag("rehearsal"),
            arguments: all(&mut matches, "argument"),
        })),
        Some((name, matches)) if name == "verify-digests" => {
            Ok(Task::VerifyDigests(registry::verify_digests_of(matches)))
        }
        Some((name, matches)) if name == "release" => rehearsal::release_of(matches)
            .map(Task::Release)
            .ok_or_else(no_task),
        Some((name, matches)) if name == "publish-images" => {
            let flags = registry::publish_images_of(matches);
            flags.map(Task::PublishImages).ok_or_else(no_task)
        }
        _ => Err(no_task()),
    }
}

fn no_task() -> clap::Error {
    command().error(
        clap::error::ErrorKind::MissingSubcommand,
        "no task is given; see --help",
    )
}

fn command() -> Command {
    Command::new("xtask")
        .bin_name("cargo xtask")
        .about("Tasks of this workspace")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("advisories")
                .about("Look for dependencies with an advisory of RustSec; needs the network")
                .after_help(
                    "Exit codes: 0 there is none; 1 cargo-deny has found one, or cannot fetch them; 2 cargo-deny cannot be run.",
                ),
        )
        .subcommand(bench())
        .subcommand(release::bump())
        .subcommand(dist::checksums())
        .subcommand(dist::dist())
        .subcommand(docs())
        .subcommand(Command::new("ci").about("Run what CI runs: the steps of .ci/run"))
        .subcommand(fuzz())
        .subcommand(github::github())
        .subcommand(import_digests())
        .subcommand(dist::licenses())
        .subcommand(release::notes())
        .subcommand(package_chart())
        .subcommand(dist::packaging())
        .subcommand(registry::publish_images())
        .subcommand(rehearsal::release())
        .subcommand(release::release_check())
        .subcommand(dist::reproducible())
        .subcommand(dist::sbom())
        .subcommand(test())
        .subcommand(registry::verify_digests())
}

fn bench() -> Command {
    Command::new("bench")
        .about("Compare osm with helm, crane and skopeo, and measure how times grow with the input")
        .after_help(
            "It takes minutes, and its ratios are true on a quiet machine only. Exit codes: 0 done; 1 a bound is not met; 2 it \
             cannot be measured.",
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FORMAT")
                .help("Print the measurements as json; the lines for people go to stderr")
                .value_parser(["json"]),
        )
}

fn docs() -> Command {
    Command::new("docs")
        .about("Write docs/reference from the command line and the values of the chart, and the picture of the benchmarks")
        .after_help(
            "Exit codes: 0 done; 1 --check found a difference; 2 the pages cannot be generated.",
        )
        .arg(switch(
            "check",
            "Change nothing; fail if a file is out of date, and name it",
        ))
}

fn fuzz() -> Command {
    Command::new("fuzz")
        .about("Run a fuzz target with cargo-fuzz and a nightly toolchain; without TARGET, list the targets")
        .after_help(
            "Seeds are in fuzz/corpus/TARGET/. Inputs that are found are stored in target/fuzz/corpus/TARGET/, those that fail in \
             target/fuzz/failures/TARGET/. Exit codes: 0 done; 1 an input fails; 2 the target cannot be run.",
        )
        .arg(
            Arg::new("target")
                .value_name("TARGET")
                .help("Target to run"),
        )
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_name("N")
                .help("How long to run it [default: 60]")
                .value_parser(value_parser!(u32).range(1..)),
        )
}

fn package_chart() -> Command {
    Command::new("package-chart")
        .about("Package charts/osm for a release, with the digests of its pin file")
        .after_help(
            "The same release gives the same bytes: times are those of SOURCE_DATE_EPOCH, or else of the commit.\n\
             --push pushes the chart as helm does, without replacing anything: a version that the registry has with another \
             content is refused. An interrupted push is completed by the same command.\n\
             Exit codes: 0 done; 1 the push was refused or failed; 2 wrong usage or input.",
        )
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("vX.Y.Z")
                .help("Release to package [default: the release in Cargo.toml]")
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("destination")
                .long("destination")
                .short('d')
                .value_name("DIR")
                .help("Folder to write osm-X.Y.Z.tgz to")
                .default_value(".")
                .value_parser(value_parser!(PathBuf)),
        )
        .args(registry::push())
        .args(registry::access().map(|arg| arg.requires("push")))
}

fn test() -> Command {
    Command::new("test")
        .about("Run all tests, including those against the real helm, Kubernetes and registries, which are built once with Go")
        .after_help(
            "The last line is `N passed, N failed, N skipped`. With CI=true, a skipped test is a failure.\n\
             If KUBEBUILDER_ASSETS is set, etcd and kube-apiserver are taken from that folder.\n\
             The seed of random faults is derived from the commit and printed. OSM_TEST_SEED=N sets it.",
        )
        .arg(switch(
            "thorough",
            "Try all 200 seeds of random faults and a kill after each request, not only a sample",
        ))
        .arg(switch(
            "rehearsal",
            "Also rehearse a release in a clone of the last commit, which builds all of osm once more",
        ))
        .arg(
            Arg::new("argument")
                .value_name("ARG")
                .help("Arguments of the test binaries, such as the name of a test")
                .action(ArgAction::Append)
                .num_args(0..)
                .last(true)
                .value_parser(value_parser!(OsString)),
        )
}

fn import_digests() -> Command {
    let formats = Format::ALL.map(Format::name);
    Command::new("import-digests")
        .about("Write digests/<release>.toml from the digest files of a release")
        .after_help(
            "--release, the tags of the rows and the file name (osm_image_digest_<release>.txt, <release>.values.yaml) name the \
             release. One of them is enough; all that are present must agree.\n\
             --from-registry reads the digests of the images with the tag of the release, and checks that each image is complete. \
             The pin file is the same as from the digest file that publish-images writes.\n\
             Exit codes: 0 done; 1 --check found a difference; 2 refused, nothing was written.",
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .help("Digest files in any format; `-` is standard input")
                .required_unless_present("from-registry")
                .action(ArgAction::Append)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("vX.Y.Z")
                .help("Release of all files")
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("registry")
                .long("registry")
                .value_name("REGISTRY")
                .help("Registry of the images [default: the registry in components.toml]")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .help("Format of the files [default: detected]")
                .value_parser(PossibleValuesParser::new(formats).try_map(|name| name.parse::<Format>())),
        )
        .arg(
            Arg::new("from-registry")
                .long("from-registry")
                .value_name("REGISTRY")
                .help("Import the images in this registry, instead of digest files")
                .conflicts_with_all(["file", "format"])
                .requires("release")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(digests_dir())
        .arg(switch("dry-run", "Print the pin file instead of writing it"))
        .arg(switch("check", "Compare with the existing pin file; print a diff and exit with code 1 if it differs"))
        .arg(switch("replace", "Replace a pin file that has other digests").conflicts_with("check"))
        .mut_arg("check", |check| check.conflicts_with("dry-run"))
        .arg(
            Arg::new("allow-unchanged")
                .long("allow-unchanged")
                .value_name("COMPONENT")
                .help("Allow a component to have the same digest as in another release (repeatable)")
                .action(ArgAction::Append),
        )
        .args(registry::access().map(|arg| arg.requires("from-registry")))
}

fn digests_dir() -> Arg {
    Arg::new("digests-dir")
        .long("digests-dir")
        .value_name("DIR")
        .help("Folder of the pin files [default: digests/ of the workspace]")
        .value_parser(value_parser!(PathBuf))
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(ArgAction::SetTrue)
}

fn import_digests_of(mut matches: ArgMatches) -> ImportDigests {
    let mode = match (matches.get_flag("check"), matches.get_flag("dry-run")) {
        (true, _) => Mode::Check,
        (false, true) => Mode::DryRun,
        (false, false) => Mode::Write,
    };
    ImportDigests {
        files: all(&mut matches, "file"),
        from_registry: matches.remove_one("from-registry"),
        release: matches.remove_one("release"),
        registry: matches.remove_one("registry"),
        format: matches.remove_one("format"),
        digests_dir: matches.remove_one("digests-dir"),
        mode,
        replace: matches.get_flag("replace"),
        allow_unchanged: all(&mut matches, "allow-unchanged"),
        access: registry::access_of(&mut matches),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_declared_correctly() {
        command().debug_assert();
    }
}
