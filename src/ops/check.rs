//! A check of a mesh in a cluster, and its result.

use helm_release::wait::PodProblem;

use super::other_digest::OtherDigest;

/// A check and its result.
#[derive(Debug)]
pub struct Check {
    /// What was checked: `Deployment osm-system/osm-controller`.
    pub what: String,
    /// Whether it passed.
    pub holds: bool,
    /// What was found.
    pub found: String,
    /// The problem of a Pod that keeps the workload from being available.
    pub problem: Option<PodProblem>,
    /// The digest that a runtime reports, if it is another one than that of the image.
    pub other_digest: Option<OtherDigest>,
}

impl Check {
    pub(super) fn new(what: String, holds: bool, found: String) -> Check {
        Check {
            what,
            holds,
            found,
            problem: None,
            other_digest: None,
        }
    }
}
