//! Where a Helm chart has its images in the values.

use std::borrow::Cow;

/// Where a chart has its images in the values, as dotted paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuesLayout {
    /// The registry of the components: `app.image.registry`.
    pub registry: Cow<'static, str>,
    /// The map of the components' digests by key: `app.image.digest`.
    pub digests: Cow<'static, str>,
    /// The tag of all components, which overrides their digests: `app.image.tag`.
    pub tag: Cow<'static, str>,
    /// The pull policy of the components: `app.image.pullPolicy`.
    pub pull_policy: Cow<'static, str>,
    /// The map that contains the values of the third-party images: `app`, if the key `proxyImage` stands for
    /// `app.proxyImage`.
    pub external: Cow<'static, str>,
}
