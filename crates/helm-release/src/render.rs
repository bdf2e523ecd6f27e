//! Renders a chart for a cluster: for what it serves, and with the objects that templates look up in it.

use helm_chart::{Lookups, Object, Target};

use crate::client::Client;
use crate::error::Error;
use crate::rollout::expect_crds;

/// How often lookups may depend on the results of earlier lookups.
const MAX_ROUNDS: usize = 10;

/// Renders for the API versions that the cluster serves, or will serve with these CRDs, and with the objects that
/// templates look up (Helm's template function `lookup`).
///
/// Calls `render` until nothing is looked up that is not known yet, so `render` must not have side effects. The version
/// of Kubernetes is the one that the target has. `chart` is the name of the chart, for errors.
///
/// # Errors
/// The last error of `render`, [`Error::NestedLookups`], or a request fails.
pub async fn render_for_cluster<T, E: From<Error>>(
    client: &Client,
    chart: &str,
    target: &mut Target,
    crds: &[Object],
    render: impl Fn(&Target) -> Result<T, E>,
) -> Result<T, E> {
    let mut served = client.api_versions().await.map_err(Error::from)?;
    served.extend(expect_crds(client, crds).await.map_err(Error::from)?);
    target.served = Some(served);
    // Without a cluster, lookups found nothing.
    target.lookups = Lookups::default();
    for _ in 0..=MAX_ROUNDS {
        let rendered = render(target);
        let asked = target.lookups.take_asked();
        if asked.is_empty() {
            return rendered;
        }
        for lookup in asked {
            let answer = client.look_up(&lookup).await.map_err(Error::from)?;
            target.lookups.learn(lookup, answer);
        }
    }
    let chart = chart.to_owned();
    Err(Error::NestedLookups {
        chart,
        rounds: MAX_ROUNDS,
    }
    .into())
}
