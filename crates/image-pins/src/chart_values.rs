//! Pins as values of a Helm chart.

use std::fmt::Display;

use crate::compiled::Release;
#[cfg(feature = "pin-files")]
use crate::{components::Components, pin_file::PinFile};

/// Where a chart has its images in the values, as dotted paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuesLayout<'a> {
    /// The registry of the components: `app.image.registry`.
    pub registry: &'a str,
    /// The map of the components' digests by key: `app.image.digest`.
    pub digests: &'a str,
    /// The map that contains the values of the third-party images: `app`, if the key `proxyImage` stands for
    /// `app.proxyImage`.
    pub external: &'a str,
}

impl ValuesLayout<'_> {
    fn values<'p>(
        &self,
        registry: &dyn Display,
        images: impl IntoIterator<Item = (&'p str, impl Display)>,
        external: impl IntoIterator<Item = (&'p str, impl Display)>,
    ) -> Vec<(String, String)> {
        let mut values = vec![(self.registry.to_owned(), registry.to_string())];
        values.extend(
            images
                .into_iter()
                .map(|(key, digest)| (format!("{}.{key}", self.digests), digest.to_string())),
        );
        values.extend(
            external
                .into_iter()
                .map(|(key, image)| (format!("{}.{key}", self.external), image.to_string())),
        );
        values
    }
}

impl Release {
    /// Returns the pins as values of a chart: the dotted path of each value, and the value. All values are strings.
    pub fn chart_values(&self, layout: &ValuesLayout<'_>) -> Vec<(String, String)> {
        layout.values(
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
    pub fn chart_values(
        &self,
        components: &Components,
        layout: &ValuesLayout<'_>,
    ) -> Vec<(String, String)> {
        let key = |name| components.by_name(name).map(|component| &*component.key);
        let mut external = components.external.clone();
        external.extend(self.external.clone());
        layout.values(
            &self.registry,
            self.images
                .iter()
                .map(|(name, digest)| (key(name).unwrap_or(name), digest)),
            external.iter().map(|(key, image)| (&**key, image)),
        )
    }
}
