//! Waits until objects are ready or gone, and finds out why they are not.

mod deadline;
mod error;
mod gone;
mod pod_problem;
mod ready;
mod served;
mod state;

pub(crate) use deadline::Deadline;
pub use error::{NotReadyReason, RemainingObject, UnreadyObject, WaitError};
pub(crate) use gone::gone;
pub use pod_problem::{PodProblem, Remedy, find_problem};
pub(crate) use ready::{Waiting, job, pod, ready};
pub(crate) use served::served;
pub(crate) use state::is_awaited;
pub use state::is_ready;
