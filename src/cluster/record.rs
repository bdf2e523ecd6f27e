//! The record of a release, as helm keeps it: a Secret for each revision.
//!
//! The Secret has the type `helm.sh/release.v1` and holds base64 of gzip of JSON, so that helm lists,
//! upgrades, rolls back and removes what `osm` installed, and the other way round.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::Progress;
use super::apply::Owner;
use super::client::Cluster;
use super::error::ClusterError;
use super::kinds::{Place, SECRET, text};
use super::time;
use super::wait::Images;
use helm_chart::{Chart, Object, read_manifest};

/// The largest record that is unpacked, in bytes: a Secret holds one MiB, packed.
const MAX_RECORD: u64 = 64 << 20;

/// The label of records that were made here.
const MADE_BY: &str = "openservicemesh.io/made-by";
/// How many revisions are kept, as helm does by default.
const HISTORY: usize = 10;

/// What state a release is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was installed or upgraded.
    Deployed,
    /// Another revision took its place.
    Superseded,
    /// Installing or upgrading it failed.
    Failed,
    /// It is being installed, or that was interrupted.
    PendingInstall,
    /// It is being upgraded, or that was interrupted.
    PendingUpgrade,
    /// It is being removed, or that was interrupted.
    Uninstalling,
    /// It was removed, and its history was kept (`helm uninstall --keep-history`).
    Uninstalled,
}

impl Status {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Deployed => "deployed",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
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
    /// Labels of the Secret beside those that every record has.
    labels: Map<String, Value>,
}

impl Record {
    /// A new revision that is about to be made.
    pub fn new(release: &Release<'_>, revision: i64, status: Status) -> Record {
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
            "info": {"first_deployed": now, "last_deployed": now},
            "chart": chart(release.chart, release.defaults),
            "config": release.config,
            "manifest": manifest,
            "hooks": hooks,
            // What helm does to it afterwards, helm does by its own comparison of three versions: the
            // fields that were applied here belong to the field manager of osm.
            "apply_method": "csa",
        });
        // By this a mesh is known whose chart has other values than ours.
        let labels = Map::from_iter([(MADE_BY.to_owned(), Value::from("osm"))]);
        let mut record = Record { content, labels };
        let description = match status {
            Status::PendingUpgrade => "Preparing upgrade",
            _ => "Initial install underway",
        };
        record.set_status(status, description);
        record
    }

    /// Reads a record out of its Secret.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn of_secret(secret: &Value) -> Result<Record, String> {
        let data = text(secret, &["data", "release"]);
        let outer = BASE64.decode(data).map_err(|e| format!("no base64: {e}"))?;
        let packed = BASE64
            .decode(&outer)
            .map_err(|e| format!("no base64 inside: {e}"))?;
        let mut bytes = Vec::new();
        let unpacked = if packed.starts_with(&[0x1f, 0x8b]) {
            let unpacked = GzDecoder::new(packed.as_slice())
                .take(MAX_RECORD)
                .read_to_end(&mut bytes);
            unpacked
                .map(|_| bytes)
                .map_err(|e| format!("no gzip: {e}"))?
        } else {
            packed
        };
        let content: Value =
            serde_json::from_slice(&unpacked).map_err(|e| format!("no JSON: {e}"))?;
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

    /// The Secret that holds the record.
    pub fn to_secret(&self) -> Value {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into memory cannot fail.
        let _ = packer.write_all(self.content.to_string().as_bytes());
        let packed = BASE64.encode(packer.finish().unwrap_or_default());
        let mut labels = self.labels.clone();
        for (key, value) in [
            ("name", self.name().to_owned()),
            ("owner", "helm".to_owned()),
            ("status", self.status().to_owned()),
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
                "name": self.place().name, "namespace": self.namespace(), "labels": labels,
            },
            "data": {"release": BASE64.encode(packed)},
        })
    }

    /// Where the record's Secret is.
    pub fn place(&self) -> Place {
        let name = format!("sh.helm.release.v1.{}.v{}", self.name(), self.revision());
        SECRET.at(self.namespace(), &name)
    }

    /// The release's name.
    pub fn name(&self) -> &str {
        text(&self.content, &["name"])
    }

    /// The release's namespace.
    pub fn namespace(&self) -> &str {
        text(&self.content, &["namespace"])
    }

    /// The revision's number, from 1.
    pub fn revision(&self) -> i64 {
        self.content
            .get("version")
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// The word for its status.
    pub fn status(&self) -> &str {
        text(&self.content, &["info", "status"])
    }

    /// Whether the release has this status.
    pub fn is(&self, status: Status) -> bool {
        self.status() == status.as_str()
    }

    /// What was said of the status.
    pub fn description(&self) -> &str {
        text(&self.content, &["info", "description"])
    }

    /// The chart's name.
    pub fn chart_name(&self) -> &str {
        text(&self.content, &["chart", "metadata", "name"])
    }

    /// The version of what the chart installs.
    pub fn app_version(&self) -> &str {
        text(&self.content, &["chart", "metadata", "appVersion"])
    }

    /// The objects as they were rendered, without the hooks.
    ///
    /// # Errors
    /// A manifest that is damaged.
    pub fn objects(&self) -> Result<Vec<Object>, ClusterError> {
        self.read(text(&self.content, &["manifest"]))
    }

    /// The hooks as they were rendered.
    ///
    /// # Errors
    /// A manifest that is damaged.
    pub fn hooks(&self) -> Result<Vec<Object>, ClusterError> {
        let hooks = self.content.get("hooks").and_then(Value::as_array);
        let mut objects = Vec::new();
        for hook in hooks.into_iter().flatten() {
            objects.extend(self.read(text(hook, &["manifest"]))?);
        }
        Ok(objects)
    }

    fn read(&self, manifest: &str) -> Result<Vec<Object>, ClusterError> {
        let place = self.place().to_string();
        read_manifest(&place, manifest)
            .map_err(|e| ClusterError::State(format!("the record {place} is damaged: {e}")))
    }

    /// Whose the objects are.
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            name: self.name(),
            namespace: self.namespace(),
        }
    }

    /// What was set over the chart's defaults.
    pub fn config(&self) -> Map<String, Value> {
        let config = self.content.get("config").and_then(Value::as_object);
        config.cloned().unwrap_or_default()
    }

    /// The name of the mesh that the values give; that of the release if they give none.
    pub fn mesh_name(&self) -> &str {
        self.mesh_text("meshName").unwrap_or_else(|| self.name())
    }

    /// The namespace of the control plane that the values give; that of the release if they give none.
    pub fn mesh_namespace(&self) -> &str {
        self.mesh_text("osmNamespace")
            .unwrap_or_else(|| self.namespace())
    }

    /// A value of the mesh's own: what was set, else the chart's default; none if it is empty.
    fn mesh_text(&self, key: &str) -> Option<&str> {
        let layers: [&[&str]; 2] = [&["config"], &["chart", "values"]];
        let roots = ["osm", "OpenServiceMesh"];
        let all = layers
            .iter()
            .flat_map(|layer| roots.map(|root| (layer, root)));
        let mut texts =
            all.map(|(layer, root)| text(&self.content, &[layer, &[root, key][..]].concat()));
        texts.find(|text| !text.is_empty())
    }

    /// Whether the release is a mesh: made here, or of a chart with a mesh's values.
    fn is_mesh(&self) -> bool {
        let has_root = |root: &str| {
            let name = format!("/chart/values/{root}/meshName");
            self.content.pointer(&name).is_some()
        };
        self.labels.contains_key(MADE_BY)
            || self.chart_name() == "osm"
            || has_root("osm")
            || has_root("OpenServiceMesh")
    }

    /// Takes over when the release was first installed.
    pub fn keep_first_deployed(&mut self, earlier: &Record) {
        let first = text(&earlier.content, &["info", "first_deployed"]).to_owned();
        if let Some(info) = self.content.get_mut("info").and_then(Value::as_object_mut)
            && !first.is_empty()
        {
            info.insert("first_deployed".into(), first.into());
        }
    }

    /// Gives the release another status, and says why.
    pub fn set_status(&mut self, status: Status, description: &str) {
        if let Some(info) = self.content.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("status".into(), status.as_str().into());
            info.insert("description".into(), description.into());
        }
    }

    /// Stores the record of a new revision.
    ///
    /// # Errors
    /// What the server refuses, or that somebody else does the same right now.
    pub async fn store_new(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        let created = cluster.create(&self.place(), &self.to_secret()).await?;
        created.map(drop).ok_or_else(|| {
            ClusterError::State(format!(
                "somebody else changes the mesh {} right now: its revision {} has just been made",
                self.mesh_name(),
                self.revision()
            ))
        })
    }

    /// Stores what changed in the record, if it is still there.
    ///
    /// # Errors
    /// What the server refuses, or that somebody removed the mesh.
    pub async fn store(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        let stored = cluster.merge(&self.place(), &self.to_secret()).await;
        match stored {
            Err(error) if error.code() == Some(404) => Err(ClusterError::State(format!(
                "somebody else removed the mesh {} in the meantime: its record {} is gone; \
                 {} installs it again",
                self.mesh_name(),
                self.place(),
                self.owner().command("osm install")
            ))),
            stored => stored.map(drop),
        }
    }
}

/// What a record is made of.
pub struct Release<'r> {
    /// Its name: that of the mesh, unless somebody else installed it under another one.
    pub name: &'r str,
    /// The namespace it goes to.
    pub namespace: &'r str,
    /// The chart.
    pub chart: &'r Chart,
    /// The chart's values with the compiled-in pins in them.
    pub defaults: &'r Map<String, Value>,
    /// What the user set.
    pub config: &'r Map<String, Value>,
    /// What was rendered.
    pub objects: &'r [Object],
    /// What the chart brings under `crds/`, if it is to be there first; in no record. Their kinds are made known with
    /// [`super::expect_crds`].
    pub crds: &'r [Object],
    /// What is known of its images, for messages.
    pub images: Images<'r>,
}

impl<'r> Release<'r> {
    /// Whose the objects are.
    pub fn owner(&self) -> Owner<'r> {
        Owner {
            name: self.name,
            namespace: self.namespace,
        }
    }
}

/// All records of the release that is a mesh, the newest last: of the release of its name, or of the
/// one whose values name it. None if there is no such mesh.
///
/// # Errors
/// A record that cannot be read, and what the server refuses.
pub async fn of_mesh(cluster: &Cluster, mesh: Owner<'_>) -> Result<Vec<Record>, ClusterError> {
    let (secrets, _) = cluster.list(&SECRET, mesh.namespace, "owner=helm").await?;
    let (mut records, mut damaged) = (Vec::new(), Vec::new());
    for secret in &secrets {
        match Record::of_secret(secret) {
            // A copy, of another namespace or under another name, is the record of nothing.
            Ok(record) if record.place() != place_of(secret) => {}
            Ok(record) => records.push(record),
            Err(why) => damaged.push((secret, why)),
        }
    }
    records.sort_by_key(Record::revision);
    let is_named = records.iter().any(|r| r.name() == mesh.name);
    let meant = records.iter().rev().find(|r| r.mesh_name() == mesh.name);
    let release = match meant {
        Some(meant) if !is_named => meant.name().to_owned(),
        _ => mesh.name.to_owned(),
    };
    let of_release = |secret: &Value| text(secret, &["metadata", "labels", "name"]) == release;
    if let Some((secret, why)) = damaged.iter().find(|(secret, _)| of_release(secret)) {
        let place = place_of(secret);
        return Err(ClusterError::State(format!(
            "the record of the mesh {}, {place}, is damaged, so what belongs to it is not known: {why}\n\
             restore that Secret; without it the mesh can be installed anew once its objects are removed",
            mesh.name
        )));
    }
    records.retain(|record| record.name() == release);
    match records.last() {
        Some(last) if !last.is_mesh() => Err(ClusterError::State(format!(
            "the release {release} in namespace {} is no mesh: its chart is {}; \
             give the name of a mesh with --mesh-name",
            mesh.namespace,
            last.chart_name()
        ))),
        _ => Ok(records),
    }
}

fn place_of(secret: &Value) -> Place {
    let metadata = |key: &str| text(secret, &["metadata", key]);
    SECRET.at(metadata("namespace"), metadata("name"))
}

/// The records since the mesh was last removed with its history kept; all, if it never was.
pub fn since_removed(records: &[Record]) -> impl Iterator<Item = &Record> {
    let current = records.iter().rev();
    current.take_while(|record| !record.is(Status::Uninstalled))
}

/// Whether what these are the records of was not once installed to the end.
pub fn never_worked(records: &[Record]) -> bool {
    since_removed(records).all(|r| r.is(Status::PendingInstall) || r.is(Status::Failed))
}

/// Removes the oldest of a release's earlier records, if with its new one there are more than are kept.
///
/// That is for when the new one works: until then, any of them may be the only one to know an object.
pub async fn prune(cluster: &Cluster, earlier: &[Record], progress: Progress<'_>) {
    let excess = (earlier.len() + 1).saturating_sub(HISTORY);
    for record in earlier.iter().take(excess) {
        if let Err(error) = cluster.delete(&record.place()).await {
            // The mesh is what it was to be, and the next time is as good.
            progress(&format!("an old record stays: {}", error.headline()));
            return;
        }
    }
}

/// What may be in the cluster of a release: the objects of its last revision that worked, and of
/// those that were tried since. An object is there once for each revision that has it, the newest last.
///
/// # Errors
/// A record that is damaged, and what the server refuses.
pub async fn placed(
    cluster: &Cluster,
    records: &[Record],
) -> Result<Vec<(Place, Object)>, ClusterError> {
    let worked = records.iter().rposition(|r| r.is(Status::Deployed));
    let mut placed = Vec::new();
    for record in records.iter().skip(worked.unwrap_or_default()) {
        for object in record.objects()? {
            let place = cluster.known_place_of(&object.value, record.namespace());
            if let Some(place) = place.await? {
                placed.push((place, object));
            }
        }
    }
    Ok(placed)
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
        "schema": chart.schema.as_ref().map(|schema| BASE64.encode(schema.text())),
        "files": files.map(|(n, b)| file((n, b))).collect::<Vec<_>>(),
    })
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
        let release = Release {
            name: "osm",
            namespace: "ns",
            chart: &chart,
            defaults: &config,
            config: &config,
            objects: &[],
            crds: &[],
            images: &|_| None,
        };
        Record::new(&release, 3, Status::PendingInstall)
    }

    #[test]
    fn a_record_reads_back_from_its_secret() {
        let mut record = record();
        record.set_status(Status::Deployed, "Install complete");
        let secret = record.to_secret();
        let back = Record::of_secret(&secret).unwrap();
        assert_eq!(back.content, record.content);
        assert_eq!(
            text(&secret, &["metadata", "name"]),
            "sh.helm.release.v1.osm.v3"
        );
        assert_eq!(text(&secret, &["metadata", "labels", "status"]), "deployed");
        assert!(back.is(Status::Deployed));
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let mut secret = record().to_secret();
        for damaged in ["", "!", "AAAA", "e30="] {
            secret["data"]["release"] = Value::from(damaged);
            assert!(Record::of_secret(&secret).is_err(), "{damaged:?}");
        }
    }
}
