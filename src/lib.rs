//! The library behind `osm`: pinned images, the chart, and what renders it.
//!
//! Data goes one way: overrides and compiled-in pins give [`images`], which give values for the
//! chart ([`helm_chart`]), which gives Kubernetes objects. Only [`cli`] prints.

pub mod cli;
pub mod embedded;
pub mod images;
#[cfg(feature = "cluster")]
pub mod ops;
pub mod plan;
