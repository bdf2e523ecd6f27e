//! `cargo xtask dist`: the archives of a release for one target, and the checksums of what is released.
//!
//! The same commit gives the same bytes in every folder: see `build` for the program and `archive` for the archives.

mod archive;
pub(crate) mod build;
mod contents;
mod platform;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use image_pins::release_of_manifest;

use crate::Exit;
use crate::atomic;
use crate::checksums;
use crate::flags;
use crate::git::git;
use crate::output::print_written;
use crate::packages;
use crate::source_date::SourceDate;
use crate::tools::workspace;

use archive::File;
use build::Build;
use platform::Platform;

/// The targets of a release.
pub(crate) const TARGETS: [&str; 5] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-musl",
];

/// The profile of a release.
pub(crate) const RELEASE_PROFILE: &str = "release";

/// Builds the program, packs the archives, and prints their paths.
pub fn run(flags: &flags::Dist, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let written = dist(&workspace(), flags, err);
    print_written(written, out, err)
}

fn dist(
    workspace: &Path,
    flags: &flags::Dist,
    err: &mut dyn Write,
) -> Result<Vec<PathBuf>, String> {
    let target = match &flags.target {
        Some(target) => target.clone(),
        None => packages::host(workspace)?,
    };
    let platform = Platform::of(&target)?;
    let destination = &flags.destination;
    // Before anything is built.
    fs::create_dir_all(destination).map_err(|e| format!("{}: {e}", destination.display()))?;
    let time = SourceDate::of(workspace).map_err(|e| e.to_string())?;
    let commit = commit(workspace, err);
    let build = Build {
        workspace,
        target: &target,
        profile: flags.profile.as_deref().unwrap_or(RELEASE_PROFILE),
        commit: commit.as_deref(),
    };
    let program = build.program(&platform)?;
    let documentation = contents::documentation(workspace, time)?;
    let files = contents::files(workspace, &target, &platform, &program, documentation)?;
    let name = format!("osm-{}-{platform}", release_name(workspace)?);
    pack(&name, &files, time, destination)
}

/// Packs the archives, and writes the checksums of the folder. Returns the paths of the files.
fn pack(
    name: &str,
    files: &[File],
    time: SourceDate,
    destination: &Path,
) -> Result<Vec<PathBuf>, String> {
    let archives = [
        (format!("{name}.tar.gz"), archive::tar_gz(files, time)?),
        (format!("{name}.zip"), archive::zip(files, time)?),
    ];
    let mut paths = Vec::new();
    for (name, bytes) in archives {
        let path = destination.join(name);
        atomic::write(&path, &bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        paths.push(path);
    }
    paths.push(checksums::write(destination)?);
    Ok(paths)
}

/// Returns the name of the release or channel that the program installs by default.
///
/// # Errors
/// The manifest names none.
pub(crate) fn release_name(workspace: &Path) -> Result<String, String> {
    match std::env::var("OSM_RELEASE") {
        Ok(name) if !name.is_empty() => Ok(name),
        _ => release_of_manifest(&workspace.join("Cargo.toml"), "osm").map_err(|e| e.to_string()),
    }
}

/// Returns the commit, if the workspace is one: what is built of changed files is not that of the commit.
fn commit(workspace: &Path, err: &mut dyn Write) -> Option<String> {
    if let Ok(commit) = std::env::var(build::COMMIT) {
        return Some(commit).filter(|commit| !commit.is_empty());
    }
    let mut note = |text: &str| {
        let _ = writeln!(err, "note: `osm version` will name no commit: {text}");
    };
    match git(workspace, &["status", "--porcelain"]) {
        Err(error) => note(&error.to_string()),
        Ok(changes) if !changes.is_empty() => note("there are changes that are not committed"),
        Ok(_) => match git(workspace, &["rev-parse", "HEAD"]) {
            Err(error) => note(&error.to_string()),
            Ok(commit) => return Some(commit.trim().to_owned()),
        },
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_of_several_targets_share_a_file_of_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "program").unwrap();
        let destination = folder.path().join("out");
        fs::create_dir(&destination).unwrap();
        let documentation = vec![("man/osm.1".to_owned(), b".TH osm".to_vec())];
        let workspace = workspace();
        let host = packages::host(&workspace).unwrap();
        for target in [host.as_str(), "x86_64-pc-windows-msvc"] {
            let platform = Platform::of(target).unwrap();
            let files = contents::files(
                &workspace,
                target,
                &platform,
                &program,
                documentation.clone(),
            );
            let files = files.unwrap();
            let mut names: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
            names.sort_unstable();
            let wanted =
                ["LICENSE", "README.md", "THIRD-PARTY-LICENSES", "man/osm.1"].map(str::to_owned);
            let mut wanted = Vec::from(wanted);
            wanted.push(platform.file_of("osm"));
            let wanted: Vec<_> = wanted
                .iter()
                .map(|name| format!("{platform}/{name}"))
                .collect();
            assert_eq!(names, wanted);
            let programs: Vec<_> = files.iter().filter(|file| file.is_program).collect();
            assert_eq!(programs.len(), 1);
            assert_eq!(programs[0].content, b"program");

            let name = format!("osm-v1.2.5-{platform}");
            let pack = || pack(&name, &files, "0".parse().unwrap(), &destination).unwrap();
            let read = |paths: Vec<PathBuf>| {
                let read = paths.iter().map(|path| fs::read(path).unwrap());
                read.collect::<Vec<_>>()
            };
            assert_eq!(read(pack()), read(pack()));
        }
        let sums = checksums::read(&destination.join(checksums::FILE)).unwrap();
        assert_eq!(sums.len(), 4);
        for (name, sum) in sums {
            assert_eq!(checksums::of(&destination.join(name)).unwrap(), sum);
        }
    }
}
