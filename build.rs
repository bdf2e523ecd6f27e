//! Checks and embeds the pins, then the chart, names the build, and chooses how the program is linked.

#[path = "build/chart.rs"]
mod chart;
#[path = "build/facts.rs"]
mod facts;
#[path = "build/linker.rs"]
mod linker;

use std::path::Path;

use image_pins::codegen::{Config, report};

/// The environment variable that chooses another release, or the channel, than Cargo.toml does.
const RELEASE: &str = "OSM_RELEASE";
/// The channel of development builds, and the tag of its images.
const CHANNEL: (&str, &str) = ("main", "latest-main");

fn main() {
    // Tests run this program on input that has to fail.
    if let Ok(program) = std::env::current_exe() {
        println!("cargo::rustc-env=OSM_BUILD_SCRIPT={}", program.display());
    }
    linker::compact_relocations();
    if let Err(error) = build() {
        report(&error);
    }
}

fn build() -> Result<(), String> {
    let (channel, tag) = CHANNEL;
    let chart = chart::load()?;
    let release = release()?;
    let mut config = Config::new();
    config
        .rerun_if_env_changed(RELEASE)
        .digests_dir("digests")
        .components("digests/components.toml")
        .release(release.as_str())
        .floating(channel, tag)
        .fix_command("cargo xtask import-digests --release {release} <digest file>")
        .require_keys(chart::component_keys(&chart));
    let input = config.read().map_err(|e| e.to_string())?;
    config.write(&input).map_err(|e| e.to_string())?;
    facts::emit(&release, channel)?;
    chart::check_values(&chart, &input, tag)?;
    chart::embed(&chart)
}

/// The release or channel that this build installs by default.
fn release() -> Result<String, String> {
    let manifest = Path::new("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    match std::env::var(RELEASE) {
        Ok(release) if !release.is_empty() => Ok(release),
        _ => image_pins::release_of_manifest(manifest, "osm").map_err(|e| e.to_string()),
    }
}
