//! The smallest program with pins that are compiled in: it prints them, or tells whether an image is one of them.
//!
//! It is an example of a program that uses `image-pins`, and what CI builds twice to see that builds are reproducible.

use std::io::{self, Write as _};
use std::process::ExitCode;

use image_pins::Reference;

#[allow(missing_docs, dead_code)]
mod pins {
    include!(concat!(env!("OUT_DIR"), "/pins.rs"));
}

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut images = pins::V2_1_0.images.iter();
    let Some(argument) = std::env::args().nth(1) else {
        for image in images {
            writeln!(out, "{image}")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    match argument.parse::<Reference>() {
        Ok(reference) if images.any(|image| image.to_string() == reference.to_string()) => {
            writeln!(out, "{reference} is pinned")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(reference) => {
            writeln!(out, "{reference} is not pinned")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            writeln!(io::stderr(), "error: {error}")?;
            Ok(ExitCode::from(2))
        }
    }
}
