//! Lists the images of an installation, also in the forms that helm and kustomize take, and finds those that are not pinned.

use std::cell::OnceCell;

use serde_json::{Map, Value, json};

use crate::mesh::images::{COMPONENTS, FoundImage, Pins, ResolvedImage, Source};
use crate::mesh::values::{
    self, FLUENT_BIT, FLUENT_BIT_IMAGE, IMAGE_NAMES, IMAGE_PULL_POLICY, IMAGE_REGISTRY, IMAGE_TAG,
    Root, ValuePath,
};
use crate::mesh::{Plan, PlanError, Request};

/// The images of an installation.
#[derive(Debug)]
pub struct ImageList {
    pub(super) plan: Plan,
    pins: Pins,
    /// Each image: those of the mesh, then the third-party ones.
    pub images: Vec<ResolvedImage>,
}

impl ImageList {
    /// Lists the images that an installation would use.
    ///
    /// # Errors
    /// Wrong input, and components without an image.
    pub fn new(request: &Request) -> Result<ImageList, PlanError> {
        let plan = Plan::for_any_release(request)?;
        let pins = plan.pins.ok_or(PlanError::ReleaseOfOtherChart)?;
        let images = plan.images()?;
        Ok(ImageList { plan, pins, images })
    }

    /// Returns what is compiled in.
    pub(super) fn pins(&self) -> Pins {
        self.pins
    }

    /// Returns the name of the release or channel.
    pub fn release(&self) -> &'static str {
        self.pins.name()
    }

    /// Returns the values with which helm installs these images from the chart of the release.
    pub fn to_helm_values(&self) -> Map<String, Value> {
        let mut values = Map::new();
        let of_mesh = [IMAGE_REGISTRY, IMAGE_PULL_POLICY, IMAGE_NAMES];
        for path in of_mesh.iter().chain(&FLUENT_BIT_IMAGE) {
            path.copy(&self.plan.values, &mut values);
        }
        // The third-party images that are disabled, too, so that they are pinned when they are enabled.
        for external in self.pins.external() {
            ValuePath::third_party(external.key).copy(&self.plan.values, &mut values);
        }
        for image in &self.images {
            if !COMPONENTS.iter().any(|c| c.key == image.key) {
                continue;
            }
            match (image.reference.digest(), image.reference.tag()) {
                (Some(digest), _) => {
                    ValuePath::image_digest(&image.key).set(
                        Root::Osm,
                        &mut values,
                        digest.to_string(),
                    );
                }
                (None, Some(tag)) => IMAGE_TAG.set(Root::Osm, &mut values, tag),
                (None, None) => {}
            }
        }
        Root::of_release(self.pins.name()).rename(values)
    }

    /// Returns the `images` field of a kustomization: what the chart names by default, and what it becomes.
    pub fn to_kustomization(&self) -> Value {
        let entries = self.images.iter().map(|image| {
            let name = self.default_repository(image);
            let mut entry = Map::new();
            if image.reference.name() != name {
                entry.insert("newName".to_owned(), image.reference.name().into());
            }
            entry.insert("name".to_owned(), name.into());
            match (image.reference.digest(), image.reference.tag()) {
                (Some(digest), _) => {
                    _ = entry.insert("digest".to_owned(), digest.to_string().into());
                }
                (None, Some(tag)) => _ = entry.insert("newTag".to_owned(), tag.into()),
                (None, None) => {}
            }
            Value::Object(entry)
        });
        json!({"images": entries.collect::<Vec<_>>()})
    }

    /// Returns the repository that the chart names by default.
    fn default_repository(&self, image: &ResolvedImage) -> String {
        let components = self.pins.components();
        let component = components.iter().find(|(_, key)| *key == image.key);
        if let Some((component, _)) = component {
            return format!("{}/{component}", self.pins.registry());
        }
        if image.key == FLUENT_BIT.key() {
            return values::fluent_bit_repository(&self.plan.chart.values);
        }
        let external = self.pins.external();
        let pinned = external
            .iter()
            .find(|external| external.key == image.key)
            .and_then(|e| e.reference.parse::<image_pins::Reference>().ok());
        pinned
            .as_ref()
            .unwrap_or(&image.reference)
            .name()
            .to_owned()
    }
}

/// An image that is referenced by a tag.
#[derive(Debug)]
pub struct FloatingImage<'i> {
    /// The image.
    pub image: &'i FoundImage,
    /// What set the tag, if it is the tag of all components or that of a third-party image.
    pub tag_set_by: Option<Source>,
}

/// Returns the images that are not pinned by a digest.
pub fn floating_images<'i>(plan: &Plan, images: &'i [FoundImage]) -> Vec<FloatingImage<'i>> {
    let root = plan.mesh_values().root();
    let tag = IMAGE_TAG.get(root, &plan.values).and_then(Value::as_str);
    let floating = images.iter().filter(|image| !image.reference.is_pinned());
    let resolved = OnceCell::new();
    let third_party = |image: &FoundImage| {
        plan.pins?;
        let resolved = resolved.get_or_init(|| plan.images().unwrap_or_default());
        let found = (resolved.iter()).find(|each| each.reference == image.reference);
        found.map(|found| found.source.clone())
    };
    floating
        .map(|image| {
            let is_component = COMPONENTS
                .iter()
                .any(|c| c.name == image.reference.file_name());
            let has_common_tag = is_component && tag.is_some() && tag == image.reference.tag();
            let tag_set_by = match has_common_tag {
                true => Some(plan.origins.source(IMAGE_TAG.under(root))),
                false => third_party(image),
            };
            FloatingImage { image, tag_set_by }
        })
        .collect()
}
