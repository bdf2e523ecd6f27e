//! Compares the images that containers run with the record of a release and with the pins of this binary.

use std::collections::BTreeMap;

use helm_release::client::Client;
use helm_release::fields::text;
use helm_release::release::Record;
use image_pins::{Digest, Reference};
use oci_registry::Repository;
use serde_json::Value;

use super::check::Check;
use super::other_digest::{OtherDigest, Registries};
use crate::mesh::images::{COMPONENTS, Pins};
use crate::mesh::values::{Root, ValuePath};

/// The images that containers run.
pub(super) struct RunningImages<'r> {
    record: &'r Record,
    registries: Registries<'r>,
}

/// What is known about a container without its registry.
enum Judged {
    /// Whether it runs what it should, and what was found.
    Clear(bool, String),
    /// Its runtime reports another digest than that of the image, or than the pin of an image without a digest.
    Other {
        image: Box<Reference>,
        expected: Digest,
        running: Digest,
    },
}

impl<'r> RunningImages<'r> {
    pub fn new(
        cluster: &'r Client,
        record: &'r Record,
        registries: Option<&'r oci_registry::Client>,
    ) -> RunningImages<'r> {
        RunningImages {
            record,
            registries: Registries::new(cluster, registries),
        }
    }

    /// Compares what each container of a Pod runs with the workload in the record.
    pub async fn check(&mut self, workload: &Value, pod: &Value) -> Vec<Check> {
        let recorded = containers(workload.pointer("/spec/template/spec"), "image");
        let wanted = containers(pod.get("spec"), "image");
        let statuses = containers(pod.get("status"), "imageID");
        let mut checks = Vec::new();
        for (name, image) in &wanted {
            // Other controllers may add containers.
            let Some(of_record) = recorded.get(name) else {
                continue;
            };
            let what = format!("Pod {}, container {name}", text(pod, &["metadata", "name"]));
            let id = statuses.get(name).map(String::as_str).unwrap_or_default();
            checks.push(match judge(self.record, of_record, image, id) {
                Judged::Clear(holds, found) => Check::new(what, holds, found),
                Judged::Other {
                    image,
                    expected,
                    running,
                } => {
                    let repository = Repository::from(&*image);
                    let node = text(pod, &["spec", "nodeName"]);
                    let asked = self
                        .registries
                        .ask(&repository, &expected, &running, id, node);
                    let other = OtherDigest {
                        verdict: asked.await,
                        image: *image,
                        expected,
                        running,
                    };
                    let (holds, found) = other.judge();
                    Check {
                        other_digest: Some(other),
                        ..Check::new(what, holds, found)
                    }
                }
            });
        }
        checks
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

/// Judges whether a container runs what it should, as far as that is known without its registry.
fn judge(record: &Record, of_record: &str, image: &str, id: &str) -> Judged {
    let clear = Judged::Clear;
    if image != of_record {
        let found = format!("has the image {image}, the release has {of_record}");
        return clear(false, found);
    }
    let Ok(reference) = image.parse::<Reference>() else {
        return clear(false, format!("{image} is not a valid image reference"));
    };
    let Some(running) = digest_in(id) else {
        return clear(false, format!("{image} is not running"));
    };
    let pin = pin_of(record, &reference);
    match (reference.digest(), pin) {
        (Some(digest), Some(pin)) if *digest != pin && !is_chosen(record, &reference) => clear(
            false,
            format!("{image} is not the pin of this binary, {pin}"),
        ),
        (Some(digest), _) if *digest == running => clear(true, image.to_owned()),
        (Some(digest), _) => Judged::Other {
            expected: *digest,
            image: Box::new(reference),
            running,
        },
        (None, Some(pin)) if running == pin => clear(
            true,
            format!("{image} is not pinned, and runs {running}, the pin of this binary"),
        ),
        (None, Some(pin)) => Judged::Other {
            image: Box::new(reference),
            expected: pin,
            running,
        },
        (None, None) => clear(true, format!("{image} is not pinned, and runs {running}")),
    }
}

/// Returns the digest in the identifier of an image: `sha256:…`, `NAME@sha256:…`, `docker-pullable://NAME@sha256:…`.
fn digest_in(id: &str) -> Option<Digest> {
    let digest = id.rsplit(['@', '/']).next().unwrap_or_default();
    digest.parse().ok()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_found_in_the_identifiers_of_every_runtime() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for start in [
            "",
            "registry.example.com:5000/mesh/osm-controller@",
            "docker-pullable://registry.example.com/osm-controller@",
            "docker://",
        ] {
            let found = digest_in(&format!("{start}{digest}"));
            assert_eq!(found.unwrap().to_string(), digest, "{start}");
        }
        for id in ["", "sha256:ab", "registry.example.com/osm-controller:v1"] {
            assert_eq!(digest_in(id), None, "{id}");
        }
    }
}
