//! Verifies that a control plane is healthy and runs the images that were installed.

use std::collections::BTreeMap;

use helm_chart::Object;
use helm_release::client::resource::{ENDPOINT_SLICE, MUTATING_WEBHOOKS, POD, VALIDATING_WEBHOOKS};
use helm_release::client::{ApiResource, Client, ObjectRef};
use helm_release::fields::{is_terminating, selector, text};
use helm_release::release::{Record, Status};
use helm_release::wait::{find_problem, is_ready};
use serde_json::Value;

use super::check::Check;
use super::error::Error;
use super::history::mesh_name;
use super::mesh_config::{MeshConfig, OverridingImage, overriding_images, read_mesh_config};
use super::running_images::RunningImages;
use crate::mesh::mesh_config::configured_images;

/// Checks everything of a mesh: workloads, endpoints, webhooks, images, also those that its `MeshConfig` sets. With a
/// client for registries, these are asked what a digest is that a runtime reports instead of that of the image.
///
/// # Errors
/// The record is damaged, or the server refuses a request.
pub async fn verify(
    client: &Client,
    record: &Record,
    registries: Option<&oci_registry::Client>,
) -> Result<Vec<Check>, Error> {
    let mut images = RunningImages::new(client, record, registries);
    let mut checks = vec![Check::new(
        format!("release {}", record.name()),
        record.is(Status::Deployed),
        format!("{}, revision {}", record.status_text(), record.revision()),
    )];
    for object in &record.objects()? {
        let is_workload = matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet");
        let is_service =
            object.kind() == "Service" && object.value.pointer("/spec/selector").is_some();
        if !is_workload && !is_service {
            continue;
        }
        let reference = client.resolve(&object.value, record.namespace()).await?;
        if is_workload {
            workload(client, object, &reference, &mut images, &mut checks).await?;
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
            checks.push(Check::new(
                "MeshConfig".to_owned(),
                false,
                error.to_string(),
            ));
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
        let what = format!("{reference} spec.sidecar.{}", image.field);
        checks.push(Check::new(what, holds, found));
    }
    Ok(())
}

async fn workload(
    client: &Client,
    object: &Object,
    reference: &ObjectRef,
    images: &mut RunningImages<'_>,
    checks: &mut Vec<Check>,
) -> Result<(), Error> {
    let Some(live) = client.get(reference).await? else {
        let absent = Check::new(reference.to_string(), false, "not found".to_owned());
        checks.push(absent);
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
        problem,
        ..Check::new(reference.to_string(), holds, found)
    });
    variables(object, &live, reference, checks);
    for pod in &pods {
        if !is_terminating(pod) {
            checks.extend(images.check(&object.value, pod).await);
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
        let what = format!("{} {name}", reference.name);
        checks.push(match is == image {
            true => Check::new(what, true, image),
            false => Check::new(what, false, format!("is {is}, the release has {image}")),
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
    let found = match ready {
        0 => "no ready endpoint".to_owned(),
        1 => "1 ready endpoint".to_owned(),
        n => format!("{n} ready endpoints"),
    };
    Ok(Check::new(service.to_string(), ready > 0, found))
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
    let what = format!("{} of {app}", resource.kind);
    Ok(Check::new(what, holds, found))
}
