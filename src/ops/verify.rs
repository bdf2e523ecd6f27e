//! Verifies that a control plane is healthy and runs the images that were installed.

use std::collections::BTreeMap;

use helm_chart::Object;
use helm_release::client::resource::{ENDPOINT_SLICE, MUTATING_WEBHOOKS, POD, VALIDATING_WEBHOOKS};
use helm_release::client::{ApiResource, Client, ObjectRef};
use helm_release::fields::{is_terminating, selector, text};
use helm_release::release::{Record, Status};
use helm_release::wait::{PodProblem, find_problem, is_ready};
use image_pins::{Digest, Reference};
use serde_json::Value;

use super::error::Error;
use super::history::mesh_name;
use super::mesh_config::{MeshConfig, OverridingImage, overriding_images, read_mesh_config};
use crate::mesh::images::{COMPONENTS, Pins};
use crate::mesh::mesh_config::configured_images;
use crate::mesh::values::{Root, ValuePath};

/// A check and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked: `Deployment osm-system/osm-controller`.
    pub what: String,
    /// Whether it passed.
    pub holds: bool,
    /// What was found.
    pub found: String,
    /// The problem of a Pod that keeps the workload from being available.
    pub problem: Option<PodProblem>,
}

/// Checks everything of a mesh: workloads, endpoints, webhooks, images, also those that its `MeshConfig` sets.
///
/// # Errors
/// The record is damaged, or the server refuses a request.
pub async fn verify(client: &Client, record: &Record) -> Result<Vec<Check>, Error> {
    let mut checks = vec![Check {
        what: format!("release {}", record.name()),
        holds: record.is(Status::Deployed),
        found: format!("{}, revision {}", record.status_text(), record.revision()),
        problem: None,
    }];
    for object in &record.objects()? {
        let is_workload = matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet");
        let is_service =
            object.kind() == "Service" && object.value.pointer("/spec/selector").is_some();
        if !is_workload && !is_service {
            continue;
        }
        let reference = client.resolve(&object.value, record.namespace()).await?;
        if is_workload {
            workload(client, record, object, &reference, &mut checks).await?;
        } else {
            checks.push(endpoints(client, &reference).await?);
        }
    }
    for (kind, app) in [
        (MUTATING_WEBHOOKS, "osm-injector"),
        (VALIDATING_WEBHOOKS, "osm-controller"),
    ] {
        checks.push(webhook(client, record, &kind, app).await?);
    }
    mesh_config(client, record, &mut checks).await?;
    Ok(checks)
}

/// Compares the images that a `MeshConfig` sets with those of the release.
async fn mesh_config(
    client: &Client,
    record: &Record,
    checks: &mut Vec<Check>,
) -> Result<(), Error> {
    let MeshConfig { reference, spec } = match read_mesh_config(client, record).await {
        Ok(Some(config)) => config,
        Ok(None) => return Ok(()),
        // This user may not read it, but may check everything else.
        Err(error) if error.code() == Some(403) => {
            checks.push(Check {
                what: "MeshConfig".to_owned(),
                holds: false,
                found: error.to_string(),
                problem: None,
            });
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let mut of_release = BTreeMap::new();
    for object in &record.objects()? {
        of_release.extend(image_variables(object.value.pointer("/spec/template/spec")));
    }
    let variable_of = |variable: &str| {
        let ending = format!(", {variable}");
        let mut variables = of_release.iter();
        let found = variables.find(|(name, _)| name.ends_with(&ending))?;
        Some(found.1.clone())
    };
    let overriding = overriding_images(&spec, variable_of);
    for image in configured_images(&spec) {
        let differs = overriding.iter().find(|other| other.field == image.field);
        let (holds, found) = match differs {
            None => (true, image.reference.to_owned()),
            Some(OverridingImage {
                of_release: Some(of_release),
                ..
            }) => (
                false,
                format!(
                    "is {}, which overrides {of_release} of the release",
                    image.reference
                ),
            ),
            Some(other) if other.is_pinned => (true, image.reference.to_owned()),
            Some(_) => (
                false,
                format!("is {}, which is not pinned", image.reference),
            ),
        };
        checks.push(Check {
            what: format!("{reference} spec.sidecar.{}", image.field),
            holds,
            found,
            problem: None,
        });
    }
    Ok(())
}

async fn workload(
    client: &Client,
    record: &Record,
    object: &Object,
    reference: &ObjectRef,
    checks: &mut Vec<Check>,
) -> Result<(), Error> {
    let Some(live) = client.get(reference).await? else {
        checks.push(Check {
            what: reference.to_string(),
            holds: false,
            found: "not found".to_owned(),
            problem: None,
        });
        return Ok(());
    };
    let labels = selector(&object.value);
    let pods = match labels.is_empty() {
        true => Vec::new(),
        false => client.list(&POD, &reference.namespace, &labels).await?,
    };
    let holds = is_ready(&reference.resource.kind, &live);
    let problem = match holds {
        true => None,
        false => pods.iter().find_map(find_problem),
    };
    let found = match &problem {
        Some(problem) => problem.to_string(),
        None if holds => "available".to_owned(),
        None => "not available".to_owned(),
    };
    checks.push(Check {
        what: reference.to_string(),
        holds,
        found,
        problem,
    });
    variables(object, &live, reference, checks);
    for pod in &pods {
        if !is_terminating(pod) {
            images(record, &object.value, pod, checks);
        }
    }
    Ok(())
}

/// Compares the images that a workload gets by its environment, such as that of the sidecar, with the record.
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
            problem: None,
        });
    }
}

/// Returns the environment variables of all containers that name images, by `container, variable`.
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

/// Compares what each container runs with the record and with the pins of this binary.
fn images(record: &Record, workload: &Value, pod: &Value, checks: &mut Vec<Check>) {
    let recorded = containers(workload.pointer("/spec/template/spec"), "image");
    let wanted = containers(pod.get("spec"), "image");
    let statuses = containers(pod.get("status"), "imageID");
    for (name, image) in &wanted {
        // Other controllers may add containers.
        let Some(of_record) = recorded.get(name) else {
            continue;
        };
        let what = format!("Pod {}, container {name}", text(pod, &["metadata", "name"]));
        let id = statuses.get(name).map(String::as_str).unwrap_or_default();
        let (holds, found) = judge(record, of_record, image, id);
        checks.push(Check {
            what,
            holds,
            found,
            problem: None,
        });
    }
}

/// Returns the strings at a key of all containers, by the names of the containers.
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

/// Judges whether a container runs what it should, and describes what was found.
fn judge(record: &Record, of_record: &str, image: &str, id: &str) -> (bool, String) {
    if image != of_record {
        return (
            false,
            format!("has the image {image}, the release has {of_record}"),
        );
    }
    let Ok(reference) = image.parse::<Reference>() else {
        return (false, format!("{image} is not a valid image reference"));
    };
    let running = id.rsplit_once('@').map_or(id, |(_, digest)| digest);
    let running = running.parse::<Digest>().ok();
    let pin = pin_of(record, &reference);
    match (reference.digest(), running, pin) {
        (_, None, _) => (false, format!("{image} is not running")),
        (Some(digest), _, Some(pin)) if *digest != pin && !is_chosen(record, &reference) => (
            false,
            format!("{image} is not the pin of this binary, {pin}"),
        ),
        (Some(digest), Some(running), _) if *digest == running => (true, image.to_owned()),
        // The digest was requested; a runtime may report the manifest of its platform instead.
        (Some(_), Some(running), _) => (
            true,
            format!(
                "{image}, reported as {running}: nothing else can be pulled by its digest, and runtimes \
                 report the index or the manifest of their platform"
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

/// Returns the compiled-in digest of an image in the version of the record.
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

/// Returns whether the user chose the digest of a component.
fn is_chosen(record: &Record, reference: &Reference) -> bool {
    let config = record.config();
    let component = COMPONENTS.iter().find(|c| c.name == reference.file_name());
    component.is_some_and(|component| {
        let path = ValuePath::image_digest(component.key);
        Root::ALL
            .into_iter()
            .any(|root| path.get(root, &config).is_some())
    })
}

async fn endpoints(client: &Client, service: &ObjectRef) -> Result<Check, Error> {
    let labels = format!("kubernetes.io/service-name={}", service.name);
    let slices = client
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
        problem: None,
    })
}

async fn webhook(
    client: &Client,
    record: &Record,
    resource: &ApiResource,
    app: &str,
) -> Result<Check, Error> {
    let labels = format!("app.kubernetes.io/instance={},app={app}", mesh_name(record));
    let found = client.list(resource, "", &labels).await?;
    let bundles: Vec<&str> = found
        .iter()
        .filter_map(|configuration| configuration.get("webhooks")?.as_array())
        .flatten()
        .map(|webhook| text(webhook, &["clientConfig", "caBundle"]))
        .collect();
    let (holds, found) = match (bundles.is_empty(), bundles.iter().any(|b| b.is_empty())) {
        (true, _) => (false, format!("not found; {app} creates it when it starts")),
        (false, true) => (false, "has no certificate authority".to_owned()),
        (false, false) => (true, format!("{} webhooks", bundles.len())),
    };
    Ok(Check {
        what: format!("{} of {app}", resource.kind),
        holds,
        found,
        problem: None,
    })
}
