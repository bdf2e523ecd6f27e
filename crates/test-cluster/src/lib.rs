//! A Kubernetes cluster for tests: the real etcd, kube-apiserver and kube-controller-manager on loopback, and a
//! stand-in for what runs Pods.

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

pub use api::base64;
pub use cluster::{Cluster, PATIENCE, SHORTLY};
pub use kubelet::{Kubelet, NODE};
pub use pod_status::Failure;
pub use pool::Lease;
pub use processes::{Folder, Process};
pub use programs::{Output, run};
pub use proxy::{Fault, Faults, Proxy};
