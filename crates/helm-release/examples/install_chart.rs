//! Installs a chart into the cluster of the current context: `cargo run -p helm-release --example install_chart -- CHART NAME`.
//!
//! Afterwards `helm list` shows the release, and `helm uninstall NAME` removes it.

use std::error::Error;
use std::time::Duration;

use helm_chart::{Chart, KubeVersion, Target};
use helm_release::client::Client;
use helm_release::release::{RenderedRelease, history};
use helm_release::rollout::{Rollout, RolloutOptions, expect_crds};
use serde_json::Map;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(name)) = (args.next(), args.next()) else {
        return Err("usage: install_chart CHART NAME".into());
    };
    let client = Client::builder("install-chart").connect().await?;
    let (chart, values) = (Chart::load(path)?, Map::new());
    let crds = chart.crds(&values)?;
    let mut served = client.api_versions().await?;
    served.extend(expect_crds(&client, &crds).await?);
    let target = Target {
        release: name.clone(),
        namespace: "default".to_owned(),
        kube_version: KubeVersion::parse(client.server_version())?,
        served: Some(served),
        ..Target::default()
    };
    let objects = chart.render(&values, &target)?;
    let release = RenderedRelease {
        name: &name,
        namespace: "default",
        chart: &chart,
        defaults: &chart.values,
        config: &values,
        objects: &objects,
        crds: &crds,
        labels: &[],
    };
    let options = RolloutOptions {
        timeout: Duration::from_mins(5),
        wait: true,
        hooks: true,
    };
    let print = |event: helm_release::rollout::Event<'_>| eprintln_event(&event);
    let rollout = Rollout::prepare(&client, release, options, &print).await?;
    let earlier = history(&client, &name, "default").await?;
    let started = rollout.start_install(&earlier, None).await?;
    match started.run().await {
        Ok(()) => Ok(started.finish().await?),
        Err(error) => {
            started.fail(&error).await;
            Err(error.into())
        }
    }
}

#[allow(clippy::print_stderr)]
fn eprintln_event(event: &helm_release::rollout::Event<'_>) {
    eprintln!("{event}");
}
