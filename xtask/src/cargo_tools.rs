//! Programs from crates.io that a release or a test needs, built once into the cache folder of the user.

use std::fs;
use std::path::PathBuf;

use crate::cargo;
use crate::tools;

/// A package with a program. A version has one content on crates.io, which has the lock file of its dependencies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoTool {
    /// The name of the package and of the program.
    package: &'static str,
    /// Its version.
    version: &'static str,
}

/// Writes the list of dependencies into programs.
pub(crate) const AUDITABLE: CargoTool = CargoTool {
    package: "cargo-auditable",
    version: "0.7.7",
};

/// Judges licenses and sources of dependencies.
pub(crate) const DENY: CargoTool = CargoTool {
    package: "cargo-deny",
    version: "0.20.2",
};
/// The environment variable that names [`DENY`] for tests.
pub(crate) const DENY_VARIABLE: &str = "OSM_TEST_CARGO_DENY";
/// The test that needs [`DENY`].
pub(crate) const DENY_TESTS: &str = "cargo_deny_finds_";

impl CargoTool {
    /// Returns the name of the program.
    pub(crate) fn name(&self) -> &'static str {
        self.package
    }

    /// Returns the path of the program. Builds it if it is not in the cache.
    ///
    /// # Errors
    /// It cannot be built on this machine.
    pub(crate) fn provide(&self) -> Result<PathBuf, String> {
        let CargoTool { package, version } = self;
        let file = format!("{package}{}", std::env::consts::EXE_SUFFIX);
        let folder = tools::cache()?.join(format!("{package}-{version}"));
        let program = folder.join(&file);
        if program.is_file() {
            return Ok(program);
        }
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        // Built in a temporary folder and renamed, so that concurrent builds never see a partial file.
        let unfinished = tempfile::tempdir_in(&folder).map_err(|e| e.to_string())?;
        let status = cargo::command()
            .args(["install", "--quiet", "--locked", package])
            .args(["--version", &format!("={version}"), "--root"])
            .arg(unfinished.path())
            .env("CARGO_TARGET_DIR", unfinished.path().join("target"))
            .env_remove("CARGO_BUILD_BUILD_DIR")
            // Where CI shows that this workspace needs no C compiler, these name none.
            .env_remove("CC")
            .env_remove("CXX")
            .status()
            .map_err(|e| format!("cannot run cargo: {e}"))?;
        if !status.success() {
            return Err(format!("{package} {version} could not be built: {status}"));
        }
        fs::rename(unfinished.path().join("bin").join(&file), &program)
            .map_err(|e| format!("{}: {e}", program.display()))?;
        Ok(program)
    }
}
