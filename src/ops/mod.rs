//! Everything that is done in a cluster: connect, check, install, wait, inspect, remove.
//!
//! Only here requests are made. Nothing here prints: what happens is told through [`Progress`].

mod install;
mod meshes;
mod namespaces;
mod preflight;
mod uninstall;
mod upgrade;
mod verify;

pub use helm_release::Progress;
pub use helm_release::client::Cluster;
pub use helm_release::client::access::Connection;
pub use helm_release::client::error::{ClusterError, Refusal};
pub use helm_release::release::record::{Record, Release, mesh_history};
pub use helm_release::rollout::Options;
pub use helm_release::rollout::apply::Owner;
pub use helm_release::rollout::crds::expect_crds;
pub use helm_release::wait::Images;
pub use install::{InstallOptions, dry_run, install};
pub use meshes::{Mesh, meshes, no_such_mesh};
pub use namespaces::{Membership, MeshNamespace, namespaces, set_membership};
pub use uninstall::{Removal, Removed, uninstall};
pub use upgrade::upgrade;
pub use verify::{Check, verify};

/// Runs what talks to a cluster to its end, on this thread.
///
/// # Errors
/// The system gives no event queue.
pub fn block_on<T>(task: impl Future<Output = T>) -> Result<T, ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| ClusterError::State(format!("cannot start: {e}")))?;
    Ok(runtime.block_on(task))
}
