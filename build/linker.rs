//! Chooses how the program is linked.

use std::process::Command;

/// The first glibc that understands compact relocations (its file NEWS, "`DT_RELR`").
const GLIBC: (u32, u32) = (2, 36);

/// The environment variable for a program that goes to other machines, with an older glibc, too.
const PORTABLE: &str = "OSM_PORTABLE";

/// Writes the relocations of the program in the compact form, which makes it smaller by a thirtieth.
///
/// The loader has to understand it, so this is done only where the program is built for its own machine, and not with
/// `OSM_PORTABLE` in the environment.
pub fn compact_relocations() {
    println!("cargo::rerun-if-env-changed={PORTABLE}");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_own = variable("HOST") == variable("TARGET");
    let is_glibc =
        variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    let is_portable = !variable(PORTABLE).is_empty();
    if is_own && is_glibc && !is_portable && glibc().is_some_and(|version| version >= GLIBC) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of glibc of this machine.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
