//! The release that the workspace builds.

use std::sync::OnceLock;

use image_pins::release_of_manifest;
use xtask::tools;

/// Its name, such as `v1.2.4`.
pub(crate) fn release() -> &'static str {
    static RELEASE: OnceLock<String> = OnceLock::new();
    RELEASE
        .get_or_init(|| release_of_manifest(&tools::workspace().join("Cargo.toml"), "osm").unwrap())
}

/// The version of its chart, such as `1.2.4`.
pub(crate) fn version() -> &'static str {
    release().trim_start_matches('v')
}
