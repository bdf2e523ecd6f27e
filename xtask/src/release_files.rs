//! The files of a workspace that name the release: `Cargo.toml` and `Chart.yaml`.
//!
//! The release is that of the mesh, whose images `osm` installs. The crates of the workspace have versions of their own,
//! which follow their interfaces and do not change with a release.

use std::fs;
use std::path::Path;

use helm_chart::yaml::{self, Numbers};
use image_pins::{FileError, PinFile, ReleaseName};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::yaml_edit::set_strings;

/// The manifest of the workspace.
pub(crate) const MANIFEST: &str = "Cargo.toml";
/// The components of the mesh.
pub(crate) const COMPONENTS: &str = "digests/components.toml";
/// The metadata of the chart.
pub(crate) const CHART: &str = "charts/osm/Chart.yaml";

/// Reads a file of a workspace. Errors name it by its path in there.
pub(crate) fn read(workspace: &Path, file: &str) -> Result<String, FileError> {
    fs::read_to_string(workspace.join(file))
        .map_err(|error| FileError::whole(Path::new(file), format_args!("cannot read it: {error}")))
}

/// Reads the pin file of a release.
pub(crate) fn read_pins(workspace: &Path, release: &ReleaseName) -> Result<PinFile, FileError> {
    let file = format!("digests/{release}.toml");
    let import = |flag: &str| {
        format!("run `cargo xtask import-digests --release {release} {flag}<digest file>`")
    };
    let text = read(workspace, &file).map_err(|error| error.with_hint(import("")))?;
    PinFile::parse(&text, Path::new(&file)).map_err(|error| match &error.hint {
        Some(_) => error,
        None => error.with_hint(import("--replace ")),
    })
}

/// Returns the text of the manifest with this release, also in the addresses of its archives. All other bytes stay as they
/// are.
pub(crate) fn manifest_of(text: &str, release: &ReleaseName) -> Result<String, FileError> {
    let manifest = parse(text)?;
    let old = find(&manifest, &["package", "metadata", "osm", "release"]).ok_or_else(|| {
        FileError::whole(Path::new(MANIFEST), "[package.metadata.osm] has no release")
            .with_hint("add `release = \"vX.Y.Z\"`")
    })?;
    let release = release.to_string();
    let mut changes = Vec::new();
    if old.get_ref().as_str() != Some(&release) {
        changes.push((old.span(), format!("\"{release}\"")));
    }
    let overrides = ["package", "metadata", "binstall", "overrides"];
    let overrides =
        find(&manifest, &overrides).and_then(|overrides| overrides.get_ref().as_table());
    for archive in overrides
        .into_iter()
        .flat_map(|overrides| overrides.values())
    {
        let table = archive.get_ref().as_table();
        let Some(url) = table.and_then(|table| table.get("pkg-url")) else {
            continue;
        };
        let old = url.get_ref().as_str().and_then(release_of_url);
        if let Some(old) = old.filter(|old| *old != release) {
            let written = text.get(url.span()).unwrap_or_default();
            changes.push((url.span(), written.replace(old, &release)));
        }
    }
    // From the end, so that the positions of the others stay.
    changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    for (span, new) in changes {
        text.replace_range(span, &new);
    }
    Ok(text)
}

/// Returns the release in the address of one of its files: `…/releases/download/v1.2.5/…`.
fn release_of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("/releases/download/")?;
    let (release, _) = rest.split_once('/')?;
    Some(release).filter(|release| !release.is_empty())
}

/// Returns the address of the repository that the text of a manifest names, if it names one.
pub(crate) fn repository(text: &str) -> Result<Option<String>, FileError> {
    let manifest = parse(text)?;
    let repository = find(&manifest, &["workspace", "package", "repository"]);
    Ok(repository.and_then(|value| Some(value.get_ref().as_str()?.to_owned())))
}

fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, FileError> {
    DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        FileError::at_offset(Path::new(MANIFEST), text, at, error.message())
    })
}

fn find<'m, 't>(
    manifest: &'m Spanned<DeTable<'t>>,
    path: &[&str],
) -> Option<&'m Spanned<DeValue<'t>>> {
    let (last, tables) = path.split_last()?;
    let table = tables.iter().try_fold(manifest.get_ref(), |table, key| {
        table.get(*key)?.get_ref().as_table()
    });
    table?.get(*last)
}

/// Returns the text of the metadata of the chart with this release as `version` and `appVersion`. Other lines stay as they
/// are, with their comments.
pub(crate) fn chart_of(text: &str, release: &ReleaseName) -> Result<String, FileError> {
    let path = Path::new(CHART);
    let metadata = yaml::parse(text, Numbers::Floats)
        .map_err(|error| FileError::new(path, error.line, error.column, error.message))?;
    let mut versions = chart_versions(release).to_vec();
    versions.retain(|(key, version)| metadata.get(key) != Some(&version.as_str().into()));
    match versions.is_empty() {
        true => Ok(text.to_owned()),
        false => set_strings(text, CHART, &versions).map_err(|error| {
            let message = error.strip_prefix(CHART).unwrap_or(&error);
            FileError::whole(path, message.trim_start_matches(": ")).with_hint(
                "write `version` and `appVersion`, each as a string on one line with its key",
            )
        }),
    }
}

/// Returns the versions of the chart of a release. That of the chart itself has no `v`.
pub(crate) fn chart_versions(release: &ReleaseName) -> [(String, String); 2] {
    let app_version = release.to_string();
    let version = app_version.trim_start_matches('v').to_owned();
    [
        ("version".to_owned(), version),
        ("appVersion".to_owned(), app_version),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_changes_where_the_manifest_has_it_and_nowhere_else() {
        let manifest = |release: &str, archives: &str| {
            let url = format!(
                "{{ repo }}/releases/download/{archives}/osm-{archives}-linux-amd64.tar.gz"
            );
            format!(
                "# v1.2.4 is the release.\n[package.metadata.osm]\nrelease = \"{release}\" # v1.2.4\n\n\
                 [package.metadata.binstall.overrides.a]\npkg-fmt = \"tgz\"\npkg-url = \"{url}\"\n\n\
                 [package.metadata.binstall.overrides.b]\npkg-url = '{url}'\n"
            )
        };
        let release = "v1.2.5".parse().unwrap();
        let wanted = manifest("v1.2.5", "v1.2.5");
        for (present, archives) in [
            ("v1.2.4", "v1.2.4"),
            ("v1.2.4", "v1.2.5"),
            ("v1.2.5", "v1.2.4"),
            ("main", "v1.1.0"),
            ("v1.2.5", "v1.2.5"),
        ] {
            let changed = manifest_of(&manifest(present, archives), &release).unwrap();
            assert_eq!(changed, wanted, "{present}, {archives}");
        }
    }
}
