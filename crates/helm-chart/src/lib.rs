//! Charts: load, merge values, render, split and order objects.
//!
//! What helm does with a chart, without a cluster: [`Chart::load`], [`values::merge`] and
//! [`set::assign`] for what a user gives, [`Chart::render`] for the objects.

mod api_versions;
mod chart;
mod dependencies;
mod error;
pub mod json;
mod load;
mod nearest;
mod objects;
mod render;
mod schema;
pub mod set;
mod source;
mod target;
pub mod template;
mod template_data;
pub mod values;
pub mod version;
pub mod yaml;

pub use chart::{Chart, Dependency, Metadata};
pub use error::{ChartError, Violation};
pub use objects::{Object, install_rank, read_manifest};
pub use schema::{Schema, SchemaError};
pub use target::{DEFAULT_KUBE_VERSION, Target};
pub use template::{KubeVersion, Lookup, Lookups};
