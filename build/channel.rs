//! Which release, or which channel, this build installs by default.

use std::path::Path;

/// The environment variable that overrides what Cargo.toml says.
pub const VARIABLE: &str = "OSM_RELEASE";

/// `OSM_RELEASE`, or else `[package.metadata.osm] release` of the manifest.
///
/// # Errors
/// A sentence that names the manifest and what it lacks.
pub fn choose(manifest: &Path) -> Result<String, String> {
    println!("cargo::rerun-if-changed={}", manifest.display());
    if let Some(release) = std::env::var(VARIABLE)
        .ok()
        .filter(|release| !release.is_empty())
    {
        return Ok(release);
    }
    let shown = manifest.display();
    let text =
        std::fs::read_to_string(manifest).map_err(|e| format!("{shown}: cannot read: {e}"))?;
    let table: toml::Table = text.parse().map_err(|e| format!("{shown}: {e}"))?;
    let release = ["package", "metadata", "osm"]
        .iter()
        .try_fold(&table, |table, key| table.get(*key)?.as_table())
        .and_then(|osm| osm.get("release")?.as_str());
    release.map(ToOwned::to_owned).ok_or_else(|| {
        format!("{shown}: [package.metadata.osm] has no release; add `release = \"vX.Y.Z\"`")
    })
}
