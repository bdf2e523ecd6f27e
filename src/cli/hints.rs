//! Adds to each error of an operation what to do next, with which flag or command.

use helm_release::client::{
    AccessError, ClientError, ConnectionProblem, LoginProgram, Refusal, RefusalCause,
};
use helm_release::release::ReleaseError;
use helm_release::rollout::Cleanup;

use super::flag_names::explain_plan;
use super::settings::{CONTEXT, Settings};
use super::wait_hints::{Origins, QUOTA, explain_wait};
use crate::mesh::names::{DEFAULT_MESH_NAME, DEFAULT_NAMESPACE};
use crate::ops::{Error, MeshConflict, MeshId, Operation, Unfinished};

/// A command for a mesh, with the flags that name it: `osm uninstall mesh --mesh-name blue`.
pub(super) fn command(command: &str, name: &str, namespace: &str) -> String {
    let settings = Settings::current();
    let command = name_mesh(settings, command, name);
    name_namespace(settings, command, namespace)
}

/// Adds `--mesh-name`, unless the command means this mesh without it, also in another environment.
fn name_mesh(settings: &Settings, command: &str, name: &str) -> String {
    match name == DEFAULT_MESH_NAME && !settings.chooses_mesh {
        true => command.to_owned(),
        false => format!("{command} --mesh-name {name}"),
    }
}

/// As [`name_mesh`], for `--osm-namespace`.
fn name_namespace(settings: &Settings, command: String, namespace: &str) -> String {
    match namespace == DEFAULT_NAMESPACE && !settings.chooses_namespace {
        true => command,
        false => format!("{command} --osm-namespace {namespace}"),
    }
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
        Error::UnknownMesh { mesh, .. } => format!(
            "run `{}` to install it, or name another mesh with --mesh-name",
            name_mesh(Settings::current(), "osm install", mesh)
        ),
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
            let source = Settings::current().source_name(&CONTEXT);
            format!("{near}{source} takes one of: {}", contexts.join(", "))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_mesh_unless_it_is_the_default_one() {
        let plain = Settings::default();
        let chosen = Settings {
            chooses_namespace: true,
            chooses_mesh: true,
            ..Settings::default()
        };
        // Without these flags, the command would be about the mesh that the environment chooses.
        let table = [
            (&plain, "osm", "osm-system", ""),
            (&plain, "osm", "ns", " --osm-namespace ns"),
            (&plain, "blue", "osm-system", " --mesh-name blue"),
            (
                &chosen,
                "osm",
                "osm-system",
                " --mesh-name osm --osm-namespace osm-system",
            ),
        ];
        for (settings, name, namespace, want) in table {
            let command = name_mesh(settings, "osm install", name);
            let command = name_namespace(settings, command, namespace);
            assert_eq!(command, format!("osm install{want}"));
        }
    }
}
