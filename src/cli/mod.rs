//! The command line: parse, call the library, print. One file for each command, and for what they share.

mod completion;
mod exit;
#[cfg(feature = "cluster")]
mod hints;
mod images;
#[cfg(feature = "cluster")]
mod in_cluster;
mod install;
mod output;
mod pinned;
mod value_args;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Done, Failure};
use output::Printer;

use crate::plan::{DEFAULT_NAMESPACE, check_release_name, is_subdomain};

/// Installs the Open Service Mesh control plane with every image pinned by digest.
#[derive(Debug, Parser)]
#[command(
    name = "osm",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Exit codes: 0 done; 1 the operation failed or what was verified does not hold; \
                  2 wrong usage or input."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of all commands.
#[derive(Debug, clap::Args)]
struct Global {
    /// The namespace of the control plane.
    #[arg(
        long,
        global = true,
        value_name = "NAMESPACE",
        default_value = DEFAULT_NAMESPACE,
        value_parser = namespace
    )]
    osm_namespace: String,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    access: in_cluster::AccessArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Box<install::Install>),
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    InCluster(in_cluster::Command),
    Images(images::Images),
    Version(version::Version),
    Completion(completion::Completion),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let mut printer = Printer::of_process();
    let done = match Cli::try_parse() {
        Ok(cli) => run(&cli, &mut printer),
        Err(error) => Err(Failure::from(error)),
    };
    exit::code(done, &mut printer)
}

fn run(cli: &Cli, printer: &mut Printer) -> Done {
    match &cli.command {
        Command::Install(install) => install.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::InCluster(command) => command.run(&cli.global, printer),
        Command::Images(images) => images.run(&cli.global, printer),
        Command::Version(version) => version.run(&cli.global, printer),
        Command::Completion(completion) => completion.run(printer),
    }
}

/// A mesh's name, which is its release's.
fn mesh_name(text: &str) -> Result<String, String> {
    check_release_name(text).map(|()| text.to_owned())
}

/// A namespace's name: a DNS label (RFC 1123, section 2.1).
fn namespace(text: &str) -> Result<String, String> {
    if text.len() <= 63 && !text.contains('.') && is_subdomain(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace has 1 to 63 lower-case letters, digits and dashes, \
             and begins and ends with a letter or digit"
                .to_owned(),
        )
    }
}

/// An object's name: a DNS subdomain (RFC 1123, section 2.1).
#[cfg(feature = "cluster")]
fn object_name(text: &str) -> Result<String, String> {
    if text.len() <= 253 && is_subdomain(text) {
        return Ok(text.to_owned());
    }
    Err(
        "a name has at most 253 lower-case letters, digits, dashes and dots, \
         and begins and ends with a letter or digit"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn namespaces_are_dns_labels() {
        for name in ["osm-system", "a", "1"] {
            assert_eq!(namespace(name).as_deref(), Ok(name));
        }
        for name in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
            assert!(namespace(name).is_err(), "{name:?}");
        }
    }

    #[test]
    #[cfg(feature = "cluster")]
    fn objects_names_are_dns_subdomains() {
        for name in ["osm-ca-bundle", "a.b", &"a".repeat(253)] {
            assert_eq!(object_name(name).as_deref(), Ok(name));
        }
        for name in ["", "?", "#a", "a/b", "..", "A", &"a".repeat(254)] {
            assert!(object_name(name).is_err(), "{name:?}");
        }
    }
}
