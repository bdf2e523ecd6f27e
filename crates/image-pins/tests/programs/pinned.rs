//! Names an image that the default release pins.

#[allow(dead_code)]
#[path = "../fixtures/_expected_pins.rs"]
mod pins;

fn main() {
    println!("{}", pins::default::TIDE_CLOCK);
}
