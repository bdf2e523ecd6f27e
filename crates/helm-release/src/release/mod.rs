//! Releases as Helm keeps them: the record of each revision, the history, and which objects belong to a release.

mod codec;
mod error;
mod history;
mod ownership;
mod record;

pub use error::ReleaseError;
pub use history::{DamagedRecord, Records, history, never_deployed, records, since_uninstalled};
pub(crate) use history::{deployed_objects, prune, supersede};
pub(crate) use ownership::is_kept;
pub use ownership::{Owner, Ownership, release_name};
pub use record::{Record, RenderedRelease, Status};

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
