//! Lines `name: sha256:…`, alone in a file or inside the log of a CI job.

use super::error::At;
use super::lines::{self, LogLine, Word};
use super::{Problem, Row};
use crate::{Digest, Reference};

/// A word with at least this many hexadecimal digits is taken for a digest, even if it is damaged. No other word has as
/// many by chance.
const DIGITS_OF_A_DIGEST: usize = 32;

pub(super) fn parse(text: &str) -> Result<Vec<Row>, At> {
    let mut rows = Vec::new();
    for line in lines::of(text) {
        let line = LogLine::new(line);
        if let Some((name, digest)) = entry(&line) {
            if digest.text == "<none>" {
                return Err(digest.position().problem(Problem::NoneColumn("digest")));
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

/// Returns the image name and the digest word of a `name: digest` line, or `None` for any other line of a log.
///
/// A `name: digest` line has exactly two words: an image name with a colon, and a word that looks like a digest. A
/// damaged digest counts, so that it is reported and not overlooked; a word such as `https://…` does not.
pub(super) fn entry<'a>(line: &'a LogLine<'_>) -> Option<(Reference, Word<'a>)> {
    let mut words = line.words();
    let (name, digest) = (words.next()?, words.next()?);
    if words.next().is_some() || !looks_like_digest(digest.text) {
        return None;
    }
    Some((name.text.strip_suffix(':')?.parse().ok()?, digest))
}

fn looks_like_digest(word: &str) -> bool {
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
