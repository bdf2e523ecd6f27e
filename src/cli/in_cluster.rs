//! What installing and upgrading have in common.

use serde_json::{Map, Value};

use super::exit::Failure;
use crate::mesh::images::ResolvedImage;
use crate::mesh::{Plan, Rendered};
use crate::ops;
use helm_chart::{KubeVersion, Lookups, Object};
use helm_release::client::Client;
use helm_release::release::RenderedRelease;
use helm_release::rollout::expect_crds;

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
