//! Pins as values of a Helm chart.

use std::fmt::Display;

use crate::compiled::{External, Release};
use crate::values_layout::ValuesLayout;
#[cfg(feature = "pin-files")]
use crate::{components::Components, pin_file::PinFile};

/// A value of a chart: its dotted path, and the string.
pub type ChartValue = (String, String);

impl ValuesLayout {
    /// Returns the values of components that are pinned. A digest always names the same image, so that nodes need not
    /// pull it again.
    fn pinned<'p>(
        &self,
        registry: &dyn Display,
        images: impl IntoIterator<Item = (&'p str, impl Display)>,
        external: impl IntoIterator<Item = (&'p str, impl Display)>,
    ) -> Vec<ChartValue> {
        let mut values = self.common(registry, "IfNotPresent", external);
        let digests = images.into_iter();
        values.extend(digests.map(|(key, digest)| below(&self.digests, key, &digest)));
        values
    }

    /// Returns the values of components that have a tag. The tag can be moved, so that nodes pull at every start.
    fn tagged<'p>(
        &self,
        registry: &dyn Display,
        tag: &str,
        external: impl IntoIterator<Item = (&'p str, impl Display)>,
    ) -> Vec<ChartValue> {
        let mut values = self.common(registry, "Always", external);
        values.push((self.tag.to_string(), tag.to_owned()));
        values
    }

    fn common<'p>(
        &self,
        registry: &dyn Display,
        pull_policy: &str,
        external: impl IntoIterator<Item = (&'p str, impl Display)>,
    ) -> Vec<ChartValue> {
        let mut values = vec![
            (self.registry.to_string(), registry.to_string()),
            (self.pull_policy.to_string(), pull_policy.to_owned()),
        ];
        let external = external.into_iter();
        values.extend(external.map(|(key, reference)| below(&self.external, key, &reference)));
        values
    }

    /// Returns the images of a floating channel as values of a chart: the tag of all components, and the third-party
    /// images.
    pub fn of_tag(&self, registry: &str, tag: &str, external: &[External]) -> Vec<ChartValue> {
        let external = external.iter().map(|each| (each.key, each.reference));
        self.tagged(&registry, tag, external)
    }
}

fn below(map: &str, key: &str, value: &dyn Display) -> ChartValue {
    (format!("{map}.{key}"), value.to_string())
}

impl Release {
    /// Returns the pins as values of a chart.
    pub fn chart_values(&self, layout: &ValuesLayout) -> Vec<ChartValue> {
        layout.pinned(
            &self.registry,
            self.images.iter().map(|pin| (pin.key, pin.digest)),
            self.external.iter().map(|each| (each.key, each.reference)),
        )
    }
}

#[cfg(feature = "pin-files")]
impl PinFile {
    /// Returns the pins as values of a chart, as [`Release::chart_values`] does for the same release compiled in.
    ///
    /// The components give each image its key. Their third-party images are used where the pin file has none of its own.
    pub fn chart_values(&self, components: &Components, layout: &ValuesLayout) -> Vec<ChartValue> {
        let key = |name| components.by_name(name).map(|component| &*component.key);
        let mut external = components.external.clone();
        external.extend(self.external.clone());
        layout.pinned(
            &self.registry,
            self.images
                .iter()
                .map(|(name, digest)| (key(name).unwrap_or(name), digest)),
            external.iter().map(|(key, image)| (&**key, image)),
        )
    }
}

#[cfg(feature = "pin-files")]
impl Components {
    /// Returns the images of a floating channel as values of a chart, as [`ValuesLayout::of_tag`] does for the same
    /// components compiled in.
    pub fn chart_values_of_tag(&self, tag: &str, layout: &ValuesLayout) -> Vec<ChartValue> {
        let external = self.external.iter().map(|(key, image)| (&**key, image));
        layout.tagged(&self.registry, tag, external)
    }
}
