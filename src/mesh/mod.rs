//! What makes a chart a mesh: its values, its images, its names, and the chart that is compiled in.
//!
//! Data goes one way: overrides and compiled-in pins give [`images`], which give values for the chart, which a [`Plan`]
//! renders to Kubernetes objects.

pub mod chart;
mod error;
pub mod images;
mod layers;
pub mod names;
mod plan;
mod request;
pub mod values;

pub use error::{PlanError, RefusedValue};
pub use plan::{Plan, Rendered, UselessDigest};
pub use request::{Request, ValueSource};
