//! Compiles the pins of the example in.

use image_pins::codegen::{Config, report};

fn main() {
    let compiled = Config::new()
        .digests_dir("../image-pins/examples/digests")
        .components("../image-pins/examples/digests/components.toml")
        .release("v2.1.0")
        .fix_command("make digests RELEASE={release}")
        .compile();
    if let Err(error) = compiled {
        report(&error);
    }
}
