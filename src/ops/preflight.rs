//! What would keep an installation from succeeding, found before anything is changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::meshes::control_planes;
use helm_chart::KubeVersion;
use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{
    ApiResource, DEPLOYMENT, MUTATING_WEBHOOKS, NAMESPACE, POD, SECRET, VALIDATING_WEBHOOKS, text,
};
use helm_release::rollout::apply::{Owner, Target, at_once, owner_of};
use helm_release::rollout::hooks::{self, Hook};
use helm_release::wait::is_awaited;

/// The oldest Kubernetes that has all the APIs of the chart: `autoscaling/v2`.
const OLDEST: (u64, u64) = (1, 23);

/// Refuses a cluster that is too old for what is installed.
///
/// # Errors
/// The cluster's version, and what is needed.
pub fn version(cluster: &Cluster) -> Result<(), ClusterError> {
    let Ok(version) = KubeVersion::parse(&cluster.version) else {
        return Ok(());
    };
    let numbers = (version.major.parse(), version.minor.parse());
    if let (Ok(major), Ok(minor)) = numbers
        && (major, minor) >= OLDEST
    {
        return Ok(());
    }
    Err(ClusterError::State(format!(
        "the cluster runs Kubernetes {}; the mesh needs {}.{} or later",
        cluster.version, OLDEST.0, OLDEST.1
    )))
}

/// Refuses a second mesh where there may be only one: in the same namespace, beside a mesh that
/// wants to be alone, or for a mesh that wants to be alone itself.
///
/// # Errors
/// The mesh that is there, by name.
pub async fn other_meshes(
    cluster: &Cluster,
    owner: Owner<'_>,
    enforces_single: bool,
) -> Result<(), ClusterError> {
    for mesh in control_planes(cluster, "").await? {
        let (name, namespace) = (&mesh.name, &mesh.namespace);
        if name == owner.name && namespace == owner.namespace {
            continue;
        }
        let refuse = |why: &str| {
            Err(ClusterError::State(format!(
                "there is the mesh {name} in namespace {namespace} already: {why}"
            )))
        };
        if namespace == owner.namespace {
            return refuse("a namespace has one mesh; give another one with --osm-namespace");
        }
        if name == owner.name {
            return refuse("meshes need different names; give another one with --mesh-name");
        }
        if mesh.enforces_single {
            return refuse(
                "it was installed to be the only one in the cluster (its --enforce-single-mesh is true)",
            );
        }
        if enforces_single {
            return refuse(
                "this one would be installed to be the only one; \
                 --enforce-single-mesh=false lets both be there",
            );
        }
    }
    Ok(())
}

/// Refuses objects of the same names that belong to somebody else; `advice` is what else can be done.
///
/// Hooks bear no marks of a release, but say that they are hooks.
///
/// # Errors
/// All of them, each with whose it is.
pub async fn owners(
    cluster: &Cluster,
    owner: Owner<'_>,
    targets: impl Iterator<Item = &Target>,
    hooks: impl Iterator<Item = &Hook>,
    advice: &str,
) -> Result<(), ClusterError> {
    let targets = targets.map(|target| (target, false));
    let all = targets.chain(hooks.map(|hook| (&hook.target, true)));
    let asked = all.map(async |(target, is_hook)| {
        let found = cluster.get(&target.reference).await?;
        let foreign = found.filter(|object| match is_hook {
            true => hooks::is_foreign(object, owner),
            false => !owner.owns(object),
        });
        Ok(foreign.map(|object| format!("\n  {}: {}", target.reference, owner_of(&object))))
    });
    let answers = at_once(asked).await?;
    let mut foreign: Vec<String> = answers.into_iter().flatten().collect();
    if foreign.is_empty() {
        return Ok(());
    }
    foreign.sort_unstable();
    Err(ClusterError::State(format!(
        "these objects exist already and are not this mesh's:{}\n\
         remove them, or {advice}",
        foreign.concat()
    )))
}

/// Refuses a namespace that is going away; gives whether it is there.
///
/// # Errors
/// The namespace, and what to do.
pub async fn namespace(cluster: &Cluster, name: &str) -> Result<bool, ClusterError> {
    let found = match cluster.get(&NAMESPACE.at("", name)).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(false),
        // Who may not look at it cannot create it either; all that is missing is told together.
        Err(error) if error.code() == Some(403) => return Ok(true),
        Err(error) => return Err(error),
    };
    if text(&found, &["metadata", "deletionTimestamp"]).is_empty() {
        return Ok(true);
    }
    Err(ClusterError::State(format!(
        "the namespace {name} is being deleted: wait until it is gone, \
         or give another one with --osm-namespace"
    )))
}

/// What an installation or an upgrade is going to do.
#[derive(Debug, Clone, Copy)]
pub struct PlannedChanges<'w> {
    /// The release's namespace.
    pub namespace: &'w str,
    /// What has to be there first, and may be there already.
    pub crds: &'w [Target],
    /// The objects.
    pub targets: &'w [Target],
    /// The hooks that may run.
    pub hooks: &'w [Hook],
    /// Whether the namespace has to be created.
    pub creates_namespace: bool,
    /// Whether objects may have to be deleted.
    pub deletes: bool,
    /// Whether what the control plane makes for itself may have to be deleted, too.
    pub rolls_back: bool,
}

/// Asks whether this user may do all of that.
///
/// # Errors
/// All permissions that are missing, by verb and resource.
pub async fn permissions(
    cluster: &Cluster,
    changes: PlannedChanges<'_>,
) -> Result<(), ClusterError> {
    if allowed(cluster, "*", "*", "*", "").await? {
        return Ok(());
    }
    let mut needed: BTreeSet<(&str, String, String, String)> = BTreeSet::new();
    let mut need = |verbs: &[&'static str], kind: &ApiResource, namespace: &str| {
        for verb in verbs {
            let (group, plural) = (kind.group().to_owned(), kind.plural.to_string());
            needed.insert((verb, group, plural, namespace.to_owned()));
        }
    };
    for Target { reference, .. } in changes.crds {
        need(
            &["get", "create"],
            &reference.resource,
            &reference.namespace,
        );
    }
    for Target { reference, .. } in changes.targets {
        need(
            &["get", "create", "patch"],
            &reference.resource,
            &reference.namespace,
        );
        if is_awaited(&reference.resource) {
            need(&["list"], &reference.resource, &reference.namespace);
        }
        if changes.deletes {
            need(&["delete"], &reference.resource, &reference.namespace);
        }
    }
    for Target { reference, .. } in changes.hooks.iter().map(|hook| &hook.target) {
        let verbs = ["get", "create", "patch", "delete"];
        need(&verbs, &reference.resource, &reference.namespace);
        if is_awaited(&reference.resource) {
            need(&["list"], &reference.resource, &reference.namespace);
        }
    }
    if changes.deletes {
        need(&["delete"], &SECRET, changes.namespace);
    }
    if changes.rolls_back {
        for kind in [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS] {
            need(&["list", "delete"], &kind, "");
        }
        if changes.creates_namespace {
            need(&["delete"], &NAMESPACE, "");
        }
    }
    // To keep the record, to see why something does not run, and to see other meshes.
    let verbs = ["get", "list", "create", "patch"];
    need(&verbs, &SECRET, changes.namespace);
    need(&["list"], &POD, changes.namespace);
    need(&["list"], &DEPLOYMENT, "");
    need(&["get"], &NAMESPACE, "");
    if changes.creates_namespace {
        need(&["create"], &NAMESPACE, "");
    }
    let asked = needed
        .iter()
        .map(async |permission @ (verb, group, plural, namespace)| {
            let allowed = allowed(cluster, verb, group, plural, namespace).await?;
            Ok((!allowed).then_some(permission))
        });
    let mut missing: Vec<_> = at_once(asked).await?.into_iter().flatten().collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    let missing: Vec<String> = missing
        .iter()
        .map(|(verb, group, plural, namespace)| {
            let group = if group.is_empty() {
                String::new()
            } else {
                format!(".{group}")
            };
            match namespace.is_empty() {
                true => format!("\n  {verb} {plural}{group}"),
                false => format!("\n  {verb} {plural}{group} in namespace {namespace}"),
            }
        })
        .collect();
    Err(ClusterError::State(format!(
        "this user may not do everything that an installation does; missing:{}\n\
         ask somebody who administers the cluster",
        missing.concat()
    )))
}

async fn allowed(
    cluster: &Cluster,
    verb: &str,
    group: &str,
    resource: &str,
    namespace: &str,
) -> Result<bool, ClusterError> {
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "namespace": namespace,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = cluster.ask(path, &question, "ask for permissions").await?;
    Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
}
