//! Names an image that only a later release has.

#[allow(dead_code)]
#[path = "../fixtures/_expected_pins.rs"]
mod pins;

fn main() {
    println!("{}", pins::v2_0_0::TIDE_CLOCK);
}
