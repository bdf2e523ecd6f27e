//! Lines and words of text files and CI logs, with their positions.

use std::borrow::Cow;

use super::error::At;
use super::{MAX_LEN, Position, Problem, places};

/// Checks that a file is UTF-8 text that is not empty and has no NUL bytes, and returns it without byte-order mark.
pub(super) fn checked_text(bytes: &[u8]) -> Result<&str, At> {
    if bytes.len() > MAX_LEN {
        return Err(Problem::TooLarge.into());
    }
    // Checked before UTF-8, because UTF-16 without a byte-order mark is often valid UTF-8 with NUL bytes.
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(places::of_byte(bytes, at).problem(Problem::Nul));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| places::of_byte(bytes, error.valid_up_to()).problem(Problem::NotUtf8))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Problem::Empty.into());
    }
    if let Some(line) = of(text).find(|line| is_conflict_marker(line.text)) {
        let at = Position {
            line: line.number,
            column: 1,
        };
        return Err(at.problem(Problem::ConflictMarker));
    }
    Ok(text)
}

/// Returns whether a line is one that Git writes where two versions conflict. A line of `=` alone may be anything.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|marker| {
        line.strip_prefix(marker)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// A line without its line ending, and its number from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) text: &'a str,
}

/// Splits text into lines, at LF and CRLF.
pub(super) fn of(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().enumerate().map(|(index, text)| Line {
        number: index + 1,
        text,
    })
}

/// A line of a log, without escape sequences and timestamp.
#[derive(Debug)]
pub(super) struct LogLine<'a> {
    line: Line<'a>,
    plain: Cow<'a, str>,
    /// Where the message begins in `plain`.
    start: usize,
}

impl<'a> LogLine<'a> {
    pub(super) fn new(line: Line<'a>) -> Self {
        let plain = without_escapes(line.text);
        let start = plain.len() - message(&plain).len();
        Self { line, plain, start }
    }

    /// Returns the words, each with its position in the file.
    pub(super) fn words(&self) -> impl Iterator<Item = Word<'_>> {
        let mut rest = self.start;
        std::iter::from_fn(move || {
            let tail = self.plain.get(rest..)?;
            let trimmed = tail.trim_start();
            let start = rest + (tail.len() - trimmed.len());
            let text = trimmed
                .split(char::is_whitespace)
                .next()
                .filter(|word| !word.is_empty())?;
            rest = start + text.len();
            Some(Word {
                text,
                line: self,
                start,
            })
        })
    }

    /// Returns the position of the message.
    pub(super) fn position(&self) -> Position {
        self.position_of(self.start)
    }

    fn position_of(&self, offset: usize) -> Position {
        Position {
            line: self.line.number,
            column: 1 + column_before_escapes(self.line.text, offset),
        }
    }
}

/// A word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    line: &'a LogLine<'a>,
    start: usize,
}

impl Word<'_> {
    pub(super) fn position(&self) -> Position {
        self.line.position_of(self.start)
    }
}

const ESCAPE: char = '\u{1b}';

/// Removes terminal escape sequences (ECMA-48: CSI and control strings; others are an escape and one character).
fn without_escapes(text: &str) -> Cow<'_, str> {
    let Some((before, rest)) = text.split_once(ESCAPE) else {
        return Cow::Borrowed(text);
    };
    let mut plain = String::with_capacity(text.len());
    plain.push_str(before);
    for part in rest.split(ESCAPE) {
        plain.push_str(after_escape(part));
    }
    Cow::Owned(plain)
}

/// Returns the number of characters before the one at `offset` of the text without escape sequences.
fn column_before_escapes(text: &str, offset: usize) -> usize {
    let mut plain = 0;
    let mut characters = 0;
    for (index, part) in text.split(ESCAPE).enumerate() {
        let visible = if index == 0 { part } else { after_escape(part) };
        if offset < plain + visible.len() {
            let hidden = part.len() - visible.len();
            let upto = part.get(..hidden + (offset - plain)).unwrap_or(part);
            return characters + usize::from(index > 0) + upto.chars().count();
        }
        plain += visible.len();
        characters += usize::from(index > 0) + part.chars().count();
    }
    characters
}

/// Returns the rest of the text after an escape character and its sequence.
fn after_escape(part: &str) -> &str {
    let mut characters = part.chars();
    match characters.next() {
        Some('[') => {
            let rest = characters.as_str();
            rest.find(|c| ('\u{40}'..='\u{7e}').contains(&c))
                .and_then(|last| rest.get(last + 1..))
                .unwrap_or_default()
        }
        // OSC, DCS, SOS, PM and APC end with BEL, or with escape and backslash, which begin the next part.
        Some(']' | 'P' | 'X' | '^' | '_') => characters
            .as_str()
            .split_once('\u{7}')
            .map_or("", |(_, rest)| rest),
        _ => characters.as_str(),
    }
}

/// Returns the message of a log line, without timestamp and without what CI services and container runtimes add: the job
/// and step of `gh run view --log`, the stream after a timestamp.
fn message(line: &str) -> &str {
    let mut columns = line.splitn(3, '\t');
    let (_job, _step) = (columns.next(), columns.next());
    if let Some(message) = columns
        .next()
        .and_then(|last| without_timestamp(last.trim_start_matches('\u{feff}')))
    {
        return message;
    }
    without_timestamp(line.trim_start()).map_or(line, |message| {
        without_stream(message.trim_start()).unwrap_or(message)
    })
}

/// Returns the text after the name of a stream: `01O ` of GitLab (number, `O` or `E`, `+` if the line goes on with the
/// one before), `stdout F ` of the Container Runtime Interface (`P` for a part of a line).
fn without_stream(text: &str) -> Option<&str> {
    let (stream, rest) = text.split_once(' ').unwrap_or((text, ""));
    if matches!(stream, "stdout" | "stderr") {
        return match rest.split_once(' ').unwrap_or((rest, "")) {
            ("F" | "P", message) => Some(message),
            _ => None,
        };
    }
    let is_number = |number: &str| {
        number.len() == 2
            && number
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let number = text.get(..2).filter(|number| is_number(number))?;
    let rest = text.strip_prefix(number)?.strip_prefix(['O', 'E'])?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix([' ', '+'])
}

/// Returns the text after an RFC 3339 timestamp, with or without brackets, with `T` or a space between date and time.
fn without_timestamp(text: &str) -> Option<&str> {
    let bracketed = text.strip_prefix('[');
    let rest = shaped(bracketed.unwrap_or(text), "0000-00-00")?;
    let rest = shaped(rest.strip_prefix(['T', 't', ' '])?, "00:00:00")?;
    let rest = rest.strip_prefix(['.', ',']).map_or(rest, |fraction| {
        fraction.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    let rest = match rest.strip_prefix(['+', '-']) {
        Some(zone) => shaped(zone, "00:00").or_else(|| shaped(zone, "0000"))?,
        None => rest.strip_prefix(['Z', 'z']).unwrap_or(rest),
    };
    let rest = if bracketed.is_some() {
        rest.strip_prefix(']')?
    } else {
        rest
    };
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix([' ', '\t'])
    }
}

/// Returns the text after a prefix of the given shape, in which `0` is any digit.
fn shaped<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let prefix = text.get(..shape.len())?;
    let fits = |(have, want): (char, char)| {
        if want == '0' {
            have.is_ascii_digit()
        } else {
            have == want
        }
    };
    prefix
        .chars()
        .zip(shape.chars())
        .all(fits)
        .then(|| text.get(shape.len()..))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_log_message_have_their_columns_in_the_file() {
        for (line, expected) in [
            ("init: x", vec![("init:", 1), ("x", 7)]),
            ("  init:  x ", vec![("init:", 3), ("x", 10)]),
            (
                "2021-09-21T15:04:05.1234567Z init: x",
                vec![("init:", 30), ("x", 36)],
            ),
            (
                "[2021-09-21 15:04:05,12] init: x",
                vec![("init:", 26), ("x", 32)],
            ),
            (
                "2021-09-21T15:04:05+02:00 init: x",
                vec![("init:", 27), ("x", 33)],
            ),
            (
                "build\tpush\t2021-09-21T15:04:05Z init: x",
                vec![("init:", 33), ("x", 39)],
            ),
            (
                "build\tpush\t\u{feff}2021-09-21T15:04:05Z init: x",
                vec![("init:", 34), ("x", 40)],
            ),
            (
                "\u{1b}[1;32minit\u{1b}[0m: \u{1b}]8;;http://x\u{7}x\u{1b}[0m",
                vec![("init:", 8), ("x", 32)],
            ),
            (
                "\u{1b}_bk;t=1700000000\u{7}init: x",
                vec![("init:", 19), ("x", 25)],
            ),
            ("é\u{1b}[1m x", vec![("é", 1), ("x", 7)]),
            (
                "2024-05-01T10:00:00.123456Z 01O init: x",
                vec![("init:", 33), ("x", 39)],
            ),
            (
                "2024-05-01T10:00:00.123456Z 00E+init: x",
                vec![("init:", 33), ("x", 39)],
            ),
            (
                "2024-05-01T10:00:00.123456789Z stdout F init: x",
                vec![("init:", 41), ("x", 47)],
            ),
            (
                "2024-05-01T10:00:00.123456789+02:00 stderr P init: x",
                vec![("init:", 46), ("x", 52)],
            ),
            ("2024-05-01T10:00:00.123456Z 01O", vec![]),
            ("2024-05-01T10:00:00Z stdout F", vec![]),
            // Without a timestamp it is a message.
            ("01O init: x", vec![("01O", 1), ("init:", 5), ("x", 11)]),
            (
                "2024-05-01T10:00:00Z stdout x",
                vec![("stdout", 22), ("x", 29)],
            ),
            ("2021-09-21T15:04:05Z", vec![]),
            (
                "2021-09-21 init: x",
                vec![("2021-09-21", 1), ("init:", 12), ("x", 18)],
            ),
            ("\u{1b}[", vec![]),
            ("", vec![]),
        ] {
            let line = LogLine::new(Line {
                number: 7,
                text: line,
            });
            let words: Vec<_> = line
                .words()
                .map(|word| (word.text, word.position().column))
                .collect();
            assert_eq!(words, expected, "{line:?}");
        }
    }
}
