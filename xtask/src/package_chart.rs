//! `cargo xtask package-chart`: the chart of a release as a .tgz, with the digests of its pin file.
//!
//! `charts/osm/values.yaml` has no digest, so that the pin file stays the only source; here they are
//! put in, for those who install with helm.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use image_pins::{Components, PinFile, ReleaseName};

use crate::Exit;
use crate::flags;
use crate::tools::workspace;

/// Packages the chart and prints where it lies.
pub fn run(flags: &flags::PackageChart, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match package(flags) {
        Ok(path) => {
            let _ = writeln!(out, "{}", path.display());
            Exit::Done
        }
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

fn package(flags: &flags::PackageChart) -> Result<PathBuf, String> {
    let workspace = workspace();
    let release = match &flags.release {
        Some(release) => release.clone(),
        None => default_release(&workspace.join("Cargo.toml"))?,
    };
    let digests = workspace.join("digests");
    let components =
        Components::read(&digests.join("components.toml")).map_err(|e| e.to_string())?;
    let pins =
        PinFile::read(&digests.join(format!("{release}.toml"))).map_err(|e| e.to_string())?;
    let fills = fills(&components, &pins)?;
    let version = release.to_string();
    let version = version.trim_start_matches('v');
    let chart = workspace.join("charts/osm");
    let own = chart_release(&chart.join("Chart.yaml"))?;
    if (release.major(), release.minor()) != (own.major(), own.minor()) {
        return Err(format!(
            "charts/osm is for releases v{}.{}.x, not for {release}",
            own.major(),
            own.minor()
        ));
    }
    let mut files = Vec::new();
    collect(&chart, &chart, &mut files)?;
    files.sort();
    let path = flags.destination.join(format!("osm-{version}.tgz"));
    let mut archive = tar::Builder::new(
        // No time and no file name: the same chart gives the same bytes.
        GzBuilder::new().write(Vec::new(), Compression::best()),
    );
    for name in files {
        let file = chart.join(&name);
        let mut bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        if name == "values.yaml" {
            bytes = fill(&text(), &fills)?.into_bytes();
        } else if name == "Chart.yaml" {
            bytes = with_versions(&text(), version, &release).into_bytes();
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
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
        .and_then(|()| fs::write(&path, bytes))
        .map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

/// `release` under `[package.metadata.osm]`.
fn default_release(manifest: &Path) -> Result<ReleaseName, String> {
    let text = fs::read_to_string(manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let section = text
        .split("[package.metadata.osm]")
        .nth(1)
        .unwrap_or_default();
    let line = section
        .lines()
        .find_map(|line| line.strip_prefix("release = "));
    line.map(|value| value.trim_matches('"'))
        .ok_or_else(|| {
            format!(
                "{}: [package.metadata.osm] has no release",
                manifest.display()
            )
        })?
        .parse()
        .map_err(|e| format!("{}: {e}", manifest.display()))
}

/// The release that the chart is written for: its `appVersion`.
fn chart_release(chart: &Path) -> Result<ReleaseName, String> {
    let text = fs::read_to_string(chart).map_err(|e| format!("{}: {e}", chart.display()))?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("appVersion: "));
    version
        .ok_or_else(|| format!("{}: appVersion is missing", chart.display()))?
        .parse()
        .map_err(|e| format!("{}: {e}", chart.display()))
}

/// Which values are filled in, by their dotted paths.
fn fills(components: &Components, pins: &PinFile) -> Result<BTreeMap<String, String>, String> {
    let mut fills = BTreeMap::new();
    for component in components.of_release(&pins.release) {
        let name = &component.name;
        let digest = pins
            .images
            .get(name)
            .ok_or_else(|| format!("digests/{}.toml has no pin for {name}", pins.release))?;
        fills.insert(
            format!("osm.image.digest.{}", component.key),
            digest.to_string(),
        );
    }
    // The third-party images of the release override the defaults.
    for (key, reference) in components.external.iter().chain(&pins.external) {
        fills.insert(format!("osm.{key}"), reference.to_string());
    }
    fills.insert("osm.image.registry".to_owned(), pins.registry.to_string());
    Ok(fills)
}

/// The values file with values put in place of those that it has for these keys.
fn fill(values: &str, fills: &BTreeMap<String, String>) -> Result<String, String> {
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut left = fills.clone();
    let mut out = String::new();
    for line in values.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let key = trimmed.split_once(':').map(|(key, _)| key);
        let is_entry = !trimmed.starts_with(['#', '-']);
        if let (Some(key), true) = (key, is_entry) {
            path.retain(|(outer, _)| *outer < indent);
            path.push((indent, key));
            let dotted: Vec<&str> = path.iter().map(|(_, key)| *key).collect();
            if let Some(value) = left.remove(&dotted.join(".")) {
                out.push_str(&format!("{}{key}: {value:?}\n", " ".repeat(indent)));
                continue;
            }
        }
        out.push_str(line);
        out.push('\n');
    }
    match left.keys().next() {
        Some(key) => Err(format!(
            "charts/osm/values.yaml has no {key}: the pin has no place"
        )),
        None => Ok(out),
    }
}

fn with_versions(chart: &str, version: &str, release: &ReleaseName) -> String {
    let lines = chart.lines().map(|line| {
        if line.starts_with("version:") {
            format!("version: {version}\n")
        } else if line.starts_with("appVersion:") {
            format!("appVersion: {release}\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let inside = path.strip_prefix(root).unwrap_or(&path);
            files.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_by_their_path() {
        let values = "a:\n  # b: c\n  tag: \"\"\n  digest:\n    x: \"\"\nb:\n  tag: \"\"\n";
        let fills = BTreeMap::from([
            ("a.digest.x".to_owned(), "sha256:1".to_owned()),
            ("b.tag".to_owned(), "t".to_owned()),
        ]);
        assert_eq!(
            fill(values, &fills).as_deref(),
            Ok("a:\n  # b: c\n  tag: \"\"\n  digest:\n    x: \"sha256:1\"\nb:\n  tag: \"t\"\n")
        );
    }

    #[test]
    fn a_pin_without_a_place_is_an_error() {
        let fills = BTreeMap::from([("a.b".to_owned(), "x".to_owned())]);
        assert!(fill("a:\n  c: 1\n", &fills).is_err());
    }
}
