//! Explains what is not ready: the problem of each Pod, and what to do about it.

use helm_release::client::ObjectRef;
use helm_release::wait::{NotReadyReason, PodProblem, Remedy, UnreadyObject, WaitError};

use crate::mesh::values::IMAGE_PULL_SECRETS;

/// Returns where the reference of an image came from, if that is known.
pub(super) type Origins<'o> = &'o dyn Fn(&str) -> Option<String>;

pub(super) const QUOTA: &str = "raise the quota of the namespace, or request less with --set";

/// Formats an error of waiting, with what to do about each object.
pub(super) fn explain_wait(error: &WaitError, origins: Origins<'_>) -> String {
    match error {
        WaitError::Failed {
            object,
            message,
            problems,
        } => {
            let problems = problems.iter().map(|problem| {
                let text = explain_problem(problem, origins);
                indent(&format!("\n{text}"), 2)
            });
            format!("{object} failed: {message}{}", problems.collect::<String>())
        }
        WaitError::NotReady { objects, .. } => {
            // The first line of the message has the timeout.
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default();
            let objects = objects
                .iter()
                .map(|unready| explain_unready(unready, origins));
            format!("{first}{}", objects.collect::<String>())
        }
        WaitError::Deleted { .. } => format!(
            "{error}\nanother user is changing the mesh, or a Job was cleaned up before it was seen to be complete"
        ),
        WaitError::NotGone { .. } => format!(
            "{error}\nremove the cause of the finalizers, then rerun the same command to resume"
        ),
        error => error.to_string(),
    }
}

fn explain_unready(unready: &UnreadyObject, origins: Origins<'_>) -> String {
    let reasons = unready.reasons.iter().map(|reason| {
        let text = match reason {
            NotReadyReason::Pod(problem) => explain_problem(problem, origins),
            reason => match reason_hint(reason) {
                Some(hint) => format!("{reason}\n  {hint}"),
                None => reason.to_string(),
            },
        };
        indent(&format!("\n{text}"), 4)
    });
    format!("\n  {}{}", unready.object, reasons.collect::<String>())
}

fn reason_hint(reason: &NotReadyReason) -> Option<String> {
    const LONGER: &str = "allow more time with --timeout";
    Some(match reason {
        NotReadyReason::CreationRefused { message, .. } => match message {
            quota if quota.contains("exceeded quota") => QUOTA,
            policy if policy.contains("violates PodSecurity") => {
                "give the namespace the label pod-security.kubernetes.io/enforce=privileged"
            }
            _ => "the cluster does not allow its Pods: ask an administrator of the cluster",
        }
        .to_owned(),
        NotReadyReason::StillRunning | NotReadyReason::PodsOutstanding => LONGER.to_owned(),
        NotReadyReason::PodStarting { pod, namespace, .. } => format!(
            "for more, run `kubectl describe pod --namespace {namespace} {pod}`, or {LONGER}"
        ),
        NotReadyReason::NoPods(ObjectRef {
            resource,
            namespace,
            name,
        }) => format!(
            "to see why, run `kubectl describe {} --namespace {namespace} {name}`",
            resource.kind.to_lowercase()
        ),
        _ => return None,
    })
}

/// Formats the problem of a Pod, with what to do about it.
pub(super) fn explain_problem(problem: &PodProblem, origins: Origins<'_>) -> String {
    let origin = match problem.is_about_image() {
        true => origins(&problem.image),
        false => None,
    };
    let origin = origin.map_or_else(String::new, |origin| format!("{origin}\n"));
    let hints = indent(&format!("\n{origin}{}", remedy(problem)), 2);
    format!("{problem}{hints}")
}

/// What to do about the problem of a Pod.
pub(super) fn remedy(problem: &PodProblem) -> String {
    let PodProblem {
        pod,
        namespace,
        container,
        ..
    } = problem;
    match problem.remedy {
        Remedy::FitNode => {
            "add a node that fits, or change what the Pod requests: resources, tolerations, affinity"
                .to_owned()
        }
        Remedy::ProvideImage => {
            format!(
                "check that the registry can be reached and has this image; a private registry needs \
                 {IMAGE_PULL_SECRETS}; a mirror must have the images with the same digests"
            )
        }
        Remedy::CorrectImageName => "correct the name of the image".to_owned(),
        Remedy::RaiseMemoryLimit => {
            "raise the memory limit of this container in the values".to_owned()
        }
        Remedy::ProvideConfig => format!(
            "to see what is missing, run `kubectl describe pod --namespace {namespace} {pod}`"
        ),
        Remedy::ReadEvents => {
            format!("to see why, run `kubectl describe pod --namespace {namespace} {pod}`")
        }
        Remedy::ReadLogs => format!(
            "to see why, run `kubectl logs --namespace {namespace} {pod} --container {container}`"
        ),
        Remedy::ReadPreviousLogs => format!(
            "to see why, run `kubectl logs --namespace {namespace} {pod} --container {container} --previous`"
        ),
        _ => format!(
            "to see why, run `kubectl logs --namespace {namespace} {pod} --all-containers`"
        ),
    }
}

/// Indents all lines but the first.
fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_pod_comes_with_the_next_step() {
        let table = [
            (Remedy::FitNode, "add a node that fits"),
            (
                Remedy::ProvideImage,
                "from a flag\n  check that the registry can be reached",
            ),
            (
                Remedy::CorrectImageName,
                "from a flag\n  correct the name of the image",
            ),
            (Remedy::RaiseMemoryLimit, "raise the memory limit"),
            (
                Remedy::ProvideConfig,
                "to see what is missing, run `kubectl describe pod --namespace ns p`",
            ),
            (
                Remedy::ReadEvents,
                "to see why, run `kubectl describe pod --namespace ns p`",
            ),
            (
                Remedy::ReadLogs,
                "to see why, run `kubectl logs --namespace ns p --container c`",
            ),
            (
                Remedy::ReadPreviousLogs,
                "to see why, run `kubectl logs --namespace ns p --container c --previous`",
            ),
            (
                Remedy::ReadAllLogs,
                "to see why, run `kubectl logs --namespace ns p --all-containers`",
            ),
        ];
        for (remedy, want) in table {
            let problem = PodProblem {
                pod: "p".to_owned(),
                namespace: "ns".to_owned(),
                container: "c".to_owned(),
                image: "r/i:1".to_owned(),
                reason: "Why".to_owned(),
                message: String::new(),
                remedy,
                may_pass: false,
            };
            let text = explain_problem(&problem, &|_| Some("from a flag".to_owned()));
            let want = format!("Pod p, container c, image r/i:1: Why\n  {want}");
            assert!(text.starts_with(&want), "{remedy:?}: {text}");
        }
    }
}
