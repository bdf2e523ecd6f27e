//! What can go wrong with an operation on a mesh.

use helm_release::client::{ObjectRef, Permission};
use helm_release::release::Ownership;
use helm_release::rollout::Cleanup;

use crate::mesh::PlanError;

/// Names a mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshId {
    /// The name of the mesh.
    pub name: String,
    /// The namespace of its control plane.
    pub namespace: String,
}

/// What installs objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An installation.
    Install,
    /// An upgrade.
    Upgrade,
}

/// Why an operation on a mesh failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request or a step of the rollout failed.
    #[error(transparent)]
    Cluster(helm_release::Error),
    /// The plan is wrong for this cluster.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// An upgrade would rename the mesh.
    #[error(
        "the upgrade would rename the mesh {name} to {new_name}, and its namespaces would lose their mesh: keep the name ({path})"
    )]
    RenamesMesh {
        /// The name of the mesh.
        name: String,
        /// The name that the values set.
        new_name: String,
        /// The path of that value.
        path: String,
    },
    /// An upgrade would move the control plane.
    #[error(
        "the upgrade would move the control plane from namespace {from} to {to}: keep the namespace ({path})"
    )]
    MovesControlPlane {
        /// Its namespace.
        from: String,
        /// The namespace that the values set.
        to: String,
        /// The path of that value.
        path: String,
    },
    /// The operating system provides no event queue.
    #[error("cannot start the event loop: {0}")]
    Runtime(std::io::Error),
    /// The cluster is too old.
    #[error("the cluster runs Kubernetes {version}; the mesh needs {}.{} or later", oldest.0, oldest.1)]
    UnsupportedKubernetes {
        /// The version of the cluster.
        version: String,
        /// The oldest version that works, as major and minor.
        oldest: (u64, u64),
    },
    /// Another mesh is in the way.
    #[error("the mesh {} already exists in namespace {}: {conflict}", other.name, other.namespace)]
    OtherMesh {
        /// The other mesh.
        other: MeshId,
        /// Why both cannot exist.
        conflict: MeshConflict,
    },
    /// Objects of the same names belong to other owners.
    #[error("these objects already exist and do not belong to this mesh:{}", lines(objects.iter().map(|(object, owner)| format!("{object}: {owner}"))))]
    ForeignObjects {
        /// The objects and their owners.
        objects: Vec<(ObjectRef, Ownership)>,
        /// What was to apply them.
        operation: Operation,
    },
    /// The namespace is being deleted.
    #[error("the namespace {namespace} is being deleted")]
    NamespaceTerminating {
        /// The namespace.
        namespace: String,
    },
    /// The user lacks permissions.
    #[error("this user lacks permissions that an installation needs:{}", lines(missing.iter().map(ToString::to_string)))]
    MissingPermissions {
        /// The permissions.
        missing: Vec<Permission>,
    },
    /// The mesh is already installed, or another operation on it was not finished.
    #[error("the mesh {} is already installed in namespace {} (version {version}, status {status})", mesh.name, mesh.namespace)]
    AlreadyInstalled {
        /// The mesh.
        mesh: MeshId,
        /// The version that is installed.
        version: String,
        /// The status of its release.
        status: String,
        /// What was not finished, if anything.
        unfinished: Option<Unfinished>,
    },
    /// Another operation on the mesh has to come first.
    #[error("the mesh {} {unfinished}", mesh.name)]
    NotUpgradable {
        /// The mesh.
        mesh: MeshId,
        /// What was not finished.
        unfinished: Unfinished,
    },
    /// There is no such mesh.
    #[error("mesh {} not found in namespace {}{}", mesh.name, mesh.namespace, others.iter().map(|other| format!("\nfound: {} in namespace {}", other.name, other.namespace)).collect::<String>())]
    MeshNotFound {
        /// The mesh.
        mesh: MeshId,
        /// The meshes of the cluster.
        others: Vec<MeshId>,
    },
    /// No namespace has a control plane of this mesh.
    #[error("mesh {mesh} not found{}", others.iter().map(|other| format!("\nfound: {} in namespace {}", other.name, other.namespace)).collect::<String>())]
    UnknownMesh {
        /// The name of the mesh.
        mesh: String,
        /// The meshes of the cluster.
        others: Vec<MeshId>,
    },
    /// A release is not a mesh.
    #[error("the release {release} in namespace {namespace} is not a mesh: its chart is {chart}")]
    NotAMesh {
        /// The release.
        release: String,
        /// The namespace.
        namespace: String,
        /// The name of its chart.
        chart: String,
    },
    /// The record of a mesh cannot be decoded.
    #[error(
        "the record of the mesh {mesh}, {record}, is damaged, so its objects are not known: {reason}"
    )]
    DamagedRecord {
        /// The name of the mesh.
        mesh: String,
        /// The Secret of the record.
        record: Box<ObjectRef>,
        /// What is wrong with it.
        reason: String,
    },
    /// An installation failed. Objects that were created stay.
    #[error("{cause}")]
    InstallFailed {
        /// Why.
        cause: Box<helm_release::Error>,
        /// The mesh.
        mesh: MeshId,
    },
    /// An installation failed and was rolled back.
    #[error("{}\nthe installation was rolled back", cause.headline())]
    RolledBack {
        /// Why the installation failed.
        cause: Box<helm_release::Error>,
    },
    /// An installation failed, and another process resumed it before the rollback.
    #[error("{}\nthe installation was not rolled back: another process has resumed it", cause.headline())]
    RollbackSkipped {
        /// Why the installation failed.
        cause: Box<helm_release::Error>,
    },
    /// An installation failed, and so did its rollback.
    #[error("{}\nthe rollback failed, too: {rollback}", cause.headline())]
    RollbackFailed {
        /// Why the installation failed.
        cause: Box<helm_release::Error>,
        /// Why the rollback failed.
        rollback: Box<Error>,
        /// The mesh.
        mesh: MeshId,
    },
    /// An upgrade failed.
    #[error("{cause}")]
    UpgradeFailed {
        /// Why.
        cause: Box<helm_release::Error>,
        /// The release.
        release: MeshId,
        /// The last revision that was deployed.
        previous: Option<i64>,
    },
    /// A mesh runs of which no record exists.
    #[error("the mesh {} runs in namespace {}, but it has no record of its objects", mesh.name, mesh.namespace)]
    NoRecord {
        /// The mesh.
        mesh: MeshId,
    },
    /// Another mesh needs the CRDs.
    #[error("the mesh {} in namespace {} needs the CRDs and their objects", other.name, other.namespace)]
    CrdsInUse {
        /// The other mesh.
        other: MeshId,
    },
    /// Another mesh is in the namespace.
    #[error("the namespace is not deleted: the mesh {} is in namespace {}, too", other.name, other.namespace)]
    NamespaceInUse {
        /// The other mesh.
        other: MeshId,
    },
    /// The post-delete hook did not do its work, and the rest could not be removed.
    #[error("{}\n{error}", cleanup_failure(cleanup))]
    CleanupAndRemovalFailed {
        /// What became of the hook.
        cleanup: Box<Cleanup>,
        /// Why the rest could not be removed.
        error: Box<Error>,
    },
    /// There is no such namespace.
    #[error("namespace {namespace} not found")]
    NamespaceNotFound {
        /// The namespace.
        namespace: String,
    },
    /// A namespace with a control plane cannot join a mesh.
    #[error(
        "the namespace {namespace} has the control plane of the mesh {mesh} and cannot join a mesh"
    )]
    ControlPlaneNamespace {
        /// The namespace.
        namespace: String,
        /// The mesh.
        mesh: String,
    },
    /// A namespace belongs to another mesh and cannot join this one.
    #[error("the namespace {namespace} belongs to the mesh {mesh}")]
    InOtherMesh {
        /// The namespace.
        namespace: String,
        /// The mesh that it belongs to.
        mesh: String,
    },
    /// A namespace cannot leave a mesh that it does not belong to.
    #[error("the namespace {namespace} belongs to {}", match mesh { Some(mesh) => format!("the mesh {mesh}, not to {wanted}"), None => "no mesh".to_owned() })]
    NotInMesh {
        /// The namespace.
        namespace: String,
        /// The mesh that it belongs to, if any.
        mesh: Option<String>,
        /// The mesh that it was to leave.
        wanted: String,
    },
}

impl Error {
    /// Returns whether the user lacks the permission for a request.
    pub fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Error::Cluster(helm_release::Error::Client(error)) if error.code() == Some(403)
        )
    }

    /// Returns whether the input of the user is wrong, so that nothing was tried.
    pub fn is_wrong_input(&self) -> bool {
        matches!(
            self,
            Error::Plan(_)
                | Error::Cluster(helm_release::Error::NestedLookups { .. })
                | Error::RenamesMesh { .. }
                | Error::MovesControlPlane { .. }
        )
    }
}

/// Why two meshes cannot both exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeshConflict {
    /// They would be in the same namespace.
    SameNamespace,
    /// They would have the same name.
    SameName,
    /// The other mesh was installed to be the only one.
    OtherIsSingle,
    /// This mesh is to be the only one.
    ThisIsSingle,
}

impl std::fmt::Display for MeshConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MeshConflict::SameNamespace => "a namespace can have only one mesh",
            MeshConflict::SameName => "meshes need different names",
            MeshConflict::OtherIsSingle => "it was installed to be the only mesh in the cluster",
            MeshConflict::ThisIsSingle => "this mesh is to be the only one in the cluster",
        })
    }
}

/// An operation on a mesh that was not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfinished {
    /// It is being removed.
    Uninstalling,
    /// It was removed with its history kept.
    Uninstalled,
    /// It is being rolled back, or the rollback was interrupted.
    PendingRollback,
    /// It was not installed completely; an installation resumes it.
    Install,
    /// Its release, which has another name, was not installed completely; an upgrade resumes it.
    InstallOfRelease(String),
    /// It was not installed completely and has to be removed.
    PendingInstall,
    /// An upgrade was not finished.
    Upgrade,
}

impl std::fmt::Display for Unfinished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfinished::Uninstalling => write!(f, "is being removed"),
            Unfinished::Uninstalled => write!(f, "was removed and its history was kept"),
            Unfinished::PendingRollback => {
                write!(f, "is being rolled back, or a rollback was interrupted")
            }
            Unfinished::Install | Unfinished::PendingInstall => {
                write!(f, "was not installed completely")
            }
            Unfinished::InstallOfRelease(release) => {
                write!(f, "was not installed completely (release {release})")
            }
            Unfinished::Upgrade => write!(f, "was not upgraded completely"),
        }
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| format!("\n  {line}")).collect()
}

fn cleanup_failure(cleanup: &Cleanup) -> String {
    match cleanup {
        Cleanup::Done => String::new(),
        Cleanup::Failed(error) => error.to_string(),
        Cleanup::NamespaceTerminating(namespace) => format!(
            "the namespace {namespace} is being deleted, so the post-delete hook cannot run in it"
        ),
    }
}

impl<E: Into<helm_release::Error>> From<E> for Error {
    fn from(error: E) -> Error {
        Error::Cluster(error.into())
    }
}
