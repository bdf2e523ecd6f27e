//! `cargo xtask package-chart`: the chart of a release as a .tgz file, with the digests of its pin file.
//!
//! `charts/osm/values.yaml` has no digests, so that the pin file is the only source. The packaged chart has them, for
//! users of helm.

#[cfg(feature = "registry")]
mod artifact;
#[cfg(feature = "registry")]
mod push;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use helm_chart::{Chart, Metadata};
use image_pins::{Components, PinFile, ReleaseName, release_of_manifest};

#[cfg(feature = "registry")]
pub use push::{PushError, push_with};

use crate::Exit;
use crate::flags;
#[cfg(feature = "registry")]
use crate::flags::Push;
use crate::source_date::SourceDate;
use crate::tools::workspace;
use crate::yaml_edit::set_strings;

/// A packaged chart.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// The .tgz file.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The content of its `Chart.yaml`.
    pub metadata: Metadata,
    /// The time of the release, as in RFC 3339.
    pub created: String,
}

/// Packages the chart, prints the path of the packaged chart, and pushes it if that is wanted.
pub fn run(flags: &flags::PackageChart, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let packaged = match package(flags) {
        Ok(packaged) => packaged,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            return Exit::Refused;
        }
    };
    #[cfg(feature = "registry")]
    if let Some(push) = &flags.push {
        return match push::run(packaged, push, out) {
            Ok(()) => Exit::Done,
            Err(error) => {
                // A failed write to standard error cannot be reported.
                let _ = write!(err, "{error}").and_then(|()| err.flush());
                error.exit()
            }
        };
    }
    let _ = writeln!(out, "{}", packaged.path.display());
    Exit::Done
}

/// Packages the chart of a release.
///
/// # Errors
/// The release has no pins or is not one of this chart, or the file cannot be written.
pub fn package(flags: &flags::PackageChart) -> Result<Packaged, String> {
    let workspace = workspace();
    let release = match &flags.release {
        Some(release) => release.clone(),
        None => default_release(&workspace.join("Cargo.toml"))?,
    };
    let chart = workspace.join("charts/osm");
    check_chart(&chart, &release)?;
    let values = values(&workspace.join("digests"), &release)?;
    let time = SourceDate::of(&workspace).map_err(|e| e.to_string())?;
    let version = release.to_string();
    let version = version.trim_start_matches('v');
    let versions = [
        ("version".to_owned(), version.to_owned()),
        ("appVersion".to_owned(), release.to_string()),
    ];
    let files = Chart::read_files(&chart).map_err(|e| e.to_string())?;
    let path = flags.destination.join(format!("osm-{version}.tgz"));
    let mut archive = tar::Builder::new(
        // No file name, and no time of its own: the same chart gives the same bytes.
        GzBuilder::new().write(Vec::new(), Compression::best()),
    );
    for (name, mut bytes) in files {
        let strings = match name.as_str() {
            "values.yaml" => values.as_slice(),
            "Chart.yaml" => &versions,
            _ => &[],
        };
        if !strings.is_empty() {
            let file = format!("charts/osm/{name}");
            let text = String::from_utf8(bytes).map_err(|e| format!("{file}: not UTF-8: {e}"))?;
            // The comments are the documentation of the values, so the files are not written anew.
            bytes = set_strings(&text, &file, strings)?.into_bytes();
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(time.seconds());
        header.set_cksum();
        archive
            .append_data(&mut header, format!("osm/{name}"), bytes.as_slice())
            .map_err(|e| e.to_string())?;
    }
    let bytes = archive
        .into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .map_err(|e| e.to_string())?;
    fs::create_dir_all(&flags.destination)
        .and_then(|()| fs::write(&path, &bytes))
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let metadata = Chart::load(&path).map_err(|e| e.to_string())?.metadata;
    Ok(Packaged {
        path,
        bytes,
        metadata,
        created: time.time(),
    })
}

/// The release that the workspace builds by default.
pub(crate) fn default_release(manifest: &Path) -> Result<ReleaseName, String> {
    release_of_manifest(manifest, "osm")
        .map_err(|e| e.to_string())?
        .parse()
        .map_err(|e| format!("{}: {e}", manifest.display()))
}

/// Checks that the chart is for releases of this minor version: its `appVersion` is such a release.
fn check_chart(chart: &Path, release: &ReleaseName) -> Result<(), String> {
    let app_version = Chart::load(chart)
        .map_err(|e| e.to_string())?
        .metadata
        .app_version;
    let own: ReleaseName = app_version
        .parse()
        .map_err(|e| format!("{}: appVersion: {e}", chart.join("Chart.yaml").display()))?;
    if (release.major(), release.minor()) == (own.major(), own.minor()) {
        return Ok(());
    }
    Err(format!(
        "charts/osm is for releases v{}.{}.x, not for {release}",
        own.major(),
        own.minor()
    ))
}

/// The pins of the release as values of the chart.
fn values(digests: &Path, release: &ReleaseName) -> Result<Vec<(String, String)>, String> {
    let components =
        Components::read(&digests.join("components.toml")).map_err(|e| e.to_string())?;
    let layout = components
        .values
        .as_ref()
        .ok_or("digests/components.toml has no [values]: add where the chart has its images")?;
    let path = digests.join(format!("{release}.toml"));
    let pins = PinFile::read(&path).map_err(|e| e.to_string())?;
    let unpinned = components
        .of_release(release)
        .find(|component| !pins.images.contains_key(&component.name));
    match unpinned {
        None => Ok(pins.chart_values(&components, layout)),
        Some(component) => Err(format!(
            "{} has no pin for {}: run `cargo xtask import-digests --release {release} <digest file>`",
            path.display(),
            component.name
        )),
    }
}
