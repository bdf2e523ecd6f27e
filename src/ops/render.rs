//! Renders the plan of an installation: without a cluster, and for one.

#[cfg(feature = "cluster")]
use helm_chart::{KubeVersion, Lookups, Object};
#[cfg(feature = "cluster")]
use helm_release::client::Client;
#[cfg(feature = "cluster")]
use helm_release::release::RenderedRelease;
#[cfg(feature = "cluster")]
use helm_release::rollout::expect_crds;
#[cfg(feature = "cluster")]
use serde_json::{Map, Value};

#[cfg(feature = "cluster")]
use super::error::Error;
use crate::mesh::{Plan, PlanError, Rendered};

/// Renders a plan without a cluster.
///
/// Returns `None` if that fails in a way that may be different in a cluster, because of its version, its APIs or its
/// objects.
///
/// # Errors
/// Input that is wrong in every cluster.
pub fn render_offline(plan: &Plan) -> Result<Option<Rendered>, PlanError> {
    match plan.render() {
        Err(error) if plan.is_open(&error) => Ok(None),
        rendered => rendered.map(Some),
    }
}

/// How often lookups of templates may depend on the results of earlier lookups.
#[cfg(feature = "cluster")]
const MAX_ROUNDS: usize = 10;

/// Renders a plan for a cluster: for its version (unless `version` names another), for the API versions that it serves or
/// will serve with these CRDs, and with the objects that its templates look up.
///
/// # Errors
/// Wrong input, or a request fails.
#[cfg(feature = "cluster")]
pub async fn render_for_cluster(
    plan: &mut Plan,
    client: &Client,
    version: Option<&str>,
    crds: &[Object],
) -> Result<Rendered, Error> {
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
    Err(Error::NestedLookups {
        chart: plan.chart.metadata.name.clone(),
        depth: MAX_ROUNDS,
    })
}

/// Returns the release of a rendered plan, as a rollout takes it. `defaults` are [`Plan::defaults`].
#[cfg(feature = "cluster")]
pub fn release<'r>(
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
        labels: super::RECORD_LABELS,
    }
}
