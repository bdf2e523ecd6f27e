//! Installs, upgrades and removes releases: CRDs, hooks, and objects in Helm's order.

mod apply;
mod crds;
mod defaults;
mod event;
mod field_set;
mod hooks;
mod permissions;
mod prepared;
mod removal;
mod takeover;

pub use crds::expect_crds;
pub use event::{Event, Progress};
pub use prepared::{Rollout, RolloutOptions, StartedRollout};
pub use removal::{Cleanup, RemovalOptions, await_deletion, delete_objects, remove_release};
