//! Everything that is done in a cluster: connect, check, install, wait, inspect, remove.
//!
//! Only here requests are made. Nothing here prints: what happens is told through [`Progress`].

mod apply;
mod client;
mod connection;
mod crds;
mod error;
mod hooks;
mod install;
mod kinds;
mod meshes;
mod namespaces;
mod preflight;
mod reasons;
mod record;
mod request;
mod rollout;
mod time;
mod uninstall;
mod upgrade;
mod verify;
mod wait;

pub use apply::Owner;
pub use client::Cluster;
pub use connection::Connection;
pub use crds::expect_crds;
pub use error::{ClusterError, Refusal};
pub use install::{InstallOptions, dry_run, install};
pub use meshes::{Mesh, meshes, no_such_mesh};
pub use namespaces::{Membership, MeshNamespace, namespaces, set_membership};
pub use record::{Record, Release, mesh_history};
pub use rollout::Options;
pub use uninstall::{Removal, Removed, uninstall};
pub use upgrade::upgrade;
pub use verify::{Check, verify};
pub use wait::Images;

/// Told what happens, a line at a time.
pub type Progress<'p> = &'p dyn Fn(&str);

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
