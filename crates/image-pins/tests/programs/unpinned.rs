//! Names an image that no release has.

#[allow(dead_code)]
#[path = "../fixtures/_expected_pins.rs"]
mod pins;

fn main() {
    println!("{}", pins::default::HARBOUR);
}
