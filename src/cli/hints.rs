//! Turns errors and events of operations into words: the message, and what to do next with which flag or command.

use helm_release::client::{
    AccessError, ClientError, ConnectionProblem, LoginProgram, ObjectRef, Refusal, RefusalCause,
};
use helm_release::release::ReleaseError;
use helm_release::rollout::Cleanup;
use helm_release::wait::{NotReadyReason, PodProblem, Remedy, UnreadyObject, WaitError};

use super::flag_names::explain_plan;
use crate::mesh::names::{DEFAULT_MESH_NAME, DEFAULT_NAMESPACE};
use crate::mesh::values::IMAGE_PULL_SECRETS;
use crate::ops::{Error, Event, MeshConflict, MeshId, Operation, Unfinished};

/// Says where the reference of an image came from, if that is known.
pub(super) type Origins<'o> = &'o dyn Fn(&str) -> Option<String>;

/// A command for a mesh, with the flags that name it: `osm uninstall mesh --mesh-name blue`.
pub(super) fn command(command: &str, name: &str, namespace: &str) -> String {
    let mut command = command.to_owned();
    if name != DEFAULT_MESH_NAME {
        command = format!("{command} --mesh-name {name}");
    }
    if namespace != DEFAULT_NAMESPACE {
        command = format!("{command} --osm-namespace {namespace}");
    }
    command
}

/// How to resume or remove an installation that was not finished.
pub(super) fn after_install(name: &str, namespace: &str) -> String {
    format!(
        "Objects created so far are still in the cluster. Rerun the same command to resume, or run `{}` to remove them.",
        command("osm uninstall mesh", name, namespace)
    )
}

/// How to resume an upgrade that was not finished, or to return to the revision before it.
pub(super) fn after_upgrade(release: &MeshId, previous: Option<i64>) -> String {
    match previous {
        None => "Rerun the same command to resume.".to_owned(),
        Some(revision) => format!(
            "Rerun the same command to resume, or run `helm rollback {} {revision} --namespace {}` to return to the \
             last revision.",
            release.name, release.namespace
        ),
    }
}

/// Formats an error of an operation, with what to do next.
pub(super) fn explain(error: &Error, origins: Origins<'_>) -> String {
    let cause = match error {
        Error::Cluster(error) => return explain_cluster(error, origins),
        Error::Plan(error) => return explain_plan(error),
        Error::InstallFailed { cause, .. } | Error::UpgradeFailed { cause, .. } => {
            explain_cluster(cause, origins)
        }
        Error::RollbackFailed {
            cause, rollback, ..
        } => {
            let rollback = explain(rollback, origins);
            format!("{}\nthe rollback failed, too: {rollback}", cause.headline())
        }
        Error::CleanupAndRemovalFailed { cleanup, error } => {
            return format!("{}\n{}", explain_cleanup(cleanup), explain(error, origins));
        }
        error => error.to_string(),
    };
    match next_step(error) {
        None => cause,
        Some(next) => format!("{cause}\n{next}"),
    }
}

/// What to do about an error of an operation itself.
fn next_step(error: &Error) -> Option<String> {
    let of = |text: &str, mesh: &MeshId| command(text, &mesh.name, &mesh.namespace);
    Some(match error {
        Error::OtherMesh { conflict, .. } => match conflict {
            MeshConflict::SameNamespace => "choose another namespace with --osm-namespace",
            MeshConflict::SameName => "choose another name with --mesh-name",
            MeshConflict::OtherIsSingle => "it was installed with --enforce-single-mesh",
            MeshConflict::ThisIsSingle => "use --enforce-single-mesh=false to allow both",
        }
        .to_owned(),
        Error::ForeignObjects { operation, .. } => match operation {
            Operation::Install => "remove them, or install under another name with --mesh-name",
            Operation::Upgrade => {
                "remove them, or disable the parts of the mesh that have their names with --set"
            }
        }
        .to_owned(),
        Error::OtherNamespace { .. } => {
            "set the namespace with --osm-namespace, which sets both".to_owned()
        }
        Error::NamespaceTerminating { .. } => {
            "wait until it is gone, or choose another one with --osm-namespace".to_owned()
        }
        Error::MissingPermissions { .. } => {
            "ask an administrator of the cluster for these permissions".to_owned()
        }
        Error::AlreadyInstalled {
            mesh, unfinished, ..
        } => match unfinished {
            Some(unfinished) => finish(unfinished, mesh),
            None => format!(
                "run `{}` to remove it, or choose another name with --mesh-name to install a second one",
                of("osm uninstall mesh", mesh)
            ),
        },
        Error::NotUpgradable { mesh, unfinished } => finish(unfinished, mesh),
        Error::NotAMesh { .. } => "give the name of a mesh with --mesh-name".to_owned(),
        Error::DamagedRecord { .. } => {
            "restore that Secret; without it the mesh can be installed again once its objects are removed"
                .to_owned()
        }
        Error::InstallFailed { mesh, .. } => after_install(&mesh.name, &mesh.namespace),
        Error::RollbackFailed { mesh, .. } => {
            format!("run `{}` to remove what is left", of("osm uninstall mesh", mesh))
        }
        Error::UpgradeFailed { release, previous, .. } => after_upgrade(release, *previous),
        Error::NoRecord { .. } => "delete the objects that were applied, then remove the CRDs".to_owned(),
        Error::CrdsInUse { .. } => {
            "omit --delete-cluster-wide-resources, or remove that mesh first".to_owned()
        }
        Error::NamespaceInUse { .. } => {
            "name that mesh with --mesh-name, or omit --delete-namespace".to_owned()
        }
        Error::InOtherMesh { namespace, mesh } => {
            format!("run `osm namespace remove {namespace} --mesh-name {mesh}` first")
        }
        _ => return None,
    })
}

/// How to finish an operation.
fn finish(unfinished: &Unfinished, mesh: &MeshId) -> String {
    let run = |text: &str, what: &str| {
        format!(
            "run `{}` to {what}",
            command(text, &mesh.name, &mesh.namespace)
        )
    };
    match unfinished {
        Unfinished::Uninstalling => run("osm uninstall mesh", "finish the removal"),
        Unfinished::Uninstalled => run("osm install", "install it again"),
        Unfinished::PendingRollback => format!(
            "run `helm history {} --namespace {}` to see its state",
            mesh.name, mesh.namespace
        ),
        Unfinished::Install => run("osm install", "resume the installation"),
        Unfinished::InstallOfRelease(release) => format!(
            "its release {release} was not installed completely; {}",
            run("osm mesh upgrade", "resume")
        ),
        Unfinished::PendingInstall => run("osm uninstall mesh", "remove it"),
        Unfinished::Upgrade => format!(
            "an upgrade was not finished; {}",
            run("osm mesh upgrade", "resume it")
        ),
    }
}

/// Formats an error of the cluster, with what to do next.
pub(super) fn explain_cluster(error: &helm_release::Error, origins: Origins<'_>) -> String {
    let next = match error {
        helm_release::Error::Client(error) => client_hint(error),
        helm_release::Error::Release(ReleaseError::RecordGone { release, record }) => {
            let install = command("osm install", release, &record.namespace);
            Some(format!("run `{install}` to install it again"))
        }
        helm_release::Error::Wait(error) => return explain_wait(error, origins),
        _ => None,
    };
    match next {
        None => error.to_string(),
        Some(next) => format!("{error}\n{next}"),
    }
}

/// Formats why the post-delete hook did not do its work.
pub(super) fn explain_cleanup(cleanup: &Cleanup) -> String {
    match cleanup {
        Cleanup::Done => String::new(),
        Cleanup::Failed(error) => explain_cluster(error, &|_| None),
        Cleanup::NamespaceTerminating(namespace) => format!(
            "the namespace {namespace} is being deleted, so the post-delete hook cannot run in it"
        ),
    }
}

fn client_hint(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Access(error) => return access_hint(error),
        ClientError::Unreachable { problem, .. } => match problem {
            ConnectionProblem::CertificateExpired => {
                "a certificate has expired: renew it, or fetch the configuration of the cluster again"
            }
            ConnectionProblem::CertificateMismatch => {
                "the certificates do not match: check certificate-authority and the name of the server in the \
                 configuration"
            }
            ConnectionProblem::RequestTimeout => {
                "check that the cluster is running, or allow more time with --request-timeout"
            }
            _ => {
                "check that the cluster is running and that the context is the right one (kubectl config get-contexts)"
            }
        }
        .to_owned(),
        ClientError::Refused { refusal, .. } => return refusal_hint(refusal).map(str::to_owned),
        ClientError::Unreadable { .. } => {
            "check that this is the address of an API server and not of something in front of it"
                .to_owned()
        }
        ClientError::UnknownKind { .. } => {
            "install its CustomResourceDefinition first, or leave the object out".to_owned()
        }
        _ => return None,
    })
}

fn refusal_hint(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.cause()? {
        RefusalCause::Credentials => {
            "the credentials are not accepted: log in again, or check the user of the context"
        }
        RefusalCause::Policy => {
            "a policy of the cluster denies this object: change the values, or ask whoever maintains the policy"
        }
        RefusalCause::NamespaceTerminating => {
            "wait until the namespace is gone (kubectl get namespace), then try again"
        }
        RefusalCause::Quota => QUOTA,
        RefusalCause::Forbidden => "ask an administrator of the cluster for this permission",
        RefusalCause::Conflict => "another client changed it at the same time: try again",
        RefusalCause::Invalid => "the cluster does not accept this object: check the values",
        RefusalCause::Overloaded => "the API server is overloaded: try again later",
        RefusalCause::Webhook => {
            "a webhook of the cluster does not answer: repair it, or remove its configuration"
        }
        RefusalCause::ServerError => {
            "the API server has an internal error: try again, then check its logs"
        }
        _ => return None,
    })
}

const QUOTA: &str = "raise the quota of the namespace, or request less with --set";

fn access_hint(error: &AccessError) -> Option<String> {
    Some(match error {
        AccessError::NoConfiguration { .. } => {
            "name one with --kubeconfig or KUBECONFIG; to print the objects without a cluster, run \
             `osm install --dry-run`"
                .to_owned()
        }
        AccessError::UnknownContext { name, contexts } => {
            let near = image_pins::nearest(name, contexts.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
            format!("{near}--context takes one of: {}", contexts.join(", "))
        }
        AccessError::Unusable {
            login:
                Some(LoginProgram {
                    command,
                    install_hint,
                }),
            ..
        } => {
            let hint = match install_hint.is_empty() {
                true => "check that it is installed and that you are logged in",
                false => install_hint,
            };
            format!("the user of the context logs in with {command}: {hint}")
        }
        _ => return None,
    })
}

fn explain_wait(error: &WaitError, origins: Origins<'_>) -> String {
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
fn explain_problem(problem: &PodProblem, origins: Origins<'_>) -> String {
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

    #[test]
    fn a_command_names_the_mesh_only_if_it_is_not_the_default_one() {
        let table = [
            ("osm", "osm-system", "osm install"),
            ("osm", "ns", "osm install --osm-namespace ns"),
            ("blue", "osm-system", "osm install --mesh-name blue"),
        ];
        for (name, namespace, want) in table {
            assert_eq!(command("osm install", name, namespace), want);
        }
    }
}
