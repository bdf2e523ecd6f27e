//! Converts byte offsets to lines and columns, in linear time even if the lines are long.

use super::Position;

/// The distance of the known positions, in bytes: the maximum that a query scans.
const STEP: usize = 4096;

const START: Position = Position { line: 1, column: 1 };

/// A string, with line and column of every [`STEP`]-th byte.
pub(super) struct Places<'a> {
    text: &'a str,
    known: Vec<Position>,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut known = vec![START];
        let mut at = START;
        for step in text.as_bytes().chunks(STEP) {
            at = advanced(at, step);
            known.push(at);
        }
        Self { text, known }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the position of a byte offset. An offset after the end means the end.
    pub(super) fn of_offset(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let start = offset - offset % STEP;
        let known = self.known.get(start / STEP).copied().unwrap_or(START);
        advanced(
            known,
            self.text.as_bytes().get(start..offset).unwrap_or_default(),
        )
    }

    /// Returns the position of a slice of the string, found by its address; `None` for a copy.
    pub(super) fn of_part(&self, part: &str) -> Option<Position> {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        (offset + part.len() <= self.text.len()).then(|| self.of_offset(offset))
    }
}

/// Returns the position of a byte offset in arbitrary bytes. A byte-order mark does not count.
pub(super) fn of_byte(bytes: &[u8], offset: usize) -> Position {
    let before = bytes.get(..offset).unwrap_or(bytes);
    advanced(
        START,
        before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before),
    )
}

/// Returns the position after some bytes. Every character has exactly one byte that is not a continuation byte.
fn advanced(from: Position, bytes: &[u8]) -> Position {
    bytes
        .iter()
        .fold(from, |Position { line, column }, byte| match byte {
            b'\n' => Position {
                line: line + 1,
                column: 1,
            },
            byte => Position {
                line,
                column: column + usize::from(byte & 0xc0 != 0x80),
            },
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_equal_those_counted_from_the_start() {
        let text = "aé\n".repeat(STEP) + &"ü".repeat(3 * STEP);
        let places = Places::new(&text);
        let offsets = (0..=text.len())
            .step_by(997)
            .filter(|offset| text.is_char_boundary(*offset));
        for offset in offsets {
            let (before, after) = text.split_at(offset);
            let line = before.matches('\n').count() + 1;
            let column = before
                .rsplit('\n')
                .next()
                .map_or(0, |line| line.chars().count())
                + 1;
            assert_eq!(
                places.of_offset(offset),
                Position { line, column },
                "{offset}"
            );
            assert_eq!(
                places.of_part(after),
                Some(Position { line, column }),
                "{offset}"
            );
        }
        assert_eq!(places.of_part("a copy"), None);
    }

    #[test]
    fn a_byte_order_mark_does_not_count() {
        for (bytes, offset, line, column) in [
            ("a\né\0".as_bytes(), 4, 2, 2),
            (b"\xff", 0, 1, 1),
            ("\u{feff}ab".as_bytes(), 4, 1, 2),
        ] {
            assert_eq!(
                of_byte(bytes, offset),
                Position { line, column },
                "{bytes:?}"
            );
        }
    }
}
