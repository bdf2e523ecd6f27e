//! Randomly damaged digest files are refused or give the original pins, never other pins.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::fs;

use common::{Sandbox, V1_1_0, all_formats};
use xtask::Exit;

/// The number of corruptions over all formats.
const CORRUPTIONS: u64 = 1_200;
const DEFAULT_SEED: u64 = 0x6f73_6d20_7069_6e73;

/// `SplitMix64`: small, with the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number less than `end`, which must not be zero.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 256).unwrap()
    }
}

/// Returns the text, which must not be empty, with one kind of damage at one position.
fn corrupted(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = text.to_vec();
    let at = random.below(bytes.len());
    let end = at + random.below(bytes.len() - at).min(200);
    match random.below(10) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.byte(),
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, random.byte()),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let part = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, part);
        }
        7 => {
            // Another hexadecimal digit, which no parser can detect.
            let digits: Vec<usize> = (0..bytes.len())
                .filter(|at| bytes[*at].is_ascii_hexdigit())
                .collect();
            let digit = digits[random.below(digits.len())];
            bytes[digit] = b"0123456789abcdef"[random.below(16)];
        }
        8 => {
            let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
            let (one, other) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(one, other);
            lines.push(lines[random.below(lines.len())]);
            bytes = lines.concat();
        }
        _ => {
            // A digest replaced by another.
            let digests: Vec<usize> = text
                .windows(7)
                .enumerate()
                .filter(|(_, w)| w == b"sha256:")
                .map(|(at, _)| at)
                .collect();
            let from = digests[random.below(digests.len())];
            let to = digests[random.below(digests.len())];
            bytes[to..to + 71].copy_from_slice(&text[from..from + 71]);
        }
    }
    bytes
}

#[test]
fn a_corrupted_digest_file_changes_no_pin() {
    let seed = std::env::var("CORRUPTION_SEED").map_or(DEFAULT_SEED, |seed| seed.parse().unwrap());
    println!("CORRUPTION_SEED={seed}");
    let mut random = Random(seed);
    let formats = all_formats("v1.1.0", &V1_1_0);
    let (mut refused, mut accepted) = (0, 0);
    for (name, content) in &formats {
        let sandbox = Sandbox::new();
        sandbox.file(name, content);
        assert_eq!(sandbox.import(&format!("%{name}")).exit, Exit::Done);
        let before = sandbox.state();
        for round in 0..CORRUPTIONS / formats.len() as u64 {
            let bytes = corrupted(content.as_bytes(), &mut random);
            fs::write(sandbox.path(name), &bytes).unwrap();
            let run = sandbox.import(&format!("%{name}"));
            match run.exit {
                Exit::Refused => refused += 1,
                Exit::Done => accepted += 1,
                Exit::Differs => unreachable!("only --check gives this"),
            }
            let damaged = String::from_utf8_lossy(&bytes);
            assert_eq!(
                sandbox.state(),
                before,
                "seed {seed}, {name}, round {round}: {run:?}\n{damaged}"
            );
        }
    }
    println!("{refused} refused, {accepted} accepted as unchanged");
    // Both outcomes must occur, or the test tests nothing.
    assert!(
        refused > CORRUPTIONS / 2 && accepted > 0,
        "{refused} refused, {accepted} accepted"
    );
}

#[test]
fn a_pin_file_from_a_corrupted_digest_file_has_only_digests_of_that_file() {
    let mut random = Random(DEFAULT_SEED);
    for (name, content) in all_formats("v1.1.0", &V1_1_0) {
        for _ in 0..50 {
            let sandbox = Sandbox::new();
            let bytes = corrupted(content.as_bytes(), &mut random);
            sandbox.file(&name, &bytes);
            if sandbox.import(&format!("%{name}")).exit == Exit::Done {
                let text = String::from_utf8(bytes).unwrap();
                let images = sandbox.pins("v1.1.0").images;
                assert_eq!(images.len(), V1_1_0.len());
                assert!(
                    images
                        .values()
                        .all(|digest| text.contains(&digest.to_string())),
                    "{text}"
                );
            }
        }
    }
}
