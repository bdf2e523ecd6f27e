//! A chart as a release: renders it for the cluster of a client, and installs, upgrades or removes it.

use std::time::Duration;

use helm_chart::{Chart, KubeVersion, Object, RenderedChart, Target};
use serde_json::{Map, Value, json};

use crate::client::resource::NAMESPACE;
use crate::client::{Client, NamespaceState};
use crate::error::Error;
use crate::release::{Record, RenderedRelease, Status, history, never_deployed, since_uninstalled};
use crate::render::render_for_cluster;
use crate::rollout::{
    Cleanup, Progress, RemovalOptions, Rollout, RolloutOptions, StartedRollout, delete_objects,
    remove_release,
};

/// Timeout of each step of a rollback: the one of the installation may be too short to remove everything.
const ROLLBACK_TIMEOUT: Duration = Duration::from_mins(1);

/// A chart that is installed or upgraded as a release.
#[derive(Debug, Clone)]
pub struct ChartRelease<'c> {
    chart: &'c Chart,
    name: String,
    namespace: String,
    values: Map<String, Value>,
    options: RolloutOptions,
    creates_namespace: bool,
    rolls_back: bool,
}

/// A chart that is rendered for a cluster.
struct Rendered {
    objects: Vec<Object>,
    notes: String,
    crds: Vec<Object>,
}

impl<'c> ChartRelease<'c> {
    /// Starts with the default values of the chart and the default [`RolloutOptions`].
    pub fn new(chart: &'c Chart, name: &str, namespace: &str) -> ChartRelease<'c> {
        ChartRelease {
            chart,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            values: Map::new(),
            options: RolloutOptions::default(),
            creates_namespace: false,
            rolls_back: false,
        }
    }

    /// Sets values over the defaults of the chart.
    #[must_use]
    pub fn values(mut self, values: Map<String, Value>) -> ChartRelease<'c> {
        self.values = values;
        self
    }

    /// Sets the timeout, and whether to run hooks and to wait.
    #[must_use]
    pub fn options(mut self, options: RolloutOptions) -> ChartRelease<'c> {
        self.options = options;
        self
    }

    /// Creates the namespace if it does not exist.
    #[must_use]
    pub fn create_namespace(mut self) -> ChartRelease<'c> {
        self.creates_namespace = true;
        self
    }

    /// Removes everything again if the installation fails, with the namespace if it was created.
    #[must_use]
    pub fn roll_back_on_failure(mut self) -> ChartRelease<'c> {
        self.rolls_back = true;
        self
    }

    /// Installs the release and returns its revision. An installation that was interrupted or failed is resumed.
    ///
    /// # Errors
    /// The release exists, objects belong to another owner, the chart cannot be rendered, the server refuses a request, or
    /// something is not ready in time. Unless it is rolled back, what was created stays, and the next call resumes.
    pub async fn install(&self, client: &Client, progress: Progress<'_>) -> Result<i64, Error> {
        let earlier = history(client, &self.name, &self.namespace).await?;
        if let Some(last) = earlier.last().filter(|_| !never_deployed(&earlier)) {
            return Err(Error::AlreadyInstalled {
                release: self.name.clone(),
                namespace: self.namespace.clone(),
                status: last.status_text().to_owned(),
            });
        }
        let has_namespace =
            client.namespace_state(&self.namespace).await? != NamespaceState::Absent;
        let revision = earlier.last().map_or(1, |last| last.revision() + 1);
        let rendered = self.render(client, revision, false).await?;
        let release = self.rendered_release(&rendered);
        let rollout = Rollout::prepare(client, release, self.options, progress).await?;
        check_owners(&rollout, has_namespace).await?;
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": {"name": self.namespace}},
        });
        let namespace = (self.creates_namespace && !has_namespace).then_some(&namespace);
        let started = rollout.start_install(&earlier, namespace).await?;
        let created_namespace = started.created_namespace();
        let revision = started.revision();
        match finish(started).await {
            Err(cause) if self.rolls_back => {
                let undone = self
                    .roll_back(client, revision, created_namespace, progress)
                    .await;
                Err(Error::RolledBack {
                    cause: Box::new(cause),
                    rollback: undone.err().map(Box::new),
                })
            }
            installed => installed,
        }
    }

    /// Upgrades the release and returns its new revision. An upgrade that was interrupted or failed is resumed.
    ///
    /// # Errors
    /// The release is not installed or is being rolled back, objects belong to another owner, the chart cannot be
    /// rendered, the server refuses a request, or something is not ready in time.
    pub async fn upgrade(&self, client: &Client, progress: Progress<'_>) -> Result<i64, Error> {
        let earlier = history(client, &self.name, &self.namespace).await?;
        let is_installed = |last: &&_| !never_deployed(&earlier) && !is_removed_or_removing(last);
        let Some(last) = earlier.last().filter(is_installed) else {
            return Err(Error::NotInstalled {
                release: self.name.clone(),
                namespace: self.namespace.clone(),
            });
        };
        if last.is(Status::PendingRollback) {
            return Err(Error::PendingRollback {
                release: self.name.clone(),
                namespace: self.namespace.clone(),
            });
        }
        let rendered = self.render(client, last.revision() + 1, true).await?;
        let release = self.rendered_release(&rendered);
        let rollout = Rollout::prepare(client, release, self.options, progress).await?;
        check_owners(&rollout, true).await?;
        finish(rollout.start_upgrade(&earlier).await?).await
    }

    /// Renders the chart for the version of the cluster, the API versions that it serves or will serve with the CRDs of
    /// the chart, and with the objects that templates look up.
    async fn render(
        &self,
        client: &Client,
        revision: i64,
        is_upgrade: bool,
    ) -> Result<Rendered, Error> {
        let crds = self.chart.crds(&self.values)?;
        let version = client.server_version();
        let mut target = Target {
            release: self.name.clone(),
            namespace: self.namespace.clone(),
            revision,
            is_upgrade,
            kube_version: KubeVersion::parse(version)
                .map_err(|reason| Error::ServerVersion { reason })?,
            allow_random: true,
            ..Target::default()
        };
        let render =
            |target: &Target| Ok::<_, Error>(self.chart.render_release(&self.values, target)?);
        let name = &self.chart.metadata.name;
        let RenderedChart { objects, notes } =
            render_for_cluster(client, name, &mut target, &crds, render).await?;
        Ok(Rendered {
            objects,
            notes,
            crds,
        })
    }

    fn rendered_release<'r>(&'r self, rendered: &'r Rendered) -> RenderedRelease<'r> {
        RenderedRelease {
            name: &self.name,
            namespace: &self.namespace,
            chart: self.chart,
            defaults: &self.chart.values,
            config: &self.values,
            objects: &rendered.objects,
            notes: &rendered.notes,
            crds: &rendered.crds,
            labels: &[],
        }
    }

    async fn roll_back(
        &self,
        client: &Client,
        revision: i64,
        created_namespace: bool,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let records = history(client, &self.name, &self.namespace).await?;
        let newest = records.last().map(Record::revision);
        if newest != Some(revision) || !never_deployed(&records) {
            return Err(Error::Resumed {
                release: self.name.clone(),
            });
        }
        let options = RemovalOptions {
            timeout: ROLLBACK_TIMEOUT,
            hooks: self.options.hooks,
            is_namespace_terminating: false,
        };
        let cleanup = uninstall(client, &self.name, &self.namespace, options, progress).await?;
        if created_namespace {
            let namespace = NAMESPACE.at("", &self.namespace);
            delete_objects(client, &[namespace], options.timeout).await?;
        }
        match cleanup {
            Cleanup::Failed(error) => Err(error),
            Cleanup::Done | Cleanup::NamespaceTerminating(_) => Ok(()),
        }
    }
}

/// Removes a release: its objects, its hooks and its records. In a namespace that is being deleted the hooks do not run.
///
/// # Errors
/// The release is not installed, a pre-delete hook failed, the server refuses a request, or objects are not gone in time.
/// The next call resumes.
pub async fn uninstall(
    client: &Client,
    name: &str,
    namespace: &str,
    options: RemovalOptions,
    progress: Progress<'_>,
) -> Result<Cleanup, Error> {
    let records = history(client, name, namespace).await?;
    if since_uninstalled(&records).next().is_none() {
        return Err(Error::NotInstalled {
            release: name.to_owned(),
            namespace: namespace.to_owned(),
        });
    }
    let state = client.namespace_state(namespace).await?;
    let options = RemovalOptions {
        is_namespace_terminating: state == NamespaceState::Terminating,
        ..options
    };
    let cleanup = remove_release(client, &records, options, progress).await?;
    // The newest record goes last: the others alone would describe a release that is deployed.
    for record in &records {
        client.delete(&record.reference()).await?;
    }
    Ok(cleanup)
}

/// Returns whether a release is being removed, or was removed with its history kept.
fn is_removed_or_removing(last: &Record) -> bool {
    last.is(Status::Uninstalling) || last.is(Status::Uninstalled)
}

async fn check_owners(rollout: &Rollout<'_>, has_namespace: bool) -> Result<(), Error> {
    let objects = rollout.conflicts(has_namespace).await?;
    match objects.is_empty() {
        true => Ok(()),
        false => Err(Error::Conflicts { objects }),
    }
}

/// Runs a rollout, and records its result. Returns the revision.
async fn finish(started: StartedRollout<'_>) -> Result<i64, Error> {
    let revision = started.revision();
    match started.run().await {
        Ok(()) => started.finish().await.map(|()| revision),
        Err(error) => {
            started.fail(&error).await;
            Err(error)
        }
    }
}
