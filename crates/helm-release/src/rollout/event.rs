//! The events of a rollout, which a program can show as its progress.

use std::fmt;

use crate::client::{ClientError, ObjectRef};
use crate::release::{Ownership, ReleaseError};
use crate::wait::PodProblem;

/// Called with each event.
pub type Progress<'p> = &'p dyn Fn(Event<'_>);

/// An event while a release is installed, upgraded or removed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// An object under `crds/` of the chart was created.
    CrdCreated(&'e ObjectRef),
    /// An object under `crds/` of the chart exists and stays as it is.
    CrdExists(&'e ObjectRef),
    /// A hook starts.
    Hook {
        /// When: `pre-install`.
        event: &'e str,
        /// The Job or Pod.
        hook: &'e ObjectRef,
    },
    /// The objects of the release are applied.
    Applying {
        /// How many there are.
        objects: usize,
    },
    /// An object is removed that the release no longer has.
    RemovingStale(&'e ObjectRef),
    /// The rollout waits until everything is ready.
    Waiting,
    /// Something is wrong with a Pod of an object that is awaited.
    PodProblem {
        /// The object.
        object: &'e ObjectRef,
        /// The problem.
        problem: &'e PodProblem,
    },
    /// The objects of the release are removed.
    RemovingObjects {
        /// How many there are.
        objects: usize,
    },
    /// An object of the release stays: it now belongs to another owner.
    StaysForeign {
        /// The object.
        object: &'e ObjectRef,
        /// The owner.
        owner: &'e Ownership,
    },
    /// An object of the release stays: its resource policy is `keep`.
    StaysKept(&'e ObjectRef),
    /// A record could not be stored and is stored again.
    StoresRecordAgain(&'e ReleaseError),
    /// An old record could not be removed.
    OldRecordStays(&'e ClientError),
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::CrdCreated(object) => write!(f, "created {object} from the chart's crds/"),
            Event::CrdExists(object) => write!(f, "{object} already exists and is left unchanged"),
            Event::Hook { event, hook } => write!(f, "running the {event} hook {hook}"),
            Event::Applying { objects } => write!(f, "applying {objects} objects"),
            Event::RemovingStale(object) => {
                write!(f, "removing {object}, which the release no longer has")
            }
            Event::Waiting => write!(f, "waiting until everything is ready"),
            Event::PodProblem { object, problem } => write!(f, "waiting for {object}: {problem}"),
            Event::RemovingObjects { objects } => write!(f, "removing {objects} objects"),
            Event::StaysForeign { object, owner } => write!(f, "{object} stays: {owner}"),
            Event::StaysKept(object) => {
                write!(f, "{object} stays: its helm.sh/resource-policy is keep")
            }
            Event::StoresRecordAgain(error) => {
                write!(f, "storing the record of the release again: {error}")
            }
            Event::OldRecordStays(error) => write!(f, "an old record stays: {error}"),
        }
    }
}
