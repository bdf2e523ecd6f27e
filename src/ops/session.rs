//! The settings of the client and the async runtime of every operation on a cluster.

use helm_release::client::{Client, ClientBuilder};

use super::error::Error;
use super::history::MADE_BY;

/// The field manager of what is applied.
const FIELD_MANAGER: &str = "osm";

/// Labels for the records of releases that are installed here.
pub const RECORD_LABELS: &[(&str, &str)] = &[(MADE_BY, "osm")];

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
