//! The compiled-in releases, and the default one.

use image_pins::compiled::{Channel, External, Release};
use serde_json::{Map, Value};

use helm_chart::values::insert;
use image_pins::nearest;

/// The generated constants: see `digests/` and `build.rs`.
mod pins {
    include!(concat!(env!("OUT_DIR"), "/pins.rs"));
}

use pins::{CHANNEL, REGISTRY};
pub use pins::{COMPONENTS, RELEASES};

/// The compiled-in images of an installation: the pins of a release, or the tag of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pins {
    /// Every image by its digest.
    Release(&'static Release),
    /// Every mesh image by a mutable tag.
    Floating {
        /// The channel's name: `main`.
        name: &'static str,
        /// The tag: `latest-main`.
        tag: &'static str,
    },
}

/// A release that this binary does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this binary does not have release {name:?}{hint} It has {}", known.join(", "))]
pub struct UnknownRelease {
    name: String,
    hint: String,
    known: Vec<&'static str>,
}

impl Pins {
    /// Returns what this binary installs by default.
    pub fn default_channel() -> Pins {
        match CHANNEL {
            Channel::Floating { name, tag } => Pins::Floating { name, tag },
            Channel::Release(release) => Pins::Release(release),
        }
    }

    /// The pins of a release by its name; `1.2.4` is `v1.2.4`.
    ///
    /// # Errors
    /// An unknown release. The error lists the known ones.
    pub fn of_release(name: &str) -> Result<Pins, UnknownRelease> {
        let plain = name.strip_prefix('v').unwrap_or(name);
        let found = RELEASES
            .iter()
            .find(|r| r.name.strip_prefix('v') == Some(plain));
        if let Some(release) = found {
            return Ok(Pins::Release(release));
        }
        if let Channel::Floating {
            name: floating,
            tag,
        } = CHANNEL
            && floating == name
        {
            return Ok(Pins::Floating {
                name: floating,
                tag,
            });
        }
        let known: Vec<&str> = RELEASES.iter().map(|r| r.name).collect();
        let hint = nearest(name, known.iter().copied())
            .map_or_else(|| ".".to_owned(), |near| format!("; did you mean {near}?"));
        Err(UnknownRelease {
            name: name.to_owned(),
            hint,
            known,
        })
    }

    /// The release's or channel's name.
    pub fn name(&self) -> &'static str {
        match self {
            Pins::Release(release) => release.name,
            Pins::Floating { name, .. } => name,
        }
    }

    /// The version that the mesh reports: the release, or the tag of the channel.
    pub fn app_version(&self) -> &'static str {
        match self {
            Pins::Release(release) => release.name,
            Pins::Floating { tag, .. } => tag,
        }
    }

    /// The registry of the mesh's images.
    pub fn registry(&self) -> &'static str {
        match self {
            Pins::Release(release) => release.registry,
            Pins::Floating { .. } => REGISTRY,
        }
    }

    /// The third-party images.
    pub fn external(&self) -> &'static [External] {
        match self {
            Pins::Release(release) => release.external,
            Pins::Floating { .. } => pins::EXTERNAL,
        }
    }

    /// The components' image names and chart keys, sorted by name.
    pub fn components(&self) -> Vec<(&'static str, &'static str)> {
        let mut components: Vec<_> = match self {
            Pins::Release(release) => release
                .images
                .iter()
                .map(|pin| (pin.component, pin.key))
                .collect(),
            Pins::Floating { .. } => COMPONENTS.iter().map(|c| (c.name, c.key)).collect(),
        };
        components.sort_unstable();
        components
    }

    /// Returns the pins as values of the chart, below everything that a user sets.
    pub fn to_values(self) -> Map<String, Value> {
        let pinned = match self {
            Pins::Release(release) => release.chart_values(&pins::VALUES),
            Pins::Floating { tag, .. } => {
                pins::VALUES.of_tag(self.registry(), tag, self.external())
            }
        };
        let mut values = Map::new();
        for (path, value) in pinned {
            insert(&mut values, &path, value.into());
        }
        values
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mesh::values::{
        IMAGE_DIGESTS, IMAGE_NAMES, IMAGE_PULL_POLICY, IMAGE_REGISTRY, IMAGE_TAG, Root, ValuePath,
    };
    use helm_chart::Target;

    #[test]
    fn releases_are_found_with_and_without_the_v() {
        assert_eq!(
            Pins::of_release("v1.2.4").unwrap(),
            Pins::of_release("1.2.4").unwrap()
        );
        let error = Pins::of_release("v1.2.44").unwrap_err().to_string();
        assert!(error.contains("did you mean v1.2.4?"), "{error}");
    }

    #[test]
    fn the_pins_and_the_overrides_set_the_same_values() {
        let paths = [
            (&pins::VALUES.registry, IMAGE_REGISTRY),
            (&pins::VALUES.tag, IMAGE_TAG),
            (&pins::VALUES.pull_policy, IMAGE_PULL_POLICY),
            (&pins::VALUES.digests, IMAGE_DIGESTS),
        ];
        for (of_pins, of_overrides) in paths {
            assert_eq!(*of_pins, of_overrides.to_string());
        }
        let external = format!("{}.a", pins::VALUES.external);
        assert_eq!(external, ValuePath::third_party("a").to_string());
    }

    #[test]
    fn the_chart_names_the_components_that_are_declared() {
        let chart = crate::mesh::chart::chart().unwrap();
        for map in [IMAGE_DIGESTS, IMAGE_NAMES] {
            let in_chart = map.get(Root::Osm, &chart.values).unwrap();
            let mut in_chart: Vec<&str> = in_chart
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let mut declared: Vec<&str> = COMPONENTS.iter().map(|c| c.key).collect();
            in_chart.sort_unstable();
            declared.sort_unstable();
            assert_eq!(in_chart, declared, "{map}");
        }
    }

    #[test]
    fn the_schema_takes_the_pins_of_every_release() {
        let chart = crate::mesh::chart::chart().unwrap();
        for release in RELEASES {
            let pins = Pins::Release(release).to_values();
            let values = chart.effective_values(&pins, &Target::default());
            assert!(values.is_ok(), "{}: {}", release.name, values.unwrap_err());
        }
        let pins = Pins::Floating {
            name: "main",
            tag: "latest-main",
        }
        .to_values();
        chart.effective_values(&pins, &Target::default()).unwrap();
    }

    #[test]
    fn the_chart_holds_no_digest_and_no_tag() {
        let chart = crate::mesh::chart::chart().unwrap();
        let text = serde_json::to_string(&chart.values).unwrap();
        assert!(!text.contains("sha256:"), "{text}");
        assert_eq!(
            IMAGE_TAG.get(Root::Osm, &chart.values),
            Some(&Value::from(""))
        );
    }
}
