//! The command line: parse, call the library, print. One file for each command, and for what they share.

mod completion;
#[cfg(feature = "cluster")]
mod duration;
#[cfg(feature = "cluster")]
mod env;
mod exit;
mod images;
mod install;
#[cfg(feature = "cluster")]
mod mesh;
#[cfg(feature = "cluster")]
mod namespace;
mod output;
mod pinned;
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
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(feature = "cluster")]
use std::time::Duration;

use clap::{Parser, Subcommand};
#[cfg(feature = "cluster")]
use serde_json::{Map, Value};

use exit::{Done, Failure};
use output::Printer;

#[cfg(feature = "cluster")]
use crate::chart::KubeVersion;
#[cfg(feature = "cluster")]
use crate::cluster::{Cluster, Connection, Release};
use crate::plan::check_release_name;
#[cfg(feature = "cluster")]
use crate::plan::{Plan, Rendered};

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
        default_value = "osm-system",
        value_parser = namespace
    )]
    osm_namespace: String,
    /// The kubeconfig file [default: KUBECONFIG, else ~/.kube/config].
    #[cfg(feature = "cluster")]
    #[arg(long, global = true, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context [default: its current one].
    #[cfg(feature = "cluster")]
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// How long the API server may take to answer a request; 0 is without end.
    #[cfg(feature = "cluster")]
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration::parse
    )]
    request_timeout: Duration,
    /// Tell of each request to the API server.
    #[cfg(feature = "cluster")]
    #[arg(long, global = true)]
    verbose: bool,
}

#[cfg(feature = "cluster")]
impl Global {
    fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            request_timeout: self.request_timeout,
            trace: self.verbose.then_some(Printer::progress),
        }
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
        Command::Version(version) => version.run(&cli.global, printer),
        Command::Completion(completion) => completion.run(printer),
    }
}

/// What a plan that was rendered installs.
#[cfg(feature = "cluster")]
fn release<'r>(
    plan: &'r Plan,
    defaults: &'r Map<String, Value>,
    rendered: &'r Rendered,
) -> Release<'r> {
    Release {
        name: &plan.target.release,
        namespace: &plan.target.namespace,
        chart: &plan.chart,
        defaults,
        config: &plan.user,
        objects: &rendered.objects,
    }
}

/// Makes a plan one for this cluster: for its version, unless another is asked for, and for what it serves.
#[cfg(feature = "cluster")]
async fn fit(plan: &mut Plan, cluster: &Cluster, version: Option<&str>) -> Done {
    if let (None, Ok(version)) = (version, KubeVersion::parse(&cluster.version)) {
        plan.target.kube_version = version;
    }
    plan.target.served = Some(cluster.api_versions().await?);
    Ok(())
}

/// What to say when Ctrl-C ends what changes a cluster.
#[cfg(feature = "cluster")]
fn interrupted(plan: &Plan) -> Failure {
    let (name, namespace) = (&plan.target.release, &plan.target.namespace);
    Failure::Operation(format!(
        "interrupted: a part of the mesh {name} may be in namespace {namespace}; \
         the same command goes on, osm uninstall mesh removes it"
    ))
}

/// A mesh's name, which is its release's.
fn mesh_name(text: &str) -> Result<String, String> {
    check_release_name(text).map(|()| text.to_owned())
}

/// A namespace's name: a DNS label (RFC 1123, section 2.1).
fn namespace(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace has 1 to 63 lower-case letters, digits and dashes, \
             and begins and ends with a letter or digit"
                .to_owned(),
        )
    }
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
}
