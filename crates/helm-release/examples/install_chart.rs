//! Installs a chart into the cluster of the current context: `cargo run -p helm-release --example install_chart -- CHART NAME`.
//!
//! Afterwards `helm list` shows the release, and `helm uninstall NAME` removes it.

use std::error::Error;

use helm_chart::Chart;
use helm_release::ChartRelease;
use helm_release::client::Client;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(name)) = (args.next(), args.next()) else {
        return Err("usage: install_chart CHART NAME".into());
    };
    let chart = Chart::load(path)?;
    let client = Client::builder("install-chart").connect().await?;
    let revision = ChartRelease::new(&chart, &name, "default")
        .install(&client, &|event| println!("{event}"))
        .await?;
    println!("{name} is installed (revision {revision})");
    Ok(())
}
