//! The tasks of `cargo xtask` as functions, so that tests can run them without a process.

mod atomic;
pub mod bench;
mod cargo;
pub mod debian;
#[cfg(feature = "registry")]
mod digest_file;
pub mod docs;
pub mod flags;
pub mod fuzz;
pub mod import_digests;
pub mod module_cycles;
mod output;
pub mod package_chart;
#[cfg(feature = "registry")]
pub mod publish_images;
#[cfg(feature = "registry")]
mod registry;
pub mod test;
pub mod tools;
#[cfg(feature = "registry")]
pub mod verify_digests;
pub mod with_registry;
mod yaml_edit;

use std::process::ExitCode;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; exit code 0.
    Done,
    /// A check or an operation failed; exit code 1.
    Differs,
    /// The input is wrong or the system refused an operation; exit code 2.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Differs => Self::from(1),
            Exit::Refused => Self::from(2),
        }
    }
}
