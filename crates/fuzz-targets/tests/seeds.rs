//! The committed seeds of the fuzz targets, without cargo-fuzz: every law holds for them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(fuzz().join(folder)).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect()
}

#[test]
fn every_law_holds_for_every_seed() {
    for (name, target) in fuzz_targets::ALL {
        let seeds = fs::read_dir(fuzz().join("corpus").join(name)).unwrap();
        let mut count = 0;
        for seed in seeds {
            let seed = seed.unwrap().path();
            println!("{}", seed.display());
            target(&fs::read(seed).unwrap());
            count += 1;
        }
        assert!(count >= 5, "{name} has only {count} seeds");
    }
}

#[test]
fn every_target_has_a_program_and_seeds() {
    let targets: BTreeSet<String> = (fuzz_targets::ALL.iter())
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
}
