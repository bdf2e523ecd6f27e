//! What `osm version` says of this build: its target, and the pin file of its release.

use std::fmt::Write as _;
use std::fs;

use sha2::{Digest as _, Sha256};

/// Passes the facts to the compiler. The commit is not one of them: it would rebuild the program after each commit, so
/// only `cargo xtask dist` names it, in `OSM_COMMIT`.
///
/// # Errors
/// The pin file cannot be read.
pub fn emit(release: &str, channel: &str) -> Result<(), String> {
    // Cargo sets it.
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=OSM_TARGET={target}");
    let mut sum = String::new();
    if release != channel {
        let path = format!("digests/{release}.toml");
        let content = fs::read(&path).map_err(|e| format!("{path}: cannot read: {e}"))?;
        for byte in Sha256::digest(content) {
            // A string takes everything.
            let _ = write!(sum, "{byte:02x}");
        }
    }
    // Empty for a channel: without it, the compiler would take the variable of this process.
    println!("cargo::rustc-env=OSM_PIN_FILE_SHA256={sum}");
    Ok(())
}
