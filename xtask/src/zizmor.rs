//! The real zizmor, which looks for what is dangerous in workflows. It is a program in Python wheels, pinned by their hashes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::tools;

/// The name of the program.
pub const NAME: &str = "zizmor";
/// The environment variable that names the program for tests. If it is set, nothing is fetched.
pub const VARIABLE: &str = "OSM_TEST_ZIZMOR";
/// The test that needs it.
pub const TESTS: &str = "zizmor_has_no_findings";

/// Returns the path of the program. Fetches it if it is not in the cache.
///
/// # Errors
/// It cannot be fetched: there is no Python or no wheel for this machine, or the environment variable names a file that does
/// not exist.
pub fn provide(workspace: &Path) -> Result<PathBuf, String> {
    if let Some(named) = tools::named(VARIABLE)? {
        return Ok(named);
    }
    let requirements = workspace.join("tests/tools/zizmor/requirements.txt");
    let folder = tools::cache()?.join(format!("{NAME}-{}", key(&requirements)?));
    let program = |folder: &Path| folder.join("bin").join(NAME);
    if !program(&folder).is_file() {
        fetch(&requirements, &folder, &program).map_err(|error| {
            format!("{error} (or install zizmor, and set {VARIABLE} to its path)")
        })?;
    }
    Ok(program(&folder))
}

/// Installs the wheel into the folder.
fn fetch(
    requirements: &Path,
    folder: &Path,
    program: &dyn Fn(&Path) -> PathBuf,
) -> Result<(), String> {
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
    if !program(unfinished.path()).is_file() {
        return Err(format!("the wheel of {NAME} has no program"));
    }
    match fs::rename(unfinished.path(), folder) {
        // Another process was faster.
        Err(_) if program(folder).is_file() => Ok(()),
        renamed => renamed.map_err(|e| format!("{}: {e}", folder.display())),
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
