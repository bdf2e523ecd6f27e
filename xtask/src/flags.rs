//! The command line of `cargo xtask`: what each task takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use image_pins::digest_file::Format;
use image_pins::{ReleaseName, RepositoryPrefix};

/// A task with what it was given.
#[derive(Clone, Debug)]
pub enum Task {
    /// `bench`
    Bench,
    /// `import-digests`
    ImportDigests(ImportDigests),
    /// `package-chart`
    PackageChart(PackageChart),
    /// `test`
    Test(Test),
}

/// What `package-chart` was given.
#[derive(Clone, Debug)]
pub struct PackageChart {
    /// The release whose pins go into the chart; the workspace's own if there is none.
    pub release: Option<ReleaseName>,
    /// The folder that the packaged chart is written to.
    pub destination: PathBuf,
}

/// What `test` was given.
#[derive(Clone, Debug)]
pub struct Test {
    /// Whether every fault is tried that tests know of, and not only a sample.
    pub thorough: bool,
    /// Passed on to the test binaries: names of tests, and flags such as `--nocapture`.
    pub arguments: Vec<OsString>,
}

/// What `import-digests` was given.
#[derive(Clone, Debug)]
pub struct ImportDigests {
    /// Digest files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The release that all the files are of.
    pub release: Option<ReleaseName>,
    /// Where the images are published.
    pub registry: Option<RepositoryPrefix>,
    /// The format of the files, if it is not to be recognised.
    pub format: Option<Format>,
    /// The folder of pin files, if it is not the workspace's.
    pub digests_dir: Option<PathBuf>,
    /// What is done with the result.
    pub mode: Mode,
    /// Whether an existing pin file may get other content.
    pub replace: bool,
    /// Components that may have the digest of another release.
    pub allow_unchanged: Vec<String>,
}

/// What is done with what the import gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The pin files are written.
    Write,
    /// The pin files are printed.
    DryRun,
    /// Compare with the existing pin files.
    Check,
}

/// Parses the arguments of a process, the first of which is its name.
///
/// # Errors
///
/// The error or help of clap: [`clap::Error::exit`] prints it and exits with 2 for wrong usage.
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
        Some((name, _)) if name == "bench" => Ok(Task::Bench),
        Some((name, mut matches)) if name == "package-chart" => {
            Ok(Task::PackageChart(PackageChart {
                release: matches.remove_one("release"),
                destination: matches.remove_one("destination").unwrap_or_default(),
            }))
        }
        Some((name, mut matches)) if name == "test" => Ok(Task::Test(Test {
            thorough: matches.get_flag("thorough"),
            arguments: matches
                .remove_many("argument")
                .map(Iterator::collect)
                .unwrap_or_default(),
        })),
        _ => Err(command().error(
            clap::error::ErrorKind::MissingSubcommand,
            "a task is needed; see --help",
        )),
    }
}

fn command() -> Command {
    Command::new("xtask")
        .bin_name("cargo xtask")
        .about("The tasks of this workspace")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("bench").about(
            "Measures osm against helm, and the import and the code generator against themselves",
        ))
        .subcommand(import_digests())
        .subcommand(package_chart())
        .subcommand(test())
}

fn package_chart() -> Command {
    Command::new("package-chart")
        .about("Packages charts/osm for a release, with the digests of its pin file")
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("vX.Y.Z")
                .help("The release [default: that of Cargo.toml]")
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("destination")
                .long("destination")
                .short('d')
                .value_name("DIR")
                .help("Where osm-X.Y.Z.tgz is written")
                .default_value(".")
                .value_parser(value_parser!(PathBuf)),
        )
}

fn test() -> Command {
    Command::new("test")
        .about("Runs all tests, also those against the real helm and Kubernetes, which it builds once with Go")
        .after_help(
            "Prints `N passed, N failed, N skipped` last. With CI=true a test that was left out is a failure.\n\
             Where KUBEBUILDER_ASSETS is set, etcd and kube-apiserver are those in that folder.\n\
             Tests with random faults start at a seed that is derived from the commit and printed; OSM_TEST_SEED=N sets it.",
        )
        .arg(switch(
            "thorough",
            "Try all 200 seeds of random faults and a kill after each request, instead of a sample",
        ))
        .arg(
            Arg::new("argument")
                .value_name("ARG")
                .help("Arguments for the test binaries, such as a test's name")
                .action(ArgAction::Append)
                .num_args(0..)
                .last(true)
                .value_parser(value_parser!(OsString)),
        )
}

fn import_digests() -> Command {
    let formats = Format::ALL.map(Format::name);
    Command::new("import-digests")
        .about("Writes digests/<release>.toml from the digest files of a release")
        .after_help(
            "The release is that of --release, of the rows' tags and of the files' names (osm_image_digest_<release>.txt, \
             <release>.values.yaml); those that are there must agree. Exit code 0: done; 1: --check found a difference; \
             2: refused, and nothing was written.",
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .help("Digest files of any of the formats; `-` is standard input")
                .required(true)
                .action(ArgAction::Append)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("vX.Y.Z")
                .help("The release that all the files are of")
                .value_parser(value_parser!(ReleaseName)),
        )
        .arg(
            Arg::new("registry")
                .long("registry")
                .value_name("REGISTRY")
                .help("Where the images are published [default: the registry of components.toml]")
                .value_parser(value_parser!(RepositoryPrefix)),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .help("The files' format [default: recognised]")
                .value_parser(PossibleValuesParser::new(formats).try_map(|name| name.parse::<Format>())),
        )
        .arg(
            Arg::new("digests-dir")
                .long("digests-dir")
                .value_name("DIR")
                .help("The folder of pin files [default: the workspace's digests/]")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(switch("dry-run", "Print the pin file instead of writing it"))
        .arg(switch("check", "Only compare with the pin file that is there; exit code 1 and a diff if it differs"))
        .arg(switch("replace", "Overwrite a pin file that has other digests").conflicts_with("check"))
        .mut_arg("check", |check| check.conflicts_with("dry-run"))
        .arg(
            Arg::new("allow-unchanged")
                .long("allow-unchanged")
                .value_name("COMPONENT")
                .help("Let a component have the digest it already had in another release (repeatable)")
                .action(ArgAction::Append),
        )
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
        files: matches
            .remove_many("file")
            .map(Iterator::collect)
            .unwrap_or_default(),
        release: matches.remove_one("release"),
        registry: matches.remove_one("registry"),
        format: matches.remove_one("format"),
        digests_dir: matches.remove_one("digests-dir"),
        mode,
        replace: matches.get_flag("replace"),
        allow_unchanged: matches
            .remove_many("allow-unchanged")
            .map(Iterator::collect)
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_of_the_command_line_is_sound() {
        command().debug_assert();
    }
}
