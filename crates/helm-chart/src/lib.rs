//! Renders Helm charts as `helm template` does: loads a chart, merges values, runs its templates, parses the objects.
//!
//! ```
//! use helm_chart::set::{self, Mode};
//! use helm_chart::{Chart, Target};
//! use serde_json::Map;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut values = Map::new();
//! set::assign("port=8080", Mode::Typed, &mut values)?;
//! let target = Target { release: "shop".to_owned(), ..Target::default() };
//! let objects = Chart::load("examples/web")?.render(&values, &target)?;
//!
//! assert_eq!(objects[0].kind(), "Service");
//! assert_eq!(objects[0].name(), "shop-web");
//! assert_eq!(objects[0].value["spec"]["ports"][0]["port"], 8080);
//! # Ok(())
//! # }
//! ```
//!
//! The steps, in the order of the data:
//!
//! - [`Chart::load`] reads a folder or an archive; [`Chart::from_memory`] takes files that a program embeds.
//! - [`set::assign`] and [`values::merge`] combine what users set: `--set` and its relatives, and values files.
//! - [`Chart::render`] enables subcharts, merges the values into the defaults, checks them against the schemas, runs the
//!   templates and returns the objects in Helm's install order. [`Chart::crds`] returns those in `crds/`.
//! - [`Chart::effective_values`] and [`Chart::parse_templates`] check a chart without rendering it.
//!
//! Rendering needs no cluster. [`Target`] describes the one to render for, and [`Lookups`] connects the template function
//! `lookup` to it.
//!
//! The crate runs no programs, sends no requests, prints nothing, and needs no C compiler. Charts are untrusted input:
//! whatever a chart contains, the result is objects or a [`ChartError`] with file, line and column.

mod api_versions;
mod chart;
mod chart_yaml;
mod dependencies;
mod embed;
mod error;
mod go_regex;
mod ignore;
pub mod json;
mod load;
mod nearest;
mod objects;
mod render;
mod schema;
pub mod set;
mod source;
mod target;
mod template;
mod template_data;
pub mod values;
mod version;
pub mod yaml;

pub use chart::{Chart, Dependency, Metadata};
pub use embed::EmbeddedChart;
pub use error::{ChartError, Violation};
pub use objects::{Object, install_rank, read_manifest};
pub use render::RenderedChart;
pub use schema::Schema;
pub use target::{DEFAULT_KUBE_VERSION, Target};
pub use template::{KubeVersion, Location, Lookup, Lookups, TemplateFault};

/// The examples of the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
