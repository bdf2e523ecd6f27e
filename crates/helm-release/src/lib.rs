//! Helm releases from a Rust program: install, upgrade and remove charts without linking or calling Helm.
//!
//! A chart, rendered by [`helm_chart`], becomes a *release*: its objects are applied in Helm's order, its hooks run, and
//! each revision is recorded in a Secret from which Helm can list, upgrade, roll back and remove it. This also works the
//! other way round: this crate upgrades and removes releases that Helm installed. An upgrade takes over the fields that other
//! installers of the release own, and leaves those of everybody else, such as an autoscaler.
//!
//! [`ChartRelease`] does all of this. A program that checks more before it changes anything, or that renders itself, uses
//! the parts:
//!
//! - [`client`] finds the cluster as kubectl does, repeats requests where that is safe, and asks the server once what it
//!   serves.
//! - [`rollout`] applies the objects, CRDs first and hooks before and after, and removes them.
//! - [`wait`] waits until everything is ready, and reports which Pod is not and why.
//! - [`release`] reads and writes the records, and knows which objects belong to which release.
//!
//! Nothing is printed, and errors are data: how to fix them depends on the program.
//!
//! # Example
//!
//! ```no_run
//! use helm_chart::Chart;
//! use helm_release::ChartRelease;
//! use helm_release::client::Client;
//!
//! # async fn install() -> Result<(), Box<dyn std::error::Error>> {
//! let chart = Chart::load("charts/web")?;
//! let client = Client::builder("my-installer").connect().await?;
//! ChartRelease::new(&chart, "web", "default")
//!     .install(&client, &|event| println!("{event}"))
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod chart_release;
pub mod client;
mod error;
pub mod fields;
pub mod release;
mod render;
pub mod rollout;
mod time;
pub mod wait;

pub use chart_release::{ChartRelease, uninstall};
pub use error::Error;
pub use render::render_for_cluster;
