//! Renders the plan of an installation: without a cluster, and for one.

#[cfg(feature = "cluster")]
use helm_chart::{KubeVersion, Object, Target};
#[cfg(feature = "cluster")]
use helm_release::client::Client;
#[cfg(feature = "cluster")]
use helm_release::release::RenderedRelease;
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
        Err(error) if plan.may_succeed_in_cluster(&error) => Ok(None),
        rendered => rendered.map(Some),
    }
}

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
    let mut target = plan.target.clone();
    if let (None, Ok(version)) = (version, KubeVersion::parse(client.server_version())) {
        target.kube_version = version;
    }
    let render = |target: &Target| Ok::<_, Error>(plan.render_for(target)?);
    let chart = &plan.chart.metadata.name;
    let rendered =
        helm_release::render_for_cluster(client, chart, &mut target, crds, render).await?;
    plan.target = target;
    Ok(rendered)
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
        notes: &rendered.notes,
        crds,
        labels: super::RECORD_LABELS,
    }
}
