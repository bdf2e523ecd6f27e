//! What installing and upgrading have in common: hooks, objects, what is no longer rendered, waiting.

pub mod apply;
pub mod crds;
pub mod hooks;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::Progress;
use crate::client::Cluster;
use crate::client::error::ClusterError;
use crate::client::resource::{ObjectRef, POD, selector};
use crate::release::record::Release;
use crate::rollout::apply::{Owner, Target, apply, is_kept, remove};
use crate::rollout::hooks::Hook;
use crate::wait::{self, Deadline, Waiting, is_awaited};
use helm_chart::Object;

/// How objects are brought into a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long hooks and waiting may take together; zero is without end.
    pub timeout: Duration,
    /// Whether to wait until everything runs.
    pub wait: bool,
    /// Whether the chart's hooks are run.
    pub hooks: bool,
}

/// A release that is ready to be brought into a cluster.
pub struct Rollout<'r> {
    cluster: &'r Cluster,
    owner: Owner<'r>,
    /// What has to be there before it.
    pub crds: Vec<Target>,
    /// Its objects, with its marks.
    pub targets: Vec<Target>,
    /// Its hooks; none if they are not to run.
    pub hooks: Vec<Hook>,
    wait: bool,
    waiting: Waiting<'r>,
}

impl<'r> Rollout<'r> {
    /// Finds the places of everything; the time that it may take begins.
    ///
    /// # Errors
    /// A kind that the cluster does not have.
    pub async fn prepare(
        cluster: &'r Cluster,
        release: &Release<'r>,
        options: Options,
        progress: Progress<'r>,
    ) -> Result<Rollout<'r>, ClusterError> {
        let deadline = Deadline::after(options.timeout);
        let owner = release.owner();
        let (mut targets, mut hooks, mut crds) = (Vec::new(), Vec::new(), Vec::new());
        for object in release.crds {
            let reference = cluster.resolve(&object.value, release.namespace).await?;
            let object = object.value.clone();
            crds.push(Target { reference, object });
        }
        for object in release.objects {
            if object.is_hook() && !options.hooks {
                continue;
            }
            let reference = cluster.resolve(&object.value, release.namespace).await?;
            if object.is_hook() {
                hooks.push(Hook::new(reference, object));
            } else {
                let object = owner.mark(&object.value);
                targets.push(Target { reference, object });
            }
        }
        Ok(Rollout {
            cluster,
            owner,
            crds,
            targets,
            hooks,
            wait: options.wait,
            waiting: Waiting {
                deadline,
                progress,
                images: release.images,
            },
        })
    }

    /// Does it: `event` is `install` or `upgrade`, and `old` is what earlier revisions may have left there.
    ///
    /// # Errors
    /// What keeps it from being done, with the reasons.
    pub async fn run(&self, event: &str, old: &[(ObjectRef, Object)]) -> Result<(), ClusterError> {
        crds::create(
            self.cluster,
            &self.crds,
            self.waiting.deadline,
            self.waiting.progress,
        )
        .await?;
        self.run_hooks(&format!("pre-{event}")).await?;
        (self.waiting.progress)(&format!("applying {} objects", self.targets.len()));
        remove_fields(self.cluster, old, &self.targets).await?;
        apply(self.cluster, &self.targets).await?;
        self.remove_objects(old).await?;
        if self.wait {
            (self.waiting.progress)("waiting until everything runs");
            let references: Vec<ObjectRef> =
                self.targets.iter().map(|t| t.reference.clone()).collect();
            wait::ready(self.cluster, &references, self.waiting).await?;
        }
        self.run_hooks(&format!("post-{event}")).await
    }

    /// Whether a container of it runs or ran, also one that ends at once.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn has_run(&self) -> Result<bool, ClusterError> {
        for Target { reference, object } in self
            .targets
            .iter()
            .filter(|t| is_awaited(&t.reference.resource))
        {
            let labels = selector(object);
            if labels.is_empty() {
                continue;
            }
            let (pods, _) = self
                .cluster
                .list(&POD, &reference.namespace, &labels)
                .await?;
            if pods.iter().any(has_started) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn run_hooks(&self, event: &str) -> Result<(), ClusterError> {
        hooks::run(self.cluster, &self.hooks, event, self.waiting).await
    }

    /// Deletes the release's objects that are no longer rendered.
    async fn remove_objects(&self, old: &[(ObjectRef, Object)]) -> Result<(), ClusterError> {
        let (mut gone, mut seen) = (Vec::new(), Vec::new());
        for (reference, object) in old.iter().rev() {
            if self.targets.iter().any(|t| t.reference == *reference) || seen.contains(&reference) {
                continue;
            }
            seen.push(reference);
            let found = self.cluster.get(reference).await?;
            if !is_kept(&object.value) && found.is_some_and(|found| self.owner.owns(&found)) {
                (self.waiting.progress)(&format!(
                    "removing {reference}, which is no longer part of the mesh"
                ));
                gone.push(reference.clone());
            }
        }
        remove(self.cluster, &gone, self.waiting.deadline).await
    }
}

/// Whether a container of a Pod was started, as often as it may have ended since.
fn has_started(pod: &Value) -> bool {
    let of = pod.pointer("/status/containerStatuses");
    let mut statuses = of.and_then(Value::as_array).into_iter().flatten();
    statuses.any(|status| {
        [
            "/state/running",
            "/state/terminated",
            "/lastState/terminated",
        ]
        .iter()
        .any(|state| status.pointer(state).is_some())
    })
}

/// Removes what the old objects had and the new ones have not.
///
/// Applying removes only what the same field manager applied before; another tool may have made the
/// last revision.
async fn remove_fields(
    cluster: &Cluster,
    old: &[(ObjectRef, Object)],
    targets: &[Target],
) -> Result<(), ClusterError> {
    for (reference, before) in old {
        let Some(target) = targets.iter().find(|target| target.reference == *reference) else {
            continue;
        };
        // What another version of the API calls otherwise is not gone.
        if target.reference.resource.api_version != reference.resource.api_version {
            continue;
        }
        let Some(patch) = removal(&before.value, &target.object) else {
            continue;
        };
        match cluster.merge(reference, &patch).await {
            // Somebody removed it; applying brings it back.
            Err(error) if error.code() == Some(404) => {}
            done => drop(done?),
        }
    }
    Ok(())
}

/// A merge patch that removes what is only in `old`; a list that lost something is replaced.
fn removal(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        let (Value::Array(before), Value::Array(after)) = (old, new) else {
            return None;
        };
        let lost = before.len() > after.len()
            || before
                .iter()
                .zip(after)
                .any(|(a, b)| removal(a, b).is_some());
        return lost.then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, before) in old {
        match new.get(key) {
            None => _ = patch.insert(key.clone(), Value::Null),
            Some(after) => {
                if let Some(inner) = removal(before, after) {
                    patch.insert(key.clone(), inner);
                }
            }
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_gone_is_removed() {
        let table = [
            (json!({"a": 1}), json!({"a": 2}), None),
            (
                json!({"a": {"b": 1, "c": 1}}),
                json!({"a": {"b": 1}}),
                Some(json!({"a": {"c": null}})),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"a": [1]}),
                Some(json!({"a": [1]})),
            ),
            (json!({"a": [1]}), json!({"a": [1, 2]}), None),
            (
                json!({"a": [{"n": "x", "v": 1}]}),
                json!({"a": [{"n": "x"}]}),
                Some(json!({"a": [{"n": "x"}]})),
            ),
        ];
        for (old, new, want) in table {
            assert_eq!(removal(&old, &new), want, "{old} {new}");
        }
    }
}
