//! The library behind the program `osm`: pinned images, the chart of a mesh, and the operations on meshes.
//!
//! Data goes one way: [`cli`] reads flags, [`ops`] carry out what they ask for, [`mesh`] knows the chart and its images.
//! Only [`cli`] prints.

pub mod cli;
pub mod mesh;
pub mod ops;
