//! Pins the images of an imaginary command line, `seaport`.
//!
//! In a project, this is `main` of `build.rs`, without `out_dir` and `out_file`. The program includes the constants with
//! `include!(concat!(env!("OUT_DIR"), "/pins.rs"))`. Run the example with
//! `cargo run -p image-pins --features codegen --example pin_images`.

use image_pins::codegen::{Config, Error};

fn main() -> Result<(), Error> {
    Config::new()
        .digests_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digests"))
        .components(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/examples/digests/components.toml"
        ))
        .release("v2.1.0")
        .floating("nightly", "edge")
        .fix_command("make digests RELEASE={release}")
        .require_keys([("harbor", "charts/seaport/values.yaml:4")])
        .out_dir(std::env::temp_dir())
        .out_file("seaport_pins.rs")
        .compile()
}
