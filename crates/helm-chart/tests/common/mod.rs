//! The harness: folders for charts, and the real helm to compare with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a finished command printed.
pub struct Output {
    pub code: i32,
    pub stderr: String,
}

/// Runs the real helm, which `cargo xtask test` provides.
pub fn helm<S: AsRef<str>>(args: &[S]) -> Output {
    let helm = std::env::var_os("OSM_TEST_HELM")
        .expect("OSM_TEST_HELM names the helm to compare with: run `cargo xtask test`");
    let done = Command::new(helm)
        .args(args.iter().map(AsRef::as_ref))
        .env_clear()
        .env("HOME", std::env::temp_dir())
        .output()
        .unwrap();
    Output {
        code: done.status.code().unwrap_or(-1),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// A folder of its own for a test, empty at its start.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("helm-chart")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a file and the folders it is in.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
