//! What makes a chart a mesh: its values, its images, its names, and the chart that is compiled in.
//!
//! A [`Request`] and the compiled-in pins give the values of a [`Plan`], which renders the chart to Kubernetes objects.

pub mod chart;
mod error;
pub mod images;
#[cfg(test)]
mod laws;
mod layers;
pub mod mesh_config;
pub mod names;
mod plan;
mod request;
pub mod value_docs;
pub mod values;

pub use error::{PlanError, RefusedValue};
pub use plan::{OverriddenDigest, Plan, Rendered};
pub use request::{Request, ValueSource};
