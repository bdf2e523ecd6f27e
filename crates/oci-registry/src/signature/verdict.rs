//! What all candidates together say about an image.

use std::collections::BTreeMap;
use std::fmt;

use super::{Format, Rejected, Signed, plain};

/// What a user has to know about every verdict.
const NO_LOG: &str = "no transparency log was consulted";
/// How many different problems a message names.
const SHOWN_PROBLEMS: usize = 8;

/// What became of one candidate, or of a place where signatures can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A valid signature of the image.
    Valid(Signed),
    /// Something else.
    Rejected(Rejected),
    /// It could not be read, and this is why.
    Unreadable(String),
}

impl From<Result<Signed, Rejected>> for Outcome {
    fn from(result: Result<Signed, Rejected>) -> Outcome {
        match result {
            Ok(signed) => Outcome::Valid(signed),
            Err(rejected) => Outcome::Rejected(rejected),
        }
    }
}

/// Why one candidate does not count, or a place could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The candidate is not a valid signature.
    #[error("{0}")]
    Rejected(Rejected),
    /// There may be signatures that could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// The image has at least one valid signature. Its `Display` says how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    signatures: Vec<(Format, Signed)>,
    /// What else was found. It does not make the signatures less valid.
    pub problems: Vec<(Format, Problem)>,
}

impl Verified {
    /// Returns all valid signatures: at least one.
    pub fn signatures(&self) -> &[(Format, Signed)] {
        &self.signatures
    }

    /// Returns how many valid signatures have a format.
    pub fn count(&self, format: Format) -> usize {
        let has_format = |(found, _): &&(Format, Signed)| *found == format;
        self.signatures.iter().filter(has_format).count()
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.signatures.len();
        write!(
            f,
            "{count} valid signature{}",
            if count == 1 { "" } else { "s" }
        )?;
        let formats: Vec<String> = [Format::SimpleSigning, Format::Bundle]
            .into_iter()
            .filter(|format| self.count(*format) > 0)
            .map(|format| match self.count(format) {
                1 => format.to_string(),
                count => format!("{count} × {format}"),
            })
            .collect();
        write!(f, " ({}); {NO_LOG}", formats.join(", "))
    }
}

/// The image has no valid signature, as far as its places could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// Why nothing of what was found counts. Empty if nothing was found.
    pub problems: Vec<(Format, Problem)>,
}

impl Unverified {
    /// Returns whether something could not be read, so that there may be a valid signature all the same.
    pub fn is_incomplete(&self) -> bool {
        let is_unreadable =
            |(_, problem): &(Format, Problem)| matches!(problem, Problem::Unreadable(_));
        self.problems.iter().any(is_unreadable)
    }
}

impl std::error::Error for Unverified {}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            return write!(f, "no signature found; {NO_LOG}");
        }
        let (shown, more) = summary(&self.problems);
        write!(f, "no valid signature found: {}", shown.join("; "))?;
        if more > 0 {
            write!(f, "; and {more} more")?;
        }
        write!(f, "; {NO_LOG}")
    }
}

/// Returns a text for each of the first different problems, and how many candidates are not in them.
fn summary(problems: &[(Format, Problem)]) -> (Vec<String>, usize) {
    let mut texts: Vec<String> = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (format, problem) in problems {
        let text = format!("{format}: {problem}");
        let count = counts.entry(text.clone()).or_default();
        if *count == 0 {
            texts.push(text);
        }
        *count += 1;
    }
    texts.truncate(SHOWN_PROBLEMS);
    let count = |text: &String| counts.get(text).copied().unwrap_or_default();
    let shown: usize = texts.iter().map(count).sum();
    let with_count = |text: &String| match count(text) {
        1 => text.clone(),
        count => format!("{text} ({count} times)"),
    };
    (
        texts.iter().map(with_count).collect(),
        problems.len() - shown,
    )
}

/// Judges an image by the outcomes of both places. One valid signature is enough: neither what else is there nor an
/// error at the other place hides it.
///
/// # Errors
/// There is no valid signature. The error has all reasons.
pub fn judge(
    outcomes: impl IntoIterator<Item = (Format, Outcome)>,
) -> Result<Verified, Unverified> {
    let (mut signatures, mut problems) = (Vec::new(), Vec::new());
    for (format, outcome) in outcomes {
        match outcome {
            Outcome::Valid(signed) => signatures.push((format, signed)),
            Outcome::Rejected(rejected) => problems.push((format, Problem::Rejected(rejected))),
            Outcome::Unreadable(error) => {
                problems.push((format, Problem::Unreadable(plain(&error))));
            }
        }
    }
    match signatures.is_empty() {
        true => Err(Unverified { problems }),
        false => Ok(Verified {
            signatures,
            problems,
        }),
    }
}
