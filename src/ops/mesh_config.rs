//! Reads the `MeshConfig` of a mesh, and finds what an upgrade does not reach because of it.

use helm_release::client::{Client, ClientError, ObjectRef};
use helm_release::release::{Record, Status};
use image_pins::Reference;
use serde_json::{Value, json};

use super::error::Error;
use super::history::mesh_namespace;
use crate::mesh::mesh_config::{
    API_VERSIONS, NAME, UnreachedValue, configured_images, preset, unreached_values,
};
use crate::mesh::{Plan, Rendered};

/// The `MeshConfig` of a mesh.
#[derive(Debug)]
pub(super) struct MeshConfig {
    /// The object.
    pub reference: ObjectRef,
    /// Its settings.
    pub spec: Value,
}

/// Reads the `MeshConfig` of the mesh with this record; `None` if it does not exist.
///
/// # Errors
/// The server refuses a request.
pub(super) async fn read_mesh_config(
    client: &Client,
    record: &Record,
) -> Result<Option<MeshConfig>, ClientError> {
    for api_version in API_VERSIONS {
        let object = json!({
            "apiVersion": api_version, "kind": "MeshConfig", "metadata": {"name": NAME},
        });
        let reference = match client.resolve(&object, mesh_namespace(record)).await {
            // The control plane has not created its CRDs yet, or has an older version of them.
            Err(ClientError::UnknownKind { .. }) => continue,
            reference => reference?,
        };
        let found = client.get(&reference).await?;
        return Ok(found.map(|mut found| MeshConfig {
            reference,
            spec: found["spec"].take(),
        }));
    }
    Ok(None)
}

/// What an upgrade does not change, because a `MeshConfig` exists.
#[derive(Debug)]
pub struct KeptMeshConfig {
    /// The `MeshConfig`.
    pub reference: ObjectRef,
    /// The values that have no effect on it.
    pub values: Vec<UnreachedValue>,
    /// The images that sidecars get instead of those of the release.
    pub images: Vec<OverridingImage>,
}

/// An image in a `MeshConfig` that differs from that of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverridingImage {
    /// The field under `spec.sidecar`.
    pub field: &'static str,
    /// The image that sidecars get.
    pub image: String,
    /// Whether it is pinned by a digest.
    pub is_pinned: bool,
    /// The image of the release, if it names one.
    pub of_release: Option<String>,
}

/// Finds what an upgrade to rendered objects does not change, because a `MeshConfig` exists; `None` if there is none.
///
/// # Errors
/// A record is damaged, or the server refuses a request.
pub async fn kept_mesh_config(
    client: &Client,
    records: &[Record],
    plan: &Plan,
    rendered: &Rendered,
) -> Result<Option<KeptMeshConfig>, Error> {
    let Some(last) = records.last() else {
        return Ok(None);
    };
    let Some(MeshConfig { reference, spec }) = read_mesh_config(client, last).await? else {
        return Ok(None);
    };
    // A failed upgrade has not changed the settings, and is perhaps being resumed.
    let deployed = records
        .iter()
        .rev()
        .find(|record| record.is(Status::Deployed));
    let old = preset(&deployed.unwrap_or(last).objects()?);
    let new = preset(&rendered.objects).unwrap_or_default();
    let root = plan.mesh_values().root();
    Ok(Some(KeptMeshConfig {
        reference,
        values: unreached_values(&new, old.as_ref(), &spec, &plan.user, root),
        images: overriding_images(&spec, |variable| injector_image(rendered, variable)),
    }))
}

/// Lists the images in a `MeshConfig` that differ from those of a release, which `of_release` finds by the variable of
/// the injector.
pub(super) fn overriding_images(
    spec: &Value,
    of_release: impl Fn(&str) -> Option<String>,
) -> Vec<OverridingImage> {
    let images = configured_images(spec).into_iter();
    images
        .map(|image| OverridingImage {
            field: image.field,
            image: image.reference.to_owned(),
            is_pinned: (image.reference.parse::<Reference>())
                .is_ok_and(|reference| reference.is_pinned()),
            of_release: of_release(image.variable),
        })
        .filter(|image| image.of_release.as_ref() != Some(&image.image))
        .collect()
}

/// Returns the image that a variable of the injector names.
fn injector_image(rendered: &Rendered, variable: &str) -> Option<String> {
    let ending = format!(", env {variable}");
    let image = (rendered.images.iter())
        .find(|image| image.places.iter().any(|place| place.ends_with(&ending)))?;
    Some(image.reference.to_string())
}
