//! What only a cluster can do: the commands, and what they share with `osm install`.

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

/// Which cluster is meant, and how it is spoken with.
#[derive(Debug, clap::Args)]
pub(super) struct AccessArgs {
    /// The kubeconfig file [default: KUBECONFIG, else ~/.kube/config].
    #[arg(long, global = true, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context [default: its current one].
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// How long the API server may take to answer a request; 0 is without end.
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration::parse
    )]
    request_timeout: Duration,
    /// Tell of each request to the API server.
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

/// The commands that need a cluster, or settings for one.
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

/// What a plan that was rendered installs, after `crds`.
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

/// How often what templates look up may depend on what they looked up before.
const MAX_ROUNDS: usize = 10;

/// Renders a plan for this cluster: for its version, unless another is asked for, for what it serves and is going to
/// serve with these CRDs, and with what its templates look up there.
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
    // What was looked up without a cluster says nothing.
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
        "the chart {} looks up in the cluster what depends on what it looked up, and so on: more than {MAX_ROUNDS} times",
        plan.chart.metadata.name
    )))
}

/// The images of the compiled-in chart, with where each came from; none for another chart, which has its own.
pub(super) fn images_of(plan: &Plan) -> Vec<ResolvedImage> {
    match plan.pins {
        Some(_) => plan.images().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// What to say of an image that a node cannot get: where its reference came from, and how a mirror gets it.
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
            "{said}\nto bring it there: crane copy {published}@{digest} {name}:{}",
            pins.name()
        );
    }
    Some(said)
}

/// What to say when Ctrl-C ends what brings a mesh into a cluster; `next` is how to go on.
pub(super) fn interrupted(client: &Client, next: &str) -> Failure {
    let changed = client.changed();
    if changed.is_empty() {
        return Failure::Operation("interrupted: nothing was changed".to_owned());
    }
    Failure::Operation(format!(
        "interrupted; made or changed so far, as far as it is still there:\n  {}\n{next}",
        changed.join("\n  ")
    ))
}
