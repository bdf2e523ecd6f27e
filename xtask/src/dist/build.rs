//! Builds the program so that the same commit gives the same bytes in every folder.
//!
//! Without more, a program contains the paths of the folders that it was built in: in messages of panics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::RELEASE_PROFILE;
use super::platform::Platform;
use crate::cargo;
use crate::cargo_tools::AUDITABLE;
use crate::packages::{self, Id, Package};

/// The environment variable with the commit that `osm version` prints.
pub(crate) const COMMIT: &str = "OSM_COMMIT";
/// The environment variable for a program that goes to other machines.
const PORTABLE: &str = "OSM_PORTABLE";

/// How cargo-auditable is called as a wrapper of the compiler: with the arguments of cargo that matter to its list.
///
/// Its own command, `cargo auditable`, makes it the wrapper for the workspace, whose path becomes a part of symbols.
const AUDITABLE_ARGUMENTS: (&str, &str) = (
    "CARGO_AUDITABLE_ORIG_ARGS",
    r#"{"offline":false,"locked":true,"frozen":false,"config":[]}"#,
);

/// Variables that would replace our flags of the compiler, or move what is built.
const OTHERS: [&str; 3] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_BUILD_DIR",
];

/// What is built.
pub(super) struct Build<'a> {
    /// The folder of the workspace.
    pub(super) workspace: &'a Path,
    /// The target of Rust.
    pub(super) target: &'a str,
    /// The profile of cargo.
    pub(super) profile: &'a str,
    /// The commit that the program names.
    pub(super) commit: Option<&'a str>,
}

impl Build<'_> {
    /// Builds the program, and returns its path.
    ///
    /// Only a program of a release names its dependencies and has the same bytes everywhere. Others are for tests, which
    /// need what was built before.
    ///
    /// # Errors
    /// A tool or the program cannot be built.
    pub(super) fn program(&self, platform: &Platform) -> Result<PathBuf, String> {
        let is_release = self.profile == RELEASE_PROFILE;
        let mut folder = cargo::target_folder(self.workspace);
        let mut command = cargo::command();
        command
            .args(["build", "--locked", "--package", packages::PROGRAM])
            .args(["--bin", "osm", "--profile", self.profile])
            .current_dir(self.workspace)
            .env(PORTABLE, "1")
            .env_remove(COMMIT)
            .envs(self.commit.map(|commit| (COMMIT, commit)));
        provide_target(self.workspace, self.target)?;
        if is_release {
            for variable in OTHERS {
                command.env_remove(variable);
            }
            // Apart from what is built with other flags.
            folder.push("reproducible");
            command
                .args(reproducible(
                    self.workspace,
                    &folder,
                    &packages::locked(cargo::command(), self.workspace)?,
                )?)
                .env("RUSTC_WRAPPER", AUDITABLE.provide()?)
                .env(AUDITABLE_ARGUMENTS.0, AUDITABLE_ARGUMENTS.1);
        }
        command.arg("--target-dir").arg(&folder);
        // A program for this machine is built in another folder if the target is named, so it always is in a release.
        if is_release || self.target != packages::host(self.workspace)? {
            command.args(["--target", self.target]);
            folder.push(self.target);
        }
        run(command)?;
        folder.push(match self.profile {
            "dev" => "debug",
            profile => profile,
        });
        Ok(folder.join(platform.file_of("osm")))
    }
}

/// Returns arguments of cargo for programs that contain no path of this machine.
///
/// # Errors
/// A path cannot be written as an argument.
pub(crate) fn reproducible(
    workspace: &Path,
    target_folder: &Path,
    packages: &BTreeMap<Id, Package>,
) -> Result<Vec<String>, String> {
    let external = packages.values().filter(|package| package.is_external);
    let folders: BTreeSet<_> = external
        .filter_map(|package| package.folder.parent())
        .collect();
    let mut flags = Vec::new();
    let mut replace = |folder: &Path, name: &str| {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    };
    // The last one that fits counts.
    replace(workspace, "/osm");
    replace(target_folder, "/target");
    for folder in folders {
        replace(folder, "/registry");
    }
    let flags = serde_json::to_string(&flags).map_err(|e| e.to_string())?;
    // Unlike an environment variable, it adds to what configuration files say. A list of JSON is one of TOML.
    Ok(vec![
        "--config".to_owned(),
        format!("target.\"cfg(all())\".rustflags={flags}"),
        // Time stamps of the linker of Windows.
        "--config".to_owned(),
        r#"target."cfg(target_env = \"msvc\")".rustflags=["-Clink-arg=/Brepro"]"#.to_owned(),
    ])
}

/// Installs the standard library of a target, if it is not there.
fn provide_target(workspace: &Path, target: &str) -> Result<(), String> {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(workspace);
    let folder = packages::output(rustc)?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup
        .args(["target", "add", target])
        .current_dir(workspace);
    packages::output(rustup).map(drop).map_err(|error| {
        format!("Rust cannot build for {target} here: install its standard library. {error}")
    })
}

fn run(mut command: Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the program could not be built: {status}")),
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::tools::workspace;

    #[test]
    fn the_program_of_a_release_has_no_symbols() {
        let manifest = std::fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let manifest: Table = manifest.parse().unwrap();
        let release = &manifest["profile"][RELEASE_PROFILE];
        assert_eq!(release["strip"].as_bool(), Some(true));
        // The settings of a package replace this one of the profile.
        let program = &release["package"][packages::PROGRAM];
        assert_eq!(program["strip"].as_bool(), Some(true));
    }

    #[test]
    fn every_path_of_this_machine_is_replaced() {
        let package = |folder: &str, is_external| Package {
            license: None,
            repository: None,
            folder: folder.into(),
            is_external,
        };
        let id = |name: &str| (name.to_owned(), "1.0.0".to_owned());
        let packages = BTreeMap::from([
            (id("a"), package("/home/a b/registry/src/one/a-1.0.0", true)),
            (id("b"), package("/home/a b/registry/src/one/b-1.0.0", true)),
            (id("own"), package("/w/own", false)),
        ]);
        let arguments = reproducible(Path::new("/w"), Path::new("/w/target"), &packages).unwrap();
        let config: Table = arguments[1].parse().unwrap();
        let flags = config["target"]["cfg(all())"]["rustflags"]
            .as_array()
            .unwrap();
        let flags: Vec<_> = flags.iter().map(|flag| flag.as_str().unwrap()).collect();
        assert_eq!(
            flags,
            [
                "--remap-path-prefix=/w=/osm",
                "--remap-path-prefix=/w/target=/target",
                "--remap-path-prefix=/home/a b/registry/src/one=/registry",
            ]
        );
        assert!(arguments[3].parse::<Table>().is_ok(), "{}", arguments[3]);
    }
}
