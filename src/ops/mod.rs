//! The operations on meshes in a cluster: one file each. Typed options in, typed results and errors out.
//!
//! Nothing here prints or names a flag: the command line turns errors and events into words.

mod error;
mod event;
mod history;
mod install;
mod meshes;
mod namespaces;
mod preflight;
mod uninstall;
mod upgrade;
mod verify;

use helm_release::client::{Client, ClientBuilder};

pub use error::{Error, MeshConflict, MeshId, Operation, Unfinished};
pub use event::{Event, Progress};
pub use history::{mesh_history, mesh_name, mesh_namespace};
pub use install::{InstallOptions, dry_run, install};
pub use meshes::{Mesh, meshes, no_such_mesh};
pub use namespaces::{Membership, MeshNamespace, namespaces, set_membership};
pub use uninstall::{Removal, Removed, uninstall};
pub use upgrade::upgrade;
pub use verify::{Check, verify};

/// The field manager of what is applied.
const FIELD_MANAGER: &str = "osm";

/// Labels for the records of releases that are installed here.
pub const RECORD_LABELS: &[(&str, &str)] = &[(history::MADE_BY, "osm")];

/// Starts the settings of a client.
pub fn client() -> ClientBuilder {
    Client::builder(FIELD_MANAGER).user_agent(concat!("osm/", env!("CARGO_PKG_VERSION")))
}

/// Runs a task on this thread until it ends.
///
/// # Errors
/// The operating system provides no event queue.
pub fn block_on<T>(task: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    Ok(runtime.block_on(task))
}
