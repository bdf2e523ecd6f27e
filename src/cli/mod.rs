//! The command line: parses flags, calls the operations, prints results. Each command has a file; the others hold the
//! flags and messages that several commands share.

#[cfg(feature = "cluster")]
mod access_args;
mod called_as;
mod complete;
mod completion;
mod config_file;
#[cfg(feature = "cluster")]
mod copy_args;
#[cfg(feature = "cluster")]
mod copy_report;
#[cfg(feature = "cluster")]
mod copy_steps;
#[cfg(feature = "cluster")]
mod duration;
#[cfg(feature = "cluster")]
mod env;
#[cfg(feature = "cluster")]
mod events;
mod exit;
mod explain;
mod flag_names;
#[cfg(feature = "cluster")]
mod hints;
mod image_messages;
mod images;
mod images_explain;
#[cfg(feature = "cluster")]
mod images_mirror;
#[cfg(feature = "cluster")]
mod images_save;
#[cfg(feature = "cluster")]
mod images_verify;
mod install;
#[cfg(feature = "cluster")]
mod install_command;
#[cfg(feature = "cluster")]
mod live;
#[cfg(feature = "cluster")]
mod mesh;
#[cfg(feature = "cluster")]
mod mesh_config_messages;
#[cfg(feature = "cluster")]
mod namespace;
mod output;
#[cfg(feature = "cluster")]
mod port_arg;
pub mod reference;
#[cfg(feature = "cluster")]
mod registry_args;
#[cfg(feature = "cluster")]
mod registry_hints;
mod settings;
mod suggest;
#[cfg(feature = "cluster")]
mod transfer_progress;
#[cfg(feature = "cluster")]
mod uninstall;
#[cfg(feature = "cluster")]
mod upgrade;
mod value_args;
#[cfg(feature = "cluster")]
mod verify;
mod version;
#[cfg(feature = "cluster")]
mod wait_args;
#[cfg(feature = "cluster")]
mod wait_hints;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use called_as::CalledAs;
use exit::{Done, Failure};
use output::Printer;
use settings::Settings;

use crate::mesh::names::{DEFAULT_NAMESPACE, InvalidName, check_release_name, is_subdomain};

/// The colors of help and usage errors: those of cargo.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Cyan.on_default().bold())
    .invalid(AnsiColor::Yellow.on_default().bold());

/// Install and manage the Open Service Mesh control plane, with every image pinned by digest
#[derive(Debug, Parser)]
#[command(
    name = "osm",
    version,
    styles = STYLES,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Exit codes: 0 done; 1 the operation failed or what was verified does not hold; \
                  2 wrong usage or input."
)]
struct Cli<C: Subcommand = Command> {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: C,
}

/// Flags that every command accepts.
#[derive(Debug, clap::Args)]
struct Global {
    /// When to use colors
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        display_order = 1000,
        help_heading = "Output",
        help = "When to use colors: auto, always or never"
    )]
    color: ColorChoice,
    /// Namespace of the control plane
    #[arg(
        long,
        global = true,
        value_name = "NAMESPACE",
        default_value = DEFAULT_NAMESPACE,
        value_parser = namespace,
        help_heading = "Cluster"
    )]
    osm_namespace: String,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    access: access_args::AccessArgs,
    /// Log every request to the API server and to registries
    #[cfg(feature = "cluster")]
    #[arg(long, global = true, display_order = 999, help_heading = "Output")]
    verbose: bool,
}

#[cfg(feature = "cluster")]
impl Global {
    /// Starts the settings of a client for the cluster.
    fn cluster(&self) -> helm_release::client::ClientBuilder {
        self.access.client().trace(self.trace())
    }

    /// Returns what is called with a line for each request.
    fn trace(&self) -> Option<fn(&str)> {
        self.verbose.then_some(Printer::progress)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Box<install::Install>),
    #[cfg(feature = "cluster")]
    Uninstall(uninstall::Uninstall),
    #[cfg(feature = "cluster")]
    Mesh(mesh::Mesh),
    #[cfg(feature = "cluster")]
    Namespace(namespace::Namespace),
    #[cfg(feature = "cluster")]
    Verify(verify::Verify),
    #[cfg(feature = "cluster")]
    Env(env::Env),
    Images(Box<images::Images>),
    Explain(explain::Explain),
    Version(version::Version),
    Completion(completion::Completion),
}

/// The command that runs most often, alone: to build the others takes longer than to parse its flags.
#[derive(Debug, Subcommand)]
enum Frequent {
    Install(Box<install::Install>),
}

/// Commands that never contact a cluster.
const OFFLINE: [&str; 3] = ["images", "explain", "completion"];
/// Flags that every command accepts.
const GENERAL: [&str; 2] = ["color", "osm_namespace"];

/// The flag that also those commands accept that contact registries only.
const VERBOSE: &str = "verbose";

/// The whole command line. Offline commands do not list the flags of a cluster.
fn command() -> clap::Command {
    let command = Cli::<Command>::command();
    let flags: Vec<clap::Arg> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set() && arg.get_id() != "color")
        .cloned()
        .collect();
    let verbose = flags.iter().find(|arg| arg.get_id() == VERBOSE).cloned();
    let hidden: Vec<clap::Arg> = flags.into_iter().map(|arg| arg.hide(true)).collect();
    OFFLINE.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |offline| {
            let offline = offline.args(&hidden);
            offline.mut_subcommands(|command| match contacts_registries(&command) {
                true => command.args(&verbose),
                false => command,
            })
        })
    })
}

/// Returns the command that runs.
fn innermost<'c>(command: &'c clap::Command, matches: &clap::ArgMatches) -> &'c clap::Command {
    let (mut command, mut matches) = (command, matches);
    while let Some((name, inner)) = matches.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        (command, matches) = (found, inner);
    }
    command
}

/// Returns whether a command contacts registries.
fn contacts_registries(command: &clap::Command) -> bool {
    let mut arguments = command.get_arguments();
    arguments.any(|arg| arg.get_id() == "registry_auth_file")
}

/// The whole command line with its complete help. Parsing needs less, and is faster with less.
fn documented_command() -> clap::Command {
    settings::document(command())
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let called_as = CalledAs::of(arguments.first());
    if let (Some(program), CalledAs::KubectlPlugin) = (arguments.first_mut(), called_as) {
        // Usage begins with it.
        *program = CalledAs::PLUGIN.into();
    }
    // Help and usage errors are printed while flags are parsed, so their color is chosen before.
    let color = color_choice(&arguments);
    let mut printer = Printer::of_process(color);
    let environment = |name: &str| std::env::var_os(name);
    if let Some(words) = complete::words(&arguments, called_as) {
        let done = complete::run(words, &mut printer);
        return exit::code(done, &mut printer);
    }
    let done = match parse(&arguments, color, &environment) {
        Ok((cli, settings)) => {
            for warning in &settings.warnings {
                printer.warning(warning);
            }
            settings.make_current();
            run(&cli, &mut printer)
        }
        Err(failure) => Err(failure),
    };
    exit::code(done, &mut printer)
}

/// Parses the command line, reads the settings of the command, and refuses the flags of a cluster on commands that do not
/// contact one.
fn parse(
    arguments: &[OsString],
    color: ColorChoice,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Cli, Settings), Failure> {
    let (mut command, mut matches) = match frequent(arguments) {
        Some(parsed) => parsed,
        None => {
            let mut command = command().color(color);
            let matches = match command.try_get_matches_from_mut(arguments) {
                Err(error) if is_help(&error) => documented_command()
                    .color(color)
                    .try_get_matches_from(arguments)?,
                matches => {
                    matches.map_err(|error| suggest::nearest_command(error, &command, arguments))?
                }
            };
            (command, matches)
        }
    };
    let contacts_registries = contacts_registries(innermost(&command, &matches));
    let given = |id: &&clap::Id| {
        matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine)
            && !GENERAL.contains(&id.as_str())
            && !(id.as_str() == VERBOSE && contacts_registries)
    };
    let offline = matches
        .subcommand_name()
        .filter(|name| OFFLINE.contains(name));
    if let Some(name) = offline
        && let Some(flag) = matches.ids().find(given)
    {
        let flag = flag.as_str().replace('_', "-");
        let error = command.error(
            clap::error::ErrorKind::ArgumentConflict,
            format!("osm {name} does not contact a cluster: omit --{flag}"),
        );
        return Err(error.into());
    }
    // What selects a cluster is read only by what contacts one.
    let is_offline = offline.is_some() || version::is_client_only(&matches);
    let settings =
        Settings::read(&command, &matches, is_offline, environment).map_err(Failure::Input)?;
    if settings.has_defaults() {
        matches = settings
            .set_defaults(self::command().color(color))
            .try_get_matches_from(arguments)?;
    }
    Ok((Cli::from_arg_matches(&matches)?, settings))
}

/// Parses a command line of a frequent command. Returns `None` for every other one, and for those that are wrong: their
/// errors know all commands.
fn frequent(arguments: &[OsString]) -> Option<(clap::Command, clap::ArgMatches)> {
    let name = arguments.get(1)?.to_str()?;
    if !Frequent::has_subcommand(name) {
        return None;
    }
    let mut command = Cli::<Frequent>::command();
    let matches = command.try_get_matches_from_mut(arguments).ok()?;
    Some((command, matches))
}

fn is_help(error: &clap::Error) -> bool {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    matches!(
        error.kind(),
        DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The value of `--color`, before the other flags are parsed.
fn color_choice(arguments: &[OsString]) -> ColorChoice {
    let mut arguments = arguments.iter().skip(1).filter_map(|arg| arg.to_str());
    while let Some(argument) = arguments.next() {
        let value = match argument {
            "--" => break,
            "--color" => arguments.next(),
            other => other.strip_prefix("--color="),
        };
        if let Some(Ok(choice)) = value.map(str::parse) {
            return choice;
        }
    }
    ColorChoice::Auto
}

fn run(cli: &Cli, printer: &mut Printer) -> Done {
    match &cli.command {
        Command::Install(install) => install.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::Uninstall(uninstall) => uninstall.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::Mesh(mesh) => mesh.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::Namespace(namespace) => namespace.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::Verify(verify) => verify.run(&cli.global, printer),
        #[cfg(feature = "cluster")]
        Command::Env(env) => env.run(&cli.global, printer),
        Command::Images(images) => images.run(&cli.global, printer),
        Command::Explain(explain) => explain.run(printer),
        Command::Version(version) => version.run(&cli.global, printer),
        Command::Completion(completion) => completion.run(printer),
    }
}

/// Parses the name of a mesh, which is also the name of its release.
fn mesh_name(text: &str) -> Result<String, InvalidName> {
    check_release_name(text).map(|()| text.to_owned())
}

/// Parses the name of a namespace: a DNS label (RFC 1123, section 2.1).
fn namespace(text: &str) -> Result<String, String> {
    if text.len() <= 63 && !text.contains('.') && is_subdomain(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace name has 1 to 63 lower-case letters, digits and dashes, \
             and starts and ends with a letter or digit"
                .to_owned(),
        )
    }
}

/// Parses the name of an object: a DNS subdomain (RFC 1123, section 2.1).
#[cfg(feature = "cluster")]
fn object_name(text: &str) -> Result<String, String> {
    if text.len() <= 253 && is_subdomain(text) {
        return Ok(text.to_owned());
    }
    Err(
        "a name has at most 253 lower-case letters, digits, dashes and dots, \
         and starts and ends with a letter or digit"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_of_the_command_line_is_valid() {
        documented_command().debug_assert();
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
