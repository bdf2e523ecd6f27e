//! Installs, upgrades and removes releases: CRDs, hooks, and objects in Helm's order.

mod apply;
mod crds;
mod event;
mod hooks;
mod patch;
mod permissions;
mod prepared;
mod removal;

pub use crds::expect_crds;
pub use event::{Event, Progress};
pub use prepared::{Rollout, RolloutOptions, StartedRollout};
pub use removal::{Cleanup, RemovalOptions, await_deletion, delete_objects, remove_release};
