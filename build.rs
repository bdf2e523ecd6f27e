//! Chooses the release that is compiled in, generates its pins and embeds the chart.

#[path = "build/channel.rs"]
mod channel;
#[path = "build/chart.rs"]
mod chart;

use std::path::Path;

use image_pins::codegen::{Config, report};

fn main() {
    // Tests run this program on input that has to fail.
    if let Ok(program) = std::env::current_exe() {
        println!("cargo::rustc-env=OSM_BUILD_SCRIPT={}", program.display());
    }
    let chart = Path::new("charts/osm");
    let release = channel::choose(Path::new("Cargo.toml"));
    let files = chart::files(chart);
    let (release, files) = match (release, files) {
        (Ok(release), Ok(files)) => (release, files),
        (Err(error), _) | (_, Err(error)) => return report(&error),
    };
    let pins = Config::new()
        .rerun_if_env_changed(channel::VARIABLE)
        .digests_dir("digests")
        .components("digests/components.toml")
        .release(release)
        .floating("main", "latest-main")
        .fix_command("cargo xtask import-digests --release {release} <digest file>")
        .require_keys(chart::component_keys(&files))
        .compile();
    if let Err(error) = pins {
        return report(&error);
    }
    if let Err(error) = chart::embed(&files) {
        report(&error);
    }
}
