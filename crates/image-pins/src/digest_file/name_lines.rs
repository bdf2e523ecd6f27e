//! Lines `name: sha256:…`, alone in a file or inside the log of a CI job.

use super::error::At;
use super::lines::{self, LogLine, Word};
use super::{Problem, Row};
use crate::{Digest, Reference};

/// As many hexadecimal digits as no word has by chance; so many make a word a digest, even a damaged one.
const DIGITS_OF_A_DIGEST: usize = 32;

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let mut rows = Vec::new();
    for line in lines::of(text) {
        let line = LogLine::new(line);
        if let Some((name, digest)) = entry(&line) {
            if digest.text == "<none>" {
                return Err(digest.position().problem(Problem::None("digest")));
            }
            let value: Digest = digest
                .text
                .parse()
                .map_err(|error| digest.position().problem(Problem::Digest(error)))?;
            let row = super::row(&name, value, digest.position());
            rows.push(row.map_err(|problem| line.position().problem(problem))?);
        }
    }
    Ok(rows)
}

/// The image and the word that should be its digest, if the line is one of those that are looked for.
///
/// A line of a log is one if it has two words: an image name with a colon, and what was meant as a digest. Damaged
/// digests must count, or they would be overlooked; a word such as `https://…` must not.
pub(super) fn entry<'a>(line: &'a LogLine<'_>) -> Option<(Reference, Word<'a>)> {
    let mut words = line.words();
    let (name, digest) = (words.next()?, words.next()?);
    if words.next().is_some() || !meant_as_digest(digest.text) {
        return None;
    }
    Some((name.text.strip_suffix(':')?.parse().ok()?, digest))
}

fn meant_as_digest(word: &str) -> bool {
    let Some((algorithm, digits)) = word.split_once(':') else {
        return word == "<none>";
    };
    let known = ["sha256", "sha512"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(algorithm));
    known
        || digits.chars().filter(char::is_ascii_hexdigit).count() >= DIGITS_OF_A_DIGEST
            && !digits.contains('/')
}
