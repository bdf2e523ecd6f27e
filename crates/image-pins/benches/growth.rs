//! Checks that the import of a log and the code generator take linear time: ten times the input takes about ten times as
//! long. Prints the ratios; the exit code is 1 if a ratio is above the bound.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use image_pins::codegen::{Config, Input};
use image_pins::{Digest, PinFile, ReleaseName, Source, digest_file};
use measurements::{Bound, Judge};

/// The maximum ratio of the times for ten times the input.
const BOUND: f64 = 12.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut judge = Judge::default();
    {
        let (small, large) = (log(10_000), log(100_000));
        compare(
            &mut judge,
            "importing a log of 10,000 and 100,000 lines",
            || digest_file::parse(small.as_bytes(), Path::new("small.log"), None).map(drop),
            || digest_file::parse(large.as_bytes(), Path::new("large.log"), None).map(drop),
        )?;
    }
    {
        let (small, large) = (releases(100)?, releases(1_000)?);
        let mut config = Config::new();
        config.release("v1.0.0");
        compare(
            &mut judge,
            "generating code for 100 and 1,000 releases",
            || config.generate(&small).map(drop),
            || config.generate(&large).map(drop),
        )?;
    }
    Ok(judge.exit_code())
}

/// Measures both and judges the ratio of their times.
fn compare<E: Error + 'static>(
    judge: &mut Judge,
    what: &str,
    mut small: impl FnMut() -> Result<(), E>,
    mut large: impl FnMut() -> Result<(), E>,
) -> Result<(), Box<dyn Error>> {
    // The runs alternate, and the fastest counts, because it is disturbed least by other work.
    let (mut least_small, mut least_large) = (Duration::MAX, Duration::MAX);
    for _ in 0..7 {
        least_small = least_small.min(time(&mut small)?);
        least_large = least_large.min(time(&mut large)?);
    }
    let (large, small) = (
        ("ten times the input", least_large),
        ("the input", least_small),
    );
    judge.ratio(what, large, small, Bound::AtMost(BOUND));
    Ok(())
}

fn time<E: Error + 'static>(
    run: &mut impl FnMut() -> Result<(), E>,
) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

/// A job log with the digests of five images in the middle.
fn log(lines: usize) -> String {
    let mut text = String::new();
    for i in 0..lines {
        let second = i % 60;
        let _ = write!(text, "2021-09-21T15:04:{second:02}.1234567Z ");
        let image = i.checked_sub(lines / 2).filter(|image| *image < 5);
        let _ = match image {
            Some(image) => writeln!(text, "image-{image}: {}", digest(image)),
            None => writeln!(
                text,
                "\u{1b}[32mstep {i}\u{1b}[0m: pushing layer: already exists"
            ),
        };
    }
    text
}

fn releases(count: usize) -> Result<Input, Box<dyn Error>> {
    let registry = "registry.example.com/project";
    let pin_files = (0..count)
        .map(|i| {
            Ok(PinFile {
                release: ReleaseName::new(1, u64::try_from(i)?, 0),
                registry: registry.parse()?,
                source: Source {
                    file: format!("v1.{i}.0.log"),
                    format: "name-lines".to_owned(),
                    sha256: digest(i),
                },
                images: (0..7)
                    .map(|n| (format!("image-{n}"), digest(i * 7 + n)))
                    .collect(),
                external: BTreeMap::new(),
            })
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    Ok(Input {
        pin_files,
        components: None,
    })
}

/// Returns a different digest for each seed.
fn digest(seed: usize) -> Digest {
    let mut bytes = [0xa5; 32];
    for (slot, byte) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *slot ^= byte;
    }
    Digest::Sha256(bytes)
}
