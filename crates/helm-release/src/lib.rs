//! Releases in a Kubernetes cluster, as Helm keeps them, for programs that do not want to link or call Helm.
//!
//! A chart, rendered by [`helm_chart`], becomes a *release*: its objects are applied in Helm's order, its hooks run, and
//! each revision is kept in a Secret from which Helm itself can list, upgrade, roll back and remove it. The same holds the
//! other way round: a release that Helm installed can be upgraded and removed here.
//!
//! - [`client`] finds the cluster as kubectl does, repeats requests where that is safe, and asks the server once what it
//!   serves.
//! - [`rollout`] applies the objects, with CRDs before and hooks around them, and removes them again.
//! - [`wait`] waits until everything is ready, and says which Pod is in the way and why.
//! - [`release`] reads and writes the records, and knows which objects belong to which release.
//!
//! Nothing is printed, and errors are data: what to do about them is up to the program, which knows its users.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use helm_chart::{Chart, KubeVersion, Target};
//! use helm_release::client::Client;
//! use helm_release::release::{RenderedRelease, history};
//! use helm_release::rollout::{Rollout, RolloutOptions};
//! use serde_json::Map;
//!
//! # async fn install() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("my-installer").connect().await?;
//! let (chart, values) = (Chart::load("charts/web")?, Map::new());
//! let target = Target {
//!     release: "web".to_owned(),
//!     namespace: "default".to_owned(),
//!     kube_version: KubeVersion::parse(client.server_version())?,
//!     served: Some(client.api_versions().await?),
//!     ..Target::default()
//! };
//! let objects = chart.render(&values, &target)?;
//! let release = RenderedRelease {
//!     name: "web", namespace: "default", chart: &chart, defaults: &chart.values,
//!     config: &values, objects: &objects, crds: &[], labels: &[],
//! };
//! let options = RolloutOptions { timeout: Duration::from_mins(5), wait: true, hooks: true };
//! let rollout = Rollout::prepare(&client, release, options, &|event| println!("{event}")).await?;
//! let earlier = history(&client, "web", "default").await?;
//! let started = rollout.start_install(&earlier, None).await?;
//! started.run().await?;
//! started.finish().await?;
//! # Ok(())
//! # }
//! ```

pub mod client;
mod error;
pub mod fields;
pub mod release;
pub mod rollout;
mod time;
pub mod wait;

pub use error::Error;
