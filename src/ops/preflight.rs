//! Finds what would keep an installation from succeeding, before anything is changed.

use helm_chart::KubeVersion;
use helm_release::client::resource::{
    DEPLOYMENT, MUTATING_WEBHOOKS, NAMESPACE, VALIDATING_WEBHOOKS,
};
use helm_release::client::{Client, NamespaceState};
use helm_release::release::Owner;
use helm_release::rollout::Rollout;

use super::error::{Error, MeshConflict, Operation};
use super::meshes::control_planes;

/// The oldest Kubernetes that has all APIs of the chart: `autoscaling/v2`.
const OLDEST: (u64, u64) = (1, 23);

/// Checks that the cluster is recent enough.
///
/// # Errors
/// It is too old.
pub(super) fn check_version(client: &Client) -> Result<(), Error> {
    let version = client.server_version();
    let Ok(parsed) = KubeVersion::parse(version) else {
        return Ok(());
    };
    let numbers = (parsed.major.parse(), parsed.minor.parse());
    if let (Ok(major), Ok(minor)) = numbers
        && (major, minor) >= OLDEST
    {
        return Ok(());
    }
    Err(Error::UnsupportedKubernetes {
        version: version.to_owned(),
        oldest: OLDEST,
    })
}

/// Checks that no other mesh is in the way: one in the same namespace, one of the same name, one that must be the only
/// mesh, or any if this mesh must be the only one.
///
/// # Errors
/// Another mesh is in the way, or the server refuses a request.
pub(super) async fn check_other_meshes(
    client: &Client,
    owner: Owner<'_>,
    enforces_single: bool,
) -> Result<(), Error> {
    for mesh in control_planes(client, "").await? {
        let is_same_namespace = mesh.namespace == owner.namespace;
        let conflict = match mesh.name == owner.name {
            true if is_same_namespace => continue,
            _ if is_same_namespace => MeshConflict::SameNamespace,
            true => MeshConflict::SameName,
            false if mesh.enforces_single => MeshConflict::OtherIsSingle,
            false if enforces_single => MeshConflict::ThisIsSingle,
            false => continue,
        };
        let other = mesh.id();
        return Err(Error::OtherMesh { other, conflict });
    }
    Ok(())
}

/// Checks that no object of the release belongs to another owner; nothing is looked for in the namespace of the release
/// if it does not exist.
///
/// # Errors
/// The objects of other owners, or the server refuses a request.
pub(super) async fn check_owners(
    rollout: &Rollout<'_>,
    has_namespace: bool,
    operation: Operation,
) -> Result<(), Error> {
    let objects = rollout.conflicts(has_namespace).await?;
    match objects.is_empty() {
        true => Ok(()),
        false => Err(Error::ForeignObjects { objects, operation }),
    }
}

/// Checks that the namespace is not being deleted; returns whether it exists.
///
/// # Errors
/// It is being deleted, or the server refuses the request.
pub(super) async fn check_namespace(client: &Client, name: &str) -> Result<bool, Error> {
    match client.namespace_state(name).await? {
        NamespaceState::Absent => Ok(false),
        NamespaceState::Active => Ok(true),
        NamespaceState::Terminating => Err(Error::NamespaceTerminating {
            namespace: name.to_owned(),
        }),
    }
}

/// What an installation or an upgrade may have to change besides applying its objects.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedChanges {
    /// Whether the namespace has to be created.
    pub creates_namespace: bool,
    /// Whether objects may have to be deleted.
    pub deletes: bool,
    /// Whether what the control plane creates for itself may have to be deleted, too.
    pub rolls_back: bool,
}

/// Checks that the user has all permissions that are needed.
///
/// # Errors
/// The permissions that are missing, or the server refuses a request.
pub(super) async fn check_permissions(
    client: &Client,
    rollout: &Rollout<'_>,
    changes: PlannedChanges,
) -> Result<(), Error> {
    let mut permissions = rollout.permissions(changes.deletes);
    if changes.rolls_back {
        for resource in [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS] {
            permissions.need(&["list", "delete"], &resource, "");
        }
        if changes.creates_namespace {
            permissions.need(&["delete"], &NAMESPACE, "");
        }
    }
    // To find other meshes.
    permissions.need(&["list"], &DEPLOYMENT, "");
    permissions.need(&["get"], &NAMESPACE, "");
    if changes.creates_namespace {
        permissions.need(&["create"], &NAMESPACE, "");
    }
    let missing = permissions.missing(client).await?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::MissingPermissions { missing }),
    }
}
