//! Whether a control plane is healthy, and whether what runs is what was installed.

use std::collections::BTreeMap;

use image_pins::{Digest, Reference};
use serde_json::Value;

use crate::images::{COMPONENTS, Pins};
use helm_chart::Object;
use helm_chart::values::lookup;
use helm_release::client::Cluster;
use helm_release::client::error::ClusterError;
use helm_release::client::resource::{
    ApiResource, ENDPOINT_SLICE, MUTATING_WEBHOOKS, ObjectRef, POD, VALIDATING_WEBHOOKS, selector,
    text,
};
use helm_release::release::record::Record;
use helm_release::wait::is_ready;
use helm_release::wait::pod_problem::find_problem;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What: `Deployment osm-system/osm-controller`.
    pub what: String,
    /// Whether it is as it has to be.
    pub holds: bool,
    /// What was found.
    pub found: String,
}

/// Looks at everything of a mesh: workloads, endpoints, webhooks, images.
///
/// # Errors
/// What cannot be read.
pub async fn verify(cluster: &Cluster, record: &Record) -> Result<Vec<Check>, ClusterError> {
    let mut checks = vec![Check {
        what: format!("release {}", record.name()),
        holds: record.status() == "deployed",
        found: format!("{}, revision {}", record.status(), record.revision()),
    }];
    for object in &record.objects()? {
        let is_workload = matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet");
        let is_service =
            object.kind() == "Service" && object.value.pointer("/spec/selector").is_some();
        if !is_workload && !is_service {
            continue;
        }
        let reference = cluster.resolve(&object.value, record.namespace()).await?;
        if is_workload {
            workload(cluster, record, object, &reference, &mut checks).await?;
        } else {
            checks.push(endpoints(cluster, &reference).await?);
        }
    }
    for (kind, app) in [
        (MUTATING_WEBHOOKS, "osm-injector"),
        (VALIDATING_WEBHOOKS, "osm-controller"),
    ] {
        checks.push(webhook(cluster, record, &kind, app).await?);
    }
    Ok(checks)
}

async fn workload(
    cluster: &Cluster,
    record: &Record,
    object: &Object,
    reference: &ObjectRef,
    checks: &mut Vec<Check>,
) -> Result<(), ClusterError> {
    let Some(live) = cluster.get(reference).await? else {
        checks.push(Check {
            what: reference.to_string(),
            holds: false,
            found: "is not there".to_owned(),
        });
        return Ok(());
    };
    let labels = selector(&object.value);
    let pods = match labels.is_empty() {
        true => Vec::new(),
        false => cluster.list(&POD, &reference.namespace, &labels).await?.0,
    };
    let holds = is_ready(&reference.resource.kind, &live);
    let found = match pods.iter().find_map(find_problem) {
        Some(problem) if !holds => problem.to_string().replace("\n    ", "; "),
        _ if holds => "available".to_owned(),
        _ => "not available".to_owned(),
    };
    checks.push(Check {
        what: reference.to_string(),
        holds,
        found,
    });
    variables(object, &live, reference, checks);
    for pod in &pods {
        if text(pod, &["metadata", "deletionTimestamp"]).is_empty() {
            images(record, &object.value, pod, checks);
        }
    }
    Ok(())
}

/// Compares the images that a workload hands on by its environment, such as that of the sidecar, with the record.
fn variables(recorded: &Object, live: &Value, reference: &ObjectRef, checks: &mut Vec<Check>) {
    let template = "/spec/template/spec";
    let wanted = image_variables(recorded.value.pointer(template));
    let found = image_variables(live.pointer(template));
    for (name, image) in wanted {
        let is = found.get(&name).map_or("nothing", String::as_str);
        checks.push(Check {
            what: format!("{} {name}", reference.name),
            holds: is == image,
            found: match is == image {
                true => image,
                false => format!("is {is}, the release has {image}"),
            },
        });
    }
}

/// The environment variables of all containers that name images, by `container, variable`.
fn image_variables(spec: Option<&Value>) -> BTreeMap<String, String> {
    let lists = ["initContainers", "containers"];
    let containers = lists.iter().filter_map(|list| spec?.get(list)?.as_array());
    let mut variables = BTreeMap::new();
    for container in containers.flatten() {
        let env = container.get("env").and_then(Value::as_array);
        for variable in env.into_iter().flatten() {
            let (name, value) = (text(variable, &["name"]), text(variable, &["value"]));
            if name.ends_with("_IMAGE") && !value.is_empty() {
                let key = format!("container {}, {name}", text(container, &["name"]));
                variables.insert(key, value.to_owned());
            }
        }
    }
    variables
}

/// Compares what each container runs with the record, and with the pins of this binary.
fn images(record: &Record, workload: &Value, pod: &Value, checks: &mut Vec<Check>) {
    let recorded = containers(workload.pointer("/spec/template/spec"), "image");
    let wanted = containers(pod.get("spec"), "image");
    let statuses = containers(pod.get("status"), "imageID");
    for (name, image) in &wanted {
        // Other controllers may add containers of their own.
        let Some(of_record) = recorded.get(name) else {
            continue;
        };
        let what = format!("Pod {}, container {name}", text(pod, &["metadata", "name"]));
        let id = statuses.get(name).map(String::as_str).unwrap_or_default();
        let (holds, found) = judge(record, of_record, image, id);
        checks.push(Check { what, holds, found });
    }
}

/// The texts at a key of all containers, by the containers' names.
fn containers(spec: Option<&Value>, key: &str) -> BTreeMap<String, String> {
    let lists = [
        "initContainers",
        "containers",
        "initContainerStatuses",
        "containerStatuses",
    ];
    let found = lists.iter().filter_map(|list| spec?.get(list)?.as_array());
    found
        .flatten()
        .map(|container| {
            let name = text(container, &["name"]).to_owned();
            (name, text(container, &[key]).to_owned())
        })
        .collect()
}

/// Whether a container runs what it should, and what is to be said of it.
fn judge(record: &Record, of_record: &str, image: &str, id: &str) -> (bool, String) {
    if image != of_record {
        return (
            false,
            format!("has the image {image}, the release has {of_record}"),
        );
    }
    let Ok(reference) = image.parse::<Reference>() else {
        return (false, format!("{image} is no image"));
    };
    let running = id.rsplit_once('@').map_or(id, |(_, digest)| digest);
    let running = running.parse::<Digest>().ok();
    let pin = pin_of(record, &reference);
    match (reference.digest(), running, pin) {
        (_, None, _) => (false, format!("{image} does not run")),
        (Some(digest), _, Some(pin)) if *digest != pin && !is_chosen(record) => (
            false,
            format!("{image} is not the pin of this binary, {pin}"),
        ),
        (Some(digest), Some(running), _) if *digest == running => (true, image.to_owned()),
        // A digest is what was asked for; a runtime may name the manifest of its platform instead.
        (Some(_), Some(running), _) => (
            true,
            format!(
                "{image}, reported as {running}: by its digest nothing else is pulled, and runtimes \
                 name the index or the manifest of their platform"
            ),
        ),
        (None, Some(running), Some(pin)) if running == pin => (
            true,
            format!("{image} is not pinned, and runs {running}, the pin of this binary"),
        ),
        (None, Some(running), Some(pin)) => (
            false,
            format!("{image} is not pinned, and runs {running}; the pin of this binary is {pin}"),
        ),
        (None, Some(running), None) => (true, format!("{image} is not pinned, and runs {running}")),
    }
}

/// The digest that is compiled in for an image of the version that the record has.
fn pin_of(record: &Record, reference: &Reference) -> Option<Digest> {
    let Ok(Pins::Release(release)) = Pins::of_release(record.app_version()) else {
        return None;
    };
    let component = COMPONENTS
        .iter()
        .find(|c| c.name == reference.file_name())?;
    let image = release
        .images
        .iter()
        .find(|image| image.component == component.name)?;
    Some(image.digest)
}

/// Whether the user chose images, so that other ones than the pins are meant.
fn is_chosen(record: &Record) -> bool {
    lookup(&record.config(), "osm.image.digest").is_some()
}

async fn endpoints(cluster: &Cluster, service: &ObjectRef) -> Result<Check, ClusterError> {
    let labels = format!("kubernetes.io/service-name={}", service.name);
    let (slices, _) = cluster
        .list(&ENDPOINT_SLICE, &service.namespace, &labels)
        .await?;
    let ready = slices
        .iter()
        .filter_map(|slice| slice.get("endpoints")?.as_array())
        .flatten()
        .filter(|e| e.pointer("/conditions/ready") == Some(&Value::Bool(true)))
        .count();
    Ok(Check {
        what: service.to_string(),
        holds: ready > 0,
        found: match ready {
            0 => "no ready endpoint".to_owned(),
            1 => "1 ready endpoint".to_owned(),
            n => format!("{n} ready endpoints"),
        },
    })
}

async fn webhook(
    cluster: &Cluster,
    record: &Record,
    kind: &ApiResource,
    app: &str,
) -> Result<Check, ClusterError> {
    let labels = format!(
        "app.kubernetes.io/instance={},app={app}",
        record.mesh_name()
    );
    let (found, _) = cluster.list(kind, "", &labels).await?;
    let bundles: Vec<&str> = found
        .iter()
        .filter_map(|configuration| configuration.get("webhooks")?.as_array())
        .flatten()
        .map(|webhook| text(webhook, &["clientConfig", "caBundle"]))
        .collect();
    let (holds, said) = match (bundles.is_empty(), bundles.iter().any(|b| b.is_empty())) {
        (true, _) => (
            false,
            format!("is not there; {app} makes it when it starts"),
        ),
        (false, true) => (false, "has no certificate authority".to_owned()),
        (false, false) => (true, format!("{} webhooks", bundles.len())),
    };
    Ok(Check {
        what: format!("{} of {app}", kind.kind),
        holds,
        found: said,
    })
}
