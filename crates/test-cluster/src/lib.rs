//! A Kubernetes cluster for tests: the real etcd, kube-apiserver and kube-controller-manager on loopback, and a
//! stand-in for the scheduler and the kubelets.
//!
//! [`Cluster::start`] takes a cluster from a pool. The programs are named by environment variables (`OSM_TEST_ETCD` and so
//! on), which `cargo xtask test` sets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs
)]

mod api;
mod certificates;
mod cluster;
mod kubelet;
mod objects;
mod pod_status;
mod pool;
mod processes;
mod programs;
mod proxy;
mod timing;

pub use api::base64;
pub use certificates::{Authority, Pair};
pub use cluster::Cluster;
pub use kubelet::{Kubelet, NODE};
pub use pod_status::Failure;
pub use pool::Lease;
pub use processes::{Folder, GO_COLLECTOR, Process, free_ports};
pub use programs::{Output, finish, lines, read_all, run};
pub use proxy::{Fault, Faults, Proxy};
pub use timing::{PATIENCE, SHORTLY};
