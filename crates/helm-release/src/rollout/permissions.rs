//! The permissions that a rollout needs.

use super::apply::Target;
use super::hooks::Hook;
use crate::client::Permissions;
use crate::client::resource::{POD, SECRET};
use crate::wait::is_awaited;

/// Lists the permissions to create and apply these objects, and to keep the record in a namespace.
pub(super) fn of_rollout(
    crds: &[Target],
    targets: &[Target],
    hooks: &[Hook],
    namespace: &str,
    deletes: bool,
) -> Permissions {
    let mut permissions = Permissions::default();
    let mut need = |verbs: &[&'static str], target: &Target| {
        let reference = &target.reference;
        permissions.need(verbs, &reference.resource, &reference.namespace);
    };
    for target in crds {
        need(&["get", "create"], target);
    }
    let hooks = hooks.iter().map(|hook| (&hook.target, true));
    for (target, is_deleted) in targets.iter().map(|t| (t, deletes)).chain(hooks) {
        need(&["get", "create", "patch"], target);
        if is_awaited(&target.reference.resource) {
            need(&["list"], target);
        }
        if is_deleted {
            need(&["delete"], target);
        }
    }
    // For the record, and to find out why a Pod does not run.
    let verbs = ["get", "list", "create", "patch"];
    permissions.need(&verbs, &SECRET, namespace);
    permissions.need(&["list"], &POD, namespace);
    if deletes {
        permissions.need(&["delete"], &SECRET, namespace);
    }
    permissions
}
