//! Commands that need a cluster, and code that they share with `osm install`.

mod duration;
mod env;
mod live;
mod mesh;
mod namespace;
mod port_arg;
mod uninstall;
mod upgrade;
mod verify;
mod wait_args;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Global;
use super::exit::{Done, Failure};
use super::output::Printer;
use crate::images::ResolvedImage;
use crate::ops;
use crate::plan::{Plan, Rendered};
use helm_chart::{KubeVersion, Lookups, Object};
use helm_release::client::{Client, ClientBuilder};
use helm_release::release::RenderedRelease;
use helm_release::rollout::expect_crds;

pub(super) use live::unless_interrupted;
pub(super) use mesh::as_json;
pub(super) use port_arg::PortArg;
pub(super) use wait_args::WaitArgs;

/// Flags that select the cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct AccessArgs {
    /// Path of the kubeconfig file [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, global = true, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current context]
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Timeout for a single API request (0: no timeout)
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration::parse
    )]
    request_timeout: Duration,
    /// Log every request to the API server
    #[arg(long, global = true)]
    verbose: bool,
}

impl AccessArgs {
    pub fn client(&self) -> ClientBuilder {
        ops::client()
            .kubeconfig(self.kubeconfig.clone())
            .context(self.context.clone())
            .request_timeout(self.request_timeout)
            .trace(self.verbose.then_some(Printer::progress))
    }
}

/// Commands that need a cluster.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Uninstall(uninstall::Uninstall),
    Mesh(mesh::Mesh),
    Namespace(namespace::Namespace),
    Verify(verify::Verify),
    Env(env::Env),
}

impl Command {
    pub fn run(&self, global: &Global, printer: &mut Printer) -> Done {
        match self {
            Command::Uninstall(uninstall) => uninstall.run(global, printer),
            Command::Mesh(mesh) => mesh.run(global, printer),
            Command::Namespace(namespace) => namespace.run(global, printer),
            Command::Verify(verify) => verify.run(global, printer),
            Command::Env(env) => env.run(global, printer),
        }
    }
}

/// Returns the release of a rendered plan.
pub(super) fn release<'r>(
    plan: &'r Plan,
    defaults: &'r Map<String, Value>,
    rendered: &'r Rendered,
    crds: &'r [Object],
) -> RenderedRelease<'r> {
    RenderedRelease {
        name: &plan.target.release,
        namespace: &plan.target.namespace,
        chart: &plan.chart,
        defaults,
        config: &plan.user,
        objects: &rendered.objects,
        crds,
        labels: ops::RECORD_LABELS,
    }
}

/// How often lookups of templates may depend on the results of earlier lookups.
const MAX_ROUNDS: usize = 10;

/// Renders a plan for a cluster: for its version (unless `version` names another), for the API versions that it serves or
/// will serve with these CRDs, and with the objects that its templates look up.
pub(super) async fn render(
    plan: &mut Plan,
    client: &Client,
    version: Option<&str>,
    crds: &[Object],
) -> Result<Rendered, Failure> {
    if let (None, Ok(version)) = (version, KubeVersion::parse(client.server_version())) {
        plan.target.kube_version = version;
    }
    let mut served = client.api_versions().await?;
    served.extend(expect_crds(client, crds).await?);
    plan.target.served = Some(served);
    // Lookups without a cluster found nothing.
    plan.target.lookups = Lookups::default();
    for _ in 0..MAX_ROUNDS {
        let rendered = plan.render();
        let asked = plan.target.lookups.take_asked();
        if asked.is_empty() {
            return Ok(rendered?);
        }
        for lookup in asked {
            let answer = client.look_up(&lookup).await?;
            plan.target.lookups.learn(lookup, answer);
        }
    }
    Err(Failure::Input(format!(
        "the lookups of the chart {} depend on each other more than {MAX_ROUNDS} levels deep",
        plan.chart.metadata.name
    )))
}

/// Returns the images of the compiled-in chart with their origins; none for another chart.
pub(super) fn images_of(plan: &Plan) -> Vec<ResolvedImage> {
    match plan.pins {
        Some(_) => plan.images().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Explains an image that a node cannot pull: the origin of its reference, and how to copy it to a mirror.
pub(super) fn origin(plan: &Plan, images: &[ResolvedImage], reference: &str) -> Option<String> {
    let image = images
        .iter()
        .find(|image| image.reference.to_string() == reference)?;
    let mut said = format!("the reference is from: {}", image.origin);
    let pins = plan.pins?;
    let published = format!("{}/{}", pins.registry(), image.component);
    let Some((name, digest)) = reference.split_once('@') else {
        return Some(said);
    };
    let is_compiled = image.origin.starts_with("compiled-in");
    let is_ours = pins
        .components()
        .iter()
        .any(|(name, _)| *name == image.component);
    if is_compiled && is_ours && name != published {
        said = format!(
            "{said}\nto copy it there: crane copy {published}@{digest} {name}:{}",
            pins.name()
        );
    }
    Some(said)
}

/// The error after Ctrl-C: the changed objects, and `next`, what to do next.
pub(super) fn interrupted(client: &Client, next: &str) -> Failure {
    let changed = client.changed();
    if changed.is_empty() {
        return Failure::Operation("interrupted: nothing was changed".to_owned());
    }
    Failure::Operation(format!(
        "interrupted. Objects created or changed so far:\n  {}\n{next}",
        changed.join("\n  ")
    ))
}
