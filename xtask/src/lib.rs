//! The tasks of `cargo xtask` as functions, so that tests can run them without a process.

pub mod advisories;
mod atomic;
pub mod bench;
pub mod bump;
mod cargo;
mod cargo_tools;
mod changelog;
pub mod checksums;
pub mod ci;
pub mod debian;
mod diff;
#[cfg(feature = "registry")]
mod digest_file;
pub mod dist;
pub mod docs;
pub mod flags;
pub mod fuzz;
mod git;
pub mod github;
pub mod import_digests;
pub mod licenses;
pub mod module_cycles;
pub mod notes;
mod output;
pub mod package_chart;
mod packages;
pub mod packaging;
#[cfg(feature = "registry")]
pub mod publish_images;
mod python;
#[cfg(feature = "registry")]
mod registry;
#[cfg(feature = "registry")]
pub mod release;
pub mod release_check;
mod release_files;
pub mod reproducible;
pub mod sbom;
mod source_date;
pub mod test;
pub mod tools;
#[cfg(feature = "registry")]
pub mod verify_digests;
pub mod with_registry;
pub mod workflows;
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
