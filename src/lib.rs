//! The library behind the program `osm`: pinned images, the chart of a mesh, and the operations on meshes.
//!
//! Data goes one way: `cli` reads flags, `ops` carry out what they ask for, `mesh` knows the chart and its images.
//! Only `cli` prints.

pub mod cli;
// Only operations on a cluster use some of this.
#[cfg_attr(not(feature = "cluster"), allow(dead_code))]
mod mesh;
mod ops;
