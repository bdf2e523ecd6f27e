//! `cargo xtask sbom`: the bill of materials of `osm`: the packages that are compiled in (`CycloneDX` 1.5, JSON).
//!
//! The same commit gives the same bytes: the serial number is derived from the content, the time is that of the commit, and
//! no path is in it. cargo-cyclonedx writes into the sources instead, a file for each package of the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use toml::Table;

use crate::Exit;
use crate::atomic;
use crate::cargo;
use crate::dist::{TARGETS, release_name};
use crate::flags;
use crate::output::print;
use crate::packages::{self, Graph, Id, Package};
use crate::source_date::SourceDate;
use crate::tools::workspace;

/// Prints the list, or writes it to a folder and prints its path.
pub fn run(flags: &flags::Sbom, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match write(&workspace(), flags, out) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

fn write(workspace: &Path, flags: &flags::Sbom, out: &mut dyn Write) -> Result<(), String> {
    let release = release_name(workspace)?;
    let text = text(workspace, &release)?;
    let Some(destination) = &flags.destination else {
        return print(out, &text).map_err(|e| e.to_string());
    };
    let path: PathBuf = destination.join(format!("osm-{release}.cdx.json"));
    fs::create_dir_all(destination)
        .and_then(|()| atomic::write(&path, text.as_bytes()))
        .map_err(|e| format!("{}: {e}", path.display()))?;
    print(out, &format!("{}\n", path.display())).map_err(|e| e.to_string())
}

/// Returns the list for all targets together.
///
/// # Errors
/// The lock file or the packages cannot be read, or there is no time.
fn text(workspace: &Path, release: &str) -> Result<String, String> {
    let locked = packages::locked(cargo::command(), workspace)?;
    let mut graph = Graph::new();
    for target in TARGETS {
        for (id, needed) in packages::compiled_in(workspace, target)? {
            graph.entry(id).or_default().extend(needed);
        }
    }
    let lock = workspace.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let checksums = checksums(&lock)?;
    let time = SourceDate::of(workspace).map_err(|e| e.to_string())?.time();
    let document = document(&graph, &locked, &checksums, release, &time);
    serde_json::to_string_pretty(&document)
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}

/// Returns the SHA-256 of each package in the lock file that comes from a registry.
fn checksums(lock: &str) -> Result<BTreeMap<Id, String>, String> {
    let lock: Table = lock.parse().map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let checksum = |package| {
        let id = (text(package, "name")?, text(package, "version")?);
        Some((id, text(package, "checksum")?))
    };
    Ok(packages
        .into_iter()
        .flatten()
        .filter_map(checksum)
        .collect())
}

/// Builds the document.
fn document(
    graph: &Graph,
    locked: &BTreeMap<Id, Package>,
    checksums: &BTreeMap<Id, String>,
    release: &str,
    time: &str,
) -> Value {
    let is_program = |id: &Id| id.0 == packages::PROGRAM;
    let others = graph.keys().filter(|id| !is_program(id));
    let components: Vec<Value> = others
        .map(|id| component(id, locked.get(id), checksums.get(id)))
        .collect();
    let dependencies: Vec<Value> = graph
        .iter()
        .map(|(id, needed)| {
            let needed: Vec<String> = needed.iter().map(purl).collect();
            json!({"ref": purl(id), "dependsOn": needed})
        })
        .collect();
    let mut program = graph.keys().find(|id| is_program(id)).map_or_else(
        || json!({}),
        |id| component(id, locked.get(id), checksums.get(id)),
    );
    program["type"] = "application".into();
    program["name"] = "osm".into();
    program["version"] = release.into();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": time, "component": program},
        "components": components,
        "dependencies": dependencies,
    });
    document["serialNumber"] = serial_number(&document.to_string()).into();
    document
}

fn component(id: &Id, package: Option<&Package>, checksum: Option<&String>) -> Value {
    let (name, version) = id;
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(id),
        "name": name,
        "version": version,
        "purl": purl(id),
        "scope": "required",
    });
    if let Some(license) = package.and_then(|package| package.license.as_deref()) {
        component["licenses"] = json!([{"expression": license}]);
    }
    if let Some(repository) = package.and_then(|package| package.repository.as_deref()) {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// Returns the name of a package as a package URL (<https://github.com/package-url/purl-spec>, the type `cargo`).
fn purl((name, version): &Id) -> String {
    // The only character of a version that a package URL does not take as it is.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// Returns the name of this content: a UUID with bytes of its SHA-256 (RFC 9562, section 5.8).
fn serial_number(content: &str) -> String {
    let hash = Sha256::digest(content);
    let mut hex: Vec<char> = hash
        .iter()
        .take(16)
        .flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>())
        .collect();
    // The version, and the variant in the upper two bits.
    for (at, digit) in [(12, '8'), (16, '8')] {
        if let Some(place) = hex.get_mut(at) {
            *place = digit;
        }
    }
    for at in [20, 16, 12, 8] {
        hex.insert(at, '-');
    }
    format!("urn:uuid:{}", hex.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn id(name: &str, version: &str) -> Id {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn a_document_names_each_package_with_its_license_and_checksum() {
        let program = id(packages::PROGRAM, "0.1.0");
        let web = id("web", "1.0.0+build.7");
        let package = |license: &str| Package {
            license: Some(license.to_owned()),
            repository: Some("https://code.test/web".to_owned()),
            folder: "/home/someone/web".into(),
            is_external: true,
        };
        let graph = Graph::from([
            (program, BTreeSet::from([web.clone()])),
            (web.clone(), BTreeSet::new()),
        ]);
        let locked = BTreeMap::from([(web, package("MIT OR Apache-2.0"))]);
        let lock = "[[package]]\nname = \"web\"\nversion = \"1.0.0+build.7\"\nchecksum = \"00ff\"\n\n\
                    [[package]]\nname = \"openservicemesh\"\nversion = \"0.1.0\"\n";
        let checksums = checksums(lock).unwrap();
        let of = |release| document(&graph, &locked, &checksums, release, "2026-11-30T00:00:00Z");
        insta::assert_snapshot!(serde_json::to_string_pretty(&of("v1.2.5")).unwrap());
        assert_eq!(of("v1.2.5"), of("v1.2.5"));
        assert_ne!(of("v1.2.5")["serialNumber"], of("v1.2.6")["serialNumber"]);
    }

    #[test]
    fn the_list_of_this_workspace_is_complete_and_has_no_path() {
        let workspace = workspace();
        let text = text(&workspace, "v1.2.5").unwrap();
        assert!(!text.contains(&*workspace.to_string_lossy()));
        let document: Value = serde_json::from_str(&text).unwrap();
        let components = document["components"].as_array().unwrap();
        let of = |name: &str| {
            let found = components
                .iter()
                .find(|component| component["name"] == name);
            found.unwrap_or_else(|| panic!("{name} is missing"))
        };
        // A package of the workspace, one of a registry, and one of Windows only.
        assert!(of("helm-chart")["hashes"].is_null());
        assert_eq!(
            of("rustls")["hashes"][0]["content"].as_str().unwrap().len(),
            64
        );
        assert_eq!(
            of("anstyle-wincon")["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        let refs: BTreeSet<&str> = (components.iter())
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        for dependency in document["dependencies"].as_array().unwrap() {
            for needed in dependency["dependsOn"].as_array().unwrap() {
                assert!(refs.contains(needed.as_str().unwrap()), "{needed}");
            }
        }
    }
}
