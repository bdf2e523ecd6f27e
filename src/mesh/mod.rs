//! What makes a chart a mesh: its values, its images, its names, and the chart that is compiled in.
//!
//! Data goes one way: overrides and compiled-in pins give [`images`], which give values for the chart, which a [`Plan`]
//! renders to Kubernetes objects.

pub mod chart;
pub mod images;
mod layers;
mod plan;

pub use plan::{
    DEFAULT_MESH_NAME, DEFAULT_NAMESPACE, Plan, PlanError, Rendered, Request, ValueSource,
    check_release_name, is_subdomain, namespace_object,
};
