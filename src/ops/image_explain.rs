//! Where the reference of an image is from: what sets each of its parts, and what overrides it.

use super::ImageList;
use crate::mesh::images::{Pins, ResolvedImage, Source};
use crate::mesh::names::UnknownName;
use crate::mesh::values::{
    FLUENT_BIT, FLUENT_BIT_DIGEST, FLUENT_BIT_NAME, FLUENT_BIT_PIN, FLUENT_BIT_REGISTRY,
    FLUENT_BIT_TAG, IMAGE_REGISTRY, IMAGE_TAG, Root, ValuePath, text,
};

/// An image, and where its reference is from.
#[derive(Debug)]
pub struct ImageOrigin<'l> {
    /// The image.
    pub image: &'l ResolvedImage,
    /// The file whose pins were compiled in.
    pub pin_file: Option<String>,
    /// The values that the reference is made of, those of a part one after the other, the strongest last.
    pub steps: Vec<Step>,
}

/// A value that sets a part of a reference.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The path of the value.
    pub path: String,
    /// The value; empty if it is set to nothing.
    pub value: String,
    /// What set it.
    pub source: Source,
    /// What becomes of it.
    pub effect: Effect,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is a part of the reference.
    Used,
    /// Another source sets the same value.
    Overridden,
    /// A value at another path counts instead.
    Replaced,
    /// It is empty.
    NotSet,
}

/// Why the origin of an image cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum NoImage {
    /// No image has the name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The chart uses the image only if a value says so.
    #[error("the image of {name} is not used, because {switch} is false")]
    Unused {
        /// The name.
        name: String,
        /// The value.
        switch: String,
    },
}

impl ImageList {
    /// Returns where the reference of an image is from, by its component or its key in the values.
    ///
    /// # Errors
    /// No image has this name, or the chart does not use it with these values.
    pub fn origin(&self, name: &str) -> Result<ImageOrigin<'_>, NoImage> {
        let root = format!("{}.", Root::Osm.key());
        let key = name.strip_prefix(&root).unwrap_or(name);
        let is_named = |image: &&ResolvedImage| image.component == name || image.key == key;
        let image = self.images.iter().find(is_named).ok_or_else(|| {
            if let Some(switch) = self.plan.switch_of_image(key) {
                return NoImage::Unused {
                    name: name.to_owned(),
                    switch: switch.to_string(),
                };
            }
            let known = self.images.iter().map(|image| image.component.as_str());
            UnknownName::new("component", name, known).into()
        })?;
        let key = image.key.as_str();
        let is_component = self.pins().components().iter().any(|(_, own)| *own == key);
        // The parts that every reference has, and those of which the first that is set counts.
        let (always, first) = if is_component {
            let (name, digest) = (ValuePath::image_name(key), ValuePath::image_digest(key));
            (vec![IMAGE_REGISTRY, name], vec![IMAGE_TAG, digest])
        } else if key == FLUENT_BIT.key() {
            let versions = vec![FLUENT_BIT_DIGEST, FLUENT_BIT_TAG, FLUENT_BIT_PIN];
            (vec![FLUENT_BIT_REGISTRY, FLUENT_BIT_NAME], versions)
        } else {
            (Vec::new(), vec![ValuePath::third_party(key)])
        };
        let counts = first.iter().position(|path| !self.value(path).is_empty());
        let always = always.iter().flat_map(|path| self.steps(path, true));
        let first = first.iter().enumerate();
        let first = first.flat_map(|(at, path)| self.steps(path, Some(at) == counts));
        let pin_file = match self.pins() {
            Pins::Release(release) => Some(format!("digests/{}.toml", release.name)),
            Pins::Floating { .. } => None,
        };
        Ok(ImageOrigin {
            image,
            pin_file,
            steps: always.chain(first).collect(),
        })
    }

    /// Returns the value at a path, as the chart prints it.
    fn value(&self, path: &ValuePath) -> String {
        let set = path.get(Root::Osm, &self.plan.values);
        let value = set.or_else(|| path.get(Root::Osm, &self.plan.chart.values));
        value.map(text).unwrap_or_default()
    }

    /// Returns what sets the value at a path, the strongest last.
    fn steps(&self, path: &ValuePath, counts: bool) -> Vec<Step> {
        let default = path.get(Root::Osm, &self.plan.chart.values);
        let default = default.map(|value| (Source::ChartDefault, value));
        let layers = self.plan.origins.layers(path);
        let all: Vec<_> = default.into_iter().chain(layers).collect();
        let last = all.len().saturating_sub(1);
        let steps = all.into_iter().enumerate().map(|(at, (source, value))| {
            let value = text(value);
            let effect = match value.is_empty() {
                _ if at != last => Effect::Overridden,
                true => Effect::NotSet,
                // Digests of the user remove a compiled-in tag.
                false if counts && value == self.value(path) => Effect::Used,
                false => Effect::Replaced,
            };
            Step {
                path: path.to_string(),
                value,
                source,
                effect,
            }
        });
        steps.collect()
    }
}
