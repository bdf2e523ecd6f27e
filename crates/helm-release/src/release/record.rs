//! The record of a revision, as Helm keeps it: a Secret of the type `helm.sh/release.v1`.
//!
//! Helm lists, upgrades, rolls back and removes what is installed here, and the other way round.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use helm_chart::{Chart, Object, read_manifest};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::codec;
use super::error::ReleaseError;
use super::ownership::Owner;
use crate::client::resource::SECRET;
use crate::client::{Client, ObjectRef};
use crate::fields::text;
use crate::time;

/// The pause before a record is stored again.
const PAUSE: Duration = Duration::from_secs(1);

/// The status of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was installed or upgraded.
    Deployed,
    /// A later revision replaced it.
    Superseded,
    /// Installing or upgrading it failed.
    Failed,
    /// It is being installed, or the installation was interrupted.
    PendingInstall,
    /// It is being upgraded to, or the upgrade was interrupted.
    PendingUpgrade,
    /// It is being rolled back to, or the rollback was interrupted. Only Helm rolls back.
    PendingRollback,
    /// It is being removed, or the removal was interrupted.
    Uninstalling,
    /// It was removed, and its history was kept, as Helm does on request.
    Uninstalled,
}

impl Status {
    /// Every status.
    const ALL: [Status; 8] = [
        Status::Deployed,
        Status::Superseded,
        Status::Failed,
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::PendingRollback,
        Status::Uninstalling,
        Status::Uninstalled,
    ];

    /// Returns the word in the record.
    fn as_str(self) -> &'static str {
        match self {
            Status::Deployed => "deployed",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
            Status::Uninstalling => "uninstalling",
            Status::Uninstalled => "uninstalled",
        }
    }
}

/// A revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The JSON that helm keeps.
    content: Value,
    /// Labels of the Secret besides those that every record has.
    labels: Map<String, Value>,
}

impl Record {
    /// Starts the record of a new revision.
    pub(crate) fn new(release: &RenderedRelease<'_>, revision: i64, status: Status) -> Record {
        let now = time::now();
        let hooks: Vec<Value> = release
            .objects
            .iter()
            .filter(|o| o.is_hook())
            .map(hook)
            .collect();
        let manifest: String = release
            .objects
            .iter()
            .filter(|o| !o.is_hook())
            .map(|o| format!("---\n# Source: {}\n{}\n", o.source, o.manifest))
            .collect();
        let content = json!({
            "name": release.name,
            "namespace": release.namespace,
            "version": revision,
            "info": info(&now, release.notes),
            "chart": chart(release.chart, release.defaults),
            "config": release.config,
            "manifest": manifest,
            "hooks": hooks,
            // Helm is to compare three versions of an object when it changes the release: the applied fields
            // belong to another field manager than Helm's.
            "apply_method": "csa",
        });
        let labels = release.labels.iter();
        let labels = labels.map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
        let labels = labels.collect();
        let mut record = Record { content, labels };
        let description = match status {
            Status::PendingUpgrade => "Preparing upgrade",
            _ => "Initial install underway",
        };
        record.set_status(status, description);
        record
    }

    /// Reads a record from its Secret.
    ///
    /// # Errors
    /// Describes what is wrong with it.
    pub(super) fn from_secret(secret: &Value) -> Result<Record, String> {
        let content = codec::decode(text(secret, &["data", "release"]))?;
        if text(&content, &["name"]).is_empty() {
            return Err("it names no release".to_owned());
        }
        let labels = secret
            .pointer("/metadata/labels")
            .and_then(Value::as_object);
        Ok(Record {
            content,
            labels: labels.cloned().unwrap_or_default(),
        })
    }

    /// Returns the Secret that holds the record.
    pub(super) fn to_secret(&self) -> Value {
        let mut labels = self.labels.clone();
        for (key, value) in [
            ("name", self.name().to_owned()),
            ("owner", "helm".to_owned()),
            ("status", self.status_text().to_owned()),
            ("version", self.revision().to_string()),
            ("modifiedAt", time::unix_seconds().to_string()),
        ] {
            labels.insert(key.to_owned(), Value::from(value));
        }
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {
                "name": self.reference().name, "namespace": self.namespace(), "labels": labels,
            },
            "data": {"release": codec::encode(&self.content)},
        })
    }

    /// Refers to the Secret of the record.
    pub fn reference(&self) -> ObjectRef {
        let name = format!("sh.helm.release.v1.{}.v{}", self.name(), self.revision());
        SECRET.at(self.namespace(), &name)
    }

    /// Returns the name of the release.
    pub fn name(&self) -> &str {
        text(&self.content, &["name"])
    }

    /// Returns the namespace of the release.
    pub fn namespace(&self) -> &str {
        text(&self.content, &["namespace"])
    }

    /// Returns the number of the revision, from 1.
    pub fn revision(&self) -> i64 {
        self.content
            .get("version")
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// Returns the status as a record has it, which may be one that is unknown to [`Status`].
    pub fn status_text(&self) -> &str {
        text(&self.content, &["info", "status"])
    }

    /// Returns the status; `None` for one that only other tools know.
    pub fn status(&self) -> Option<Status> {
        Status::ALL.into_iter().find(|status| self.is(*status))
    }

    /// Returns whether the revision has this status.
    pub fn is(&self, status: Status) -> bool {
        self.status_text() == status.as_str()
    }

    /// Returns the description of the status.
    pub(super) fn description(&self) -> &str {
        text(&self.content, &["info", "description"])
    }

    /// Returns the name of the chart.
    pub fn chart_name(&self) -> &str {
        text(&self.content, &["chart", "metadata", "name"])
    }

    /// Returns the version of what the chart installs.
    pub fn app_version(&self) -> &str {
        text(&self.content, &["chart", "metadata", "appVersion"])
    }

    /// Reads the objects as they were rendered, without the hooks.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn objects(&self) -> Result<Vec<Object>, ReleaseError> {
        self.read(text(&self.content, &["manifest"]))
    }

    /// Reads the hooks as they were rendered.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn hooks(&self) -> Result<Vec<Object>, ReleaseError> {
        let hooks = self.content.get("hooks").and_then(Value::as_array);
        let mut objects = Vec::new();
        for hook in hooks.into_iter().flatten() {
            objects.extend(self.read(text(hook, &["manifest"]))?);
        }
        Ok(objects)
    }

    fn read(&self, manifest: &str) -> Result<Vec<Object>, ReleaseError> {
        let record = self.reference();
        read_manifest(&record.to_string(), manifest).map_err(|e| ReleaseError::Damaged {
            record: Box::new(record),
            reason: e.to_string(),
        })
    }

    /// Returns the owner of the objects.
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            name: self.name(),
            namespace: self.namespace(),
        }
    }

    /// Returns the values that were set over the defaults of the chart.
    pub fn config(&self) -> Map<String, Value> {
        let config = self.content.get("config").and_then(Value::as_object);
        config.cloned().unwrap_or_default()
    }

    /// Returns the first string at one of these paths of the values: of those that were set, else of the defaults of
    /// the chart. Empty strings count as missing.
    pub fn value(&self, paths: &[&[&str]]) -> Option<&str> {
        let layers: [&[&str]; 2] = [&["config"], &["chart", "values"]];
        let mut found = layers.iter().flat_map(|layer| {
            let found = paths.iter().map(move |path| [layer, *path].concat());
            found.map(|keys| text(&self.content, &keys))
        });
        found.find(|text| !text.is_empty())
    }

    /// Returns whether the defaults of the chart have a value at a path.
    pub fn has_default(&self, path: &[&str]) -> bool {
        let values = self.content.pointer("/chart/values");
        let found = values.and_then(|values| path.iter().try_fold(values, |v, key| v.get(key)));
        found.is_some()
    }

    /// Returns whether the record has a label with this key.
    pub fn has_label(&self, key: &str) -> bool {
        self.labels.contains_key(key)
    }

    /// Returns the notes of the chart, which are empty if it has none.
    pub fn notes(&self) -> &str {
        text(&self.content, &["info", "notes"])
    }

    /// Keeps the time at which the release was first installed.
    pub(crate) fn keep_first_deployed(&mut self, earlier: &Record) {
        let first = text(&earlier.content, &["info", "first_deployed"]).to_owned();
        if let Some(info) = self.content.get_mut("info").and_then(Value::as_object_mut)
            && !first.is_empty()
        {
            info.insert("first_deployed".into(), first.into());
        }
    }

    /// Sets the status and its description.
    pub(crate) fn set_status(&mut self, status: Status, description: &str) {
        if let Some(info) = self.content.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("status".into(), status.as_str().into());
            info.insert("description".into(), description.into());
        }
    }

    /// Stores the record of a new revision.
    ///
    /// # Errors
    /// Another process has created the same revision, or the server refuses the request.
    pub(crate) async fn store_new(&self, client: &Client) -> Result<(), ReleaseError> {
        let created = client.create(&self.reference(), &self.to_secret()).await?;
        created
            .map(drop)
            .ok_or_else(|| ReleaseError::ConcurrentChange {
                release: self.name().to_owned(),
                revision: self.revision(),
            })
    }

    /// Stores changes of a record that still exists.
    ///
    /// # Errors
    /// The record is gone, or the server refuses the request.
    pub(crate) async fn store(&self, client: &Client) -> Result<(), ReleaseError> {
        let stored = client.merge(&self.reference(), &self.to_secret()).await;
        match stored {
            Err(error) if error.code() == Some(404) => Err(ReleaseError::RecordGone {
                release: self.name().to_owned(),
                record: Box::new(self.reference()),
            }),
            stored => Ok(stored.map(drop)?),
        }
    }

    /// Stores changes of a record that still exists, and repeats that after errors that may pass, until `end`. Each such
    /// error is given to `on_retry`.
    ///
    /// # Errors
    /// The record is gone, the server refuses the request, or the time is over.
    pub(crate) async fn store_until(
        &self,
        client: &Client,
        end: Instant,
        on_retry: &dyn Fn(&ReleaseError),
    ) -> Result<(), ReleaseError> {
        loop {
            let error = match self.store(client).await {
                Err(error) if error.may_pass() && Instant::now() < end => error,
                stored => return stored,
            };
            on_retry(&error);
            tokio::time::sleep(PAUSE).await;
            // Perhaps only the answers were lost.
            if self.is_stored(client).await {
                return Ok(());
            }
        }
    }

    /// Returns whether the cluster has this record with this content.
    async fn is_stored(&self, client: &Client) -> bool {
        let Ok(Some(secret)) = client.get(&self.reference()).await else {
            return false;
        };
        Record::from_secret(&secret).is_ok_and(|stored| stored.content == self.content)
    }
}

/// A release that is rendered and ready to be installed.
#[derive(Debug, Clone, Copy)]
pub struct RenderedRelease<'r> {
    /// The name of the release.
    pub name: &'r str,
    /// The namespace of the release.
    pub namespace: &'r str,
    /// The chart.
    pub chart: &'r Chart,
    /// The default values, which the record keeps with the chart.
    pub defaults: &'r Map<String, Value>,
    /// The values that were set over the defaults.
    pub config: &'r Map<String, Value>,
    /// The rendered objects, with the hooks.
    pub objects: &'r [Object],
    /// The rendered notes of the chart (`NOTES.txt`); empty if it has none.
    pub notes: &'r str,
    /// The objects under `crds/` of the chart, unless they are skipped. They are created before everything else and are
    /// not in the record. [`crate::rollout::expect_crds`] makes their kinds known.
    pub crds: &'r [Object],
    /// Labels for the record, besides those that Helm sets.
    pub labels: &'r [(&'r str, &'r str)],
}

impl<'r> RenderedRelease<'r> {
    /// Returns the owner of the objects.
    pub fn owner(&self) -> Owner<'r> {
        Owner {
            name: self.name,
            namespace: self.namespace,
        }
    }
}

fn chart(chart: &Chart, defaults: &Map<String, Value>) -> Value {
    let file = |(name, data): (&str, &[u8])| json!({"name": name, "data": BASE64.encode(data)});
    let templates = chart.templates.iter();
    let files = chart.files.iter();
    let mut metadata = chart.metadata.fields.clone();
    metadata.insert("name".into(), chart.metadata.name.as_str().into());
    metadata.insert("version".into(), chart.metadata.version.as_str().into());
    metadata.insert(
        "appVersion".into(),
        chart.metadata.app_version.as_str().into(),
    );
    json!({
        "metadata": metadata,
        "lock": null,
        "templates": templates.map(|(n, t)| file((n, t.as_bytes()))).collect::<Vec<_>>(),
        "values": defaults,
        "schema": chart.schema.as_ref().map(|schema| BASE64.encode(schema.text().as_bytes())),
        "files": files.map(|(n, b)| file((n, b))).collect::<Vec<_>>(),
    })
}

/// The times and the notes of a new revision. As in Helm, notes that are empty are left out.
fn info(now: &str, notes: &str) -> Value {
    let mut info = json!({"first_deployed": now, "last_deployed": now});
    if let Some(info) = info.as_object_mut().filter(|_| !notes.is_empty()) {
        info.insert("notes".into(), notes.into());
    }
    info
}

fn hook(object: &Object) -> Value {
    let annotation = |name: &str| {
        let annotations = object.value.pointer("/metadata/annotations");
        let found = annotations
            .and_then(|a| a.get(name))
            .and_then(Value::as_str);
        let parts = found.into_iter().flat_map(|text| text.split(','));
        parts.map(|part| part.trim().to_owned()).collect::<Vec<_>>()
    };
    json!({
        "name": object.name(),
        "kind": object.kind(),
        "path": object.source,
        "manifest": object.manifest,
        "events": object.hooks,
        "weight": object.hook_weight,
        "delete_policies": annotation("helm.sh/hook-delete-policy"),
        "last_run": {"phase": ""},
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record() -> Record {
        let chart = Chart::default();
        let config = Map::new();
        let release = RenderedRelease {
            name: "web",
            namespace: "ns",
            chart: &chart,
            defaults: &config,
            config: &config,
            objects: &[],
            notes: "Open http://web.example\n",
            crds: &[],
            labels: &[("made-by", "tests")],
        };
        Record::new(&release, 3, Status::PendingInstall)
    }

    #[test]
    fn a_record_is_read_back_from_its_secret() {
        let mut record = record();
        record.set_status(Status::Deployed, "Install complete");
        let secret = record.to_secret();
        let back = Record::from_secret(&secret).unwrap();
        assert_eq!(back.content, record.content);
        assert_eq!(
            text(&secret, &["metadata", "name"]),
            "sh.helm.release.v1.web.v3"
        );
        assert_eq!(text(&secret, &["metadata", "labels", "status"]), "deployed");
        assert_eq!(back.status(), Some(Status::Deployed));
        assert_eq!(back.notes(), "Open http://web.example\n");
        record.content["info"]["status"] = Value::from("unknown");
        assert_eq!(record.status(), None);
        for status in Status::ALL {
            record.set_status(status, "");
            assert_eq!(record.status(), Some(status));
        }
    }

    #[test]
    fn floats_of_a_record_are_read_back_to_the_last_digit() {
        let mut record = record();
        record.content["config"] =
            json!({"a": 1.0 / 3.0 * 1e-9, "b": 123_456_789_012_345_680_000.0});
        let back = Record::from_secret(&record.to_secret()).unwrap();
        assert_eq!(back.content, record.content);
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let mut secret = record().to_secret();
        for damaged in ["", "!", "AAAA", "e30="] {
            secret["data"]["release"] = Value::from(damaged);
            assert!(Record::from_secret(&secret).is_err(), "{damaged:?}");
        }
    }
}
