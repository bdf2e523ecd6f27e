//! The real parts that tests run against, built once from the Go modules under `tests/tools/`.
//!
//! A built part lies in the user's cache folder, keyed by the module's go.mod and go.sum: it survives
//! `cargo clean` and is shared by all checkouts, and another version of it gets a place of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// A program that a Go module of the workspace pins.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name: the folder under `tests/tools/`, and the program.
    pub name: &'static str,
    /// The Go package that is built.
    pub package: &'static str,
    /// The environment variable by which tests find the program. Where it is set already, it is used.
    pub variable: &'static str,
}

/// The real helm.
pub const HELM: Tool = Tool {
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    variable: "OSM_TEST_HELM",
};

impl Tool {
    /// The program's path; it is built first if it is not in the cache.
    ///
    /// # Errors
    ///
    /// Why it cannot be had on this machine.
    pub fn provide(&self, workspace: &Path) -> Result<PathBuf, String> {
        if let Some(path) = env::var_os(self.variable).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            return match path.is_file() {
                true => Ok(path),
                false => Err(format!(
                    "{} names {}, which is not there",
                    self.variable,
                    path.display()
                )),
            };
        }
        let module = workspace.join("tests/tools").join(self.name);
        let folder = cache()?.join(format!("{}-{}", self.name, key(&module)?));
        let program = folder.join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        self.build(&module, &folder)?;
        Ok(program)
    }

    fn build(&self, module: &Path, folder: &Path) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        // Built beside its place and moved there: whoever else builds it sees the whole or nothing.
        let unfinished = tempfile::tempdir_in(folder).map_err(|e| e.to_string())?;
        let built = unfinished.path().join(self.name);
        let status = Command::new("go")
            .args([
                "build",
                "-trimpath",
                "-buildvcs=false",
                "-ldflags=-s -w",
                "-o",
            ])
            .arg(&built)
            .arg(self.package)
            .current_dir(module)
            .env("CGO_ENABLED", "0")
            .status()
            .map_err(|e| {
                format!(
                    "Go is needed to build {} (https://go.dev/dl): {e}",
                    self.name
                )
            })?;
        if !status.success() {
            return Err(format!("go build of {} failed ({status})", self.package));
        }
        let place = folder.join(self.name);
        fs::rename(&built, &place).map_err(|e| format!("{}: {e}", place.display()))
    }
}

/// The folder for built parts: `osm-test-tools` in the user's cache folder.
fn cache() -> Result<PathBuf, String> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set: there is no cache folder")?;
    Ok(base.join("osm-test-tools"))
}

/// The first half of the hash of what pins the module's versions.
fn key(module: &Path) -> Result<String, String> {
    let mut hash = Sha256::new();
    for name in ["go.mod", "go.sum"] {
        let path = module.join(name);
        hash.update(fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?);
    }
    Ok(hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
