//! Formats the events of an operation.

use super::hints::{explain_cleanup, explain_cluster};
use super::wait_hints::{Origins, explain_problem};
use crate::ops::Event;

/// Formats an event of an operation.
pub(super) fn describe(event: &Event<'_>, origins: Origins<'_>) -> String {
    use helm_release::rollout::Event as Rollout;
    match event {
        Event::Rollout(Rollout::PodProblem { object, problem }) => {
            let problem = explain_problem(problem, origins);
            format!("waiting for {object}: {problem}").replace("\n  ", "\n    ")
        }
        Event::Rollout(event) => event.to_string(),
        Event::ContinuesHistory { release } => {
            format!("continuing the history of an earlier installation of {release}")
        }
        Event::Resumes { release, status } => {
            format!("an earlier installation of {release} was not finished ({status}): resuming it")
        }
        Event::RollsBack(error) => {
            let error = explain_cluster(error, origins);
            format!("{error}\nrolling back (--atomic)")
        }
        Event::MeshConfigMayRemain(cleanup) => {
            let why = cleanup.map(explain_cleanup).unwrap_or_default();
            let why = match why.is_empty() {
                true => why,
                false => format!("{why}\n"),
            };
            format!(
                "{why}the post-delete hook did not run: the MeshConfig of the control plane may be left"
            )
        }
        Event::NamespaceNotValidated { namespace } => format!(
            "the namespace {namespace} does not exist yet: its objects are printed without validation by the cluster"
        ),
        Event::HooksRanBefore => {
            "only the history was kept: the hooks of the chart do not run again".to_owned()
        }
        Event::SharedNamespace { other, namespace } => format!(
            "the mesh {other} runs in namespace {namespace}, too: the hooks of the chart do not run, and its root \
             certificate and configuration stay"
        ),
        Event::Removing(object) => format!("removing {object}"),
    }
}
