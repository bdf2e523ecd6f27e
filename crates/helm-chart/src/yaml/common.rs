//! Reads the YAML that charts and values files mostly consist of, in one pass over its lines.
//!
//! That is: block mappings and sequences; scalars on one line, plain or quoted without
//! escapes; `|` and `|-`; flow sequences of scalars on one line. For everything else, and for
//! everything that is wrong, the answer is `None`, and the parser crate reads the text and says what
//! is wrong. Where both read a text, they agree (a property test), so this is about time only: a
//! rendering spends a third of its instructions in the parser crate, and a fifth of those here.

use serde_json::{Map, Number, Value};

use super::scalar::{Numbers, Scalar, resolve};

/// How deeply collections may nest.
const MAX_DEPTH: usize = 64;
/// Longer texts are left to the parser that bounds what they expand to.
const MAX_BYTES: usize = 1_000_000;
/// Keys that are longer are no simple keys to some parsers (YAML 1.2.2, section 7.4.2).
const MAX_KEY: usize = 128;

/// The one document of a text and the 1-based line on which it starts.
pub(super) fn read(text: &str, numbers: Numbers) -> Option<(Value, usize)> {
    // Without an early end this runs over many bytes at once.
    let is_simple = |all, b| all & matches!(b, b' '..=b'~' | b'\n');
    let is_harmless = text.bytes().fold(true, is_simple) || text.chars().all(is_harmless);
    if text.len() > MAX_BYTES || !is_harmless {
        return None;
    }
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        numbers,
    };
    let first = reader.peek()?;
    let before = text.get(..first.start)?;
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let value = reader.block(first)?;
    reader.peek().is_none().then_some((value, line))
}

/// Neither a control character nor what some YAML takes as a line break or a mark.
fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~' | '\n' | '\u{a1}'..='\u{2027}' | '\u{2030}'..='\u{d7ff}')
}

/// A line with content: neither blank nor a comment.
#[derive(Clone, Copy)]
struct Line<'t> {
    /// Where it starts in the text.
    start: usize,
    /// The column of its content, 0-based.
    indent: usize,
    /// From there to the end of the line.
    content: &'t str,
}

struct Reader<'t> {
    text: &'t str,
    /// Where the next line starts.
    at: usize,
    depth: usize,
    numbers: Numbers,
}

impl<'t> Reader<'t> {
    /// The next line with content. Blank lines and comments before it are skipped for good.
    fn peek(&mut self) -> Option<Line<'t>> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let line = first_line(rest);
            let content = line.trim_start_matches(' ');
            if content.is_empty() || content.starts_with('#') {
                self.at += line.len() + 1;
                continue;
            }
            return Some(Line {
                start: self.at,
                indent: line.len() - content.len(),
                content,
            });
        }
    }

    /// Goes behind a line.
    fn take(&mut self, line: Line<'t>) {
        self.at = line.start + line.indent + line.content.len() + 1;
    }

    /// The collection that starts with a line (or with what follows a `- ` on it).
    fn block(&mut self, first: Line<'t>) -> Option<Value> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = match is_item(first.content) {
            true => self.sequence(first),
            false => self.mapping(first),
        };
        self.depth -= 1;
        value
    }

    fn sequence(&mut self, first: Line<'t>) -> Option<Value> {
        let indent = first.indent;
        let mut items = Vec::new();
        let mut line = first;
        loop {
            let item = line.content.get(1..)?.trim_start_matches(' ');
            let skipped = line.content.len() - item.len();
            if is_item(item) || key(item).is_some() {
                // A collection that starts behind the dash is as deep as its first entry.
                items.push(self.block(Line {
                    start: line.start,
                    indent: indent + skipped,
                    content: item,
                })?);
            } else {
                self.take(line);
                items.push(self.value(item, indent, false)?);
            }
            match self.peek() {
                Some(next) if next.indent == indent && is_item(next.content) => line = next,
                Some(next) if next.indent > indent => return None,
                _ => return Some(Value::Array(items)),
            }
        }
    }

    fn mapping(&mut self, first: Line<'t>) -> Option<Value> {
        let indent = first.indent;
        let mut map = Map::new();
        let mut line = first;
        loop {
            let (key, value) = key(line.content)?;
            self.take(line);
            map.insert(key.to_owned(), self.value(value, indent, true)?);
            match self.peek() {
                Some(next) if next.indent == indent && !is_item(next.content) => line = next,
                Some(next) if next.indent >= indent => return None,
                _ => return Some(Value::Object(map)),
            }
        }
    }

    /// What follows a key or a dash, where `indent` is the column of that one.
    fn value(&mut self, rest: &'t str, indent: usize, in_mapping: bool) -> Option<Value> {
        match rest.as_bytes().first() {
            None | Some(b'#') => match self.peek() {
                Some(next)
                    if next.indent > indent
                        || (in_mapping && next.indent == indent && is_item(next.content)) =>
                {
                    self.block(next)
                }
                _ => Some(Value::Null),
            },
            Some(b'|') => self.literal(rest, indent),
            Some(b'[') => {
                let (items, rest) = self.flow_sequence(rest)?;
                ends(rest).then_some(items)
            }
            Some(b'{') => ends(rest.strip_prefix("{}")?).then(|| Value::Object(Map::new())),
            Some(b'"' | b'\'') => {
                let (text, rest) = quoted(rest)?;
                ends(rest).then(|| Value::from(text))
            }
            Some(_) => self.plain(rest),
        }
    }

    fn plain(&self, rest: &str) -> Option<Value> {
        let mut bytes = rest.as_bytes();
        let comment = rest.find(" #").and_then(|at| bytes.get(..at));
        bytes = comment.unwrap_or(bytes).trim_ascii_end();
        let starts = match bytes {
            [b'-' | b'+' | b'.', second, ..] => second.is_ascii_alphanumeric() || *second == b'-',
            [first, ..] => {
                first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'(' | b'$')
            }
            [] => false,
        };
        let is_key = bytes.ends_with(b":") || bytes.windows(2).any(|pair| pair == b": ");
        if !starts || is_key {
            return None;
        }
        self.scalar(rest.get(..bytes.len())?)
    }

    /// A plain scalar by its type.
    fn scalar(&self, text: &str) -> Option<Value> {
        let number = |number: Number| match self.numbers {
            Numbers::Exact => Some(Value::Number(number)),
            Numbers::Floats => number.as_f64().map(Value::from),
        };
        match resolve(text) {
            Scalar::Null => Some(Value::Null),
            Scalar::Bool(b) => Some(Value::Bool(b)),
            Scalar::Int(i) => number(Number::from(i)),
            Scalar::Uint(u) => number(Number::from(u)),
            Scalar::Float(f) => Number::from_f64(f).map(Value::Number),
            Scalar::Text => Some(Value::from(text)),
            Scalar::Merge => None,
        }
    }

    /// A sequence `[a, "b"]` and what follows it on the line.
    fn flow_sequence(&self, text: &'t str) -> Option<(Value, &'t str)> {
        let mut rest = text.strip_prefix('[')?.trim_start_matches(' ');
        let mut items = Vec::new();
        if let Some(rest) = rest.strip_prefix(']') {
            return Some((Value::Array(items), rest));
        }
        loop {
            let (item, after) = if rest.starts_with(['"', '\'']) {
                let (text, after) = quoted(rest)?;
                (Value::from(text), after)
            } else {
                let is_word = |b: u8| {
                    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-' | b'@')
                };
                let end = rest.bytes().position(|b| !is_word(b))?;
                let (word, after) = rest.split_at(end);
                if !word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') {
                    return None;
                }
                (self.scalar(word)?, after)
            };
            items.push(item);
            let after = after.trim_start_matches(' ');
            if let Some(rest) = after.strip_prefix(']') {
                return Some((Value::Array(items), rest));
            }
            rest = after.strip_prefix(',')?.trim_start_matches(' ');
        }
    }

    /// A literal block scalar: the lines that are deeper than `indent`.
    fn literal(&mut self, header: &str, indent: usize) -> Option<Value> {
        let keeps_end = match header {
            "|" => true,
            "|-" => false,
            _ => return None,
        };
        let mut text = String::new();
        let mut block_indent = None;
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let line = first_line(rest);
            let content = line.trim_start_matches(' ');
            let column = line.len() - content.len();
            if content.is_empty() {
                // Blanks may belong to the text or not; it depends on what is around.
                if column > 0 {
                    return None;
                }
            } else {
                let least = *block_indent.get_or_insert(column);
                if column <= indent {
                    break;
                }
                if column < least {
                    return None;
                }
                text.push_str(line.get(least..)?);
            }
            if line.len() == rest.len() {
                return None; // no line feed at the end of the text
            }
            text.push('\n');
            self.at += line.len() + 1;
        }
        let length = text.trim_end_matches('\n').len();
        if length == 0 {
            return None;
        }
        text.truncate(length + usize::from(keeps_end));
        Some(Value::String(text))
    }
}

fn first_line(text: &str) -> &str {
    let end = text.bytes().position(|b| b == b'\n');
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Whether a line's content is an entry of a sequence.
fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// Whether nothing but a comment follows a value.
fn ends(rest: &str) -> bool {
    let trimmed = rest.trim_start_matches(' ');
    trimmed.is_empty() || (trimmed.starts_with('#') && trimmed.len() < rest.len())
}

/// A quoted text without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = *text.as_bytes().first()?;
    let inside = text.get(1..)?;
    let end = inside.bytes().position(|b| b == mark || b == b'\\')?;
    let (content, rest) = (inside.get(..end)?, inside.get(end + 1..)?);
    let escapes = match mark {
        b'"' => inside.as_bytes().get(end) == Some(&b'\\'),
        _ => inside.as_bytes().get(end) == Some(&b'\\') || rest.starts_with('\''),
    };
    (!escapes).then_some((content, rest))
}

/// A key and what follows its colon, without the blanks between.
fn key(content: &str) -> Option<(&str, &str)> {
    let (key, rest) = match content.as_bytes().first()? {
        b'"' | b'\'' => quoted(content)?,
        first if first.is_ascii_alphabetic() => {
            let is_part =
                |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
            let end = content.bytes().position(|b| !is_part(b))?;
            let (key, rest) = content.split_at(end);
            if key.len() <= 5 && resolve(key) != Scalar::Text {
                return None; // a key such as `on` or `null` is not a string
            }
            (key, rest)
        }
        _ => return None,
    };
    let rest = rest.strip_prefix(':')?;
    let value = rest.trim_start_matches(' ');
    let separated = value.len() < rest.len() || rest.is_empty();
    (separated && key.len() <= MAX_KEY).then_some((key, value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml::read::read_whole;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_common_part_of_yaml_is_read_here() {
        let text = "\
# a comment
apiVersion: v1
kind: \"ConfigMap\" # and another

metadata:
  annotations:
    \"helm.sh/hook\": pre-install
    'a.b/c': 'it is'
  labels: {}
ports:
- name: http
  port: 8080
-   name: x
    on: # a list that is as deep as its key
    - - a
      - [b, \"c d\", 5, yes]
    -
list:
  - -1
  - 1.5
  - []
  - ~
text: |
  a

    b: c # not a comment
# not the end of the text

end: |-
    x
url: http://a:1/b#c
";
        // `~` and the key `on` are left to the parser.
        assert_eq!(read(text, Numbers::Exact), None);
        let text = text.replace('~', "null").replace(" on:", " at:");
        let (value, line) = read(&text, Numbers::Exact).unwrap();
        assert_eq!(line, 2);
        assert_eq!(
            value,
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "annotations": {"helm.sh/hook": "pre-install", "a.b/c": "it is"},
                    "labels": {},
                },
                "ports": [
                    {"name": "http", "port": 8080},
                    {"name": "x", "at": [["a", ["b", "c d", 5, true]], null]},
                ],
                "list": [-1, 1.5, [], null],
                "text": "a\n\n  b: c # not a comment\n",
                "end": "x",
                "url": "http://a:1/b#c",
            })
        );
    }

    #[test]
    fn uncommon_yaml_is_left_to_the_parser() {
        for text in [
            "",
            "a",
            "a: b: c\n",
            "a: &x 1\nb: *x\n",
            "a: !!str 1\n",
            "a: \"\\n\"\n",
            "a: 'it''s'\n",
            "a: b\n  c\n",
            "a: >\n  b\n",
            "a: |2\n  b\n",
            "a: |\n  b",
            "a: |\n  b\n \n",
            "a: |\n    b\n  c\n",
            "a: {b: 1}\n",
            "a: [b,\n  c]\n",
            "a: [[b]]\n",
            "<<: {}\n",
            "1: a\n",
            "a: 1\n---\nb: 1\n",
            "a: \t1\n",
            "a: \u{85}\n",
            "a: b\u{2028}c\n",
            "\u{feff}a: b\n",
            "a: 1\r\n",
            "? a\n",
            "a:b: 1\n",
            "a: .nan\n",
            "- a\nb: 1\n",
            "a: 1\n b: 2\n",
        ] {
            assert_eq!(read(text, Numbers::Exact), None, "{text:?}");
        }
        let deep = (0..100).map(|i| format!("{}a:\n", " ".repeat(i)));
        assert_eq!(read(&deep.collect::<String>(), Numbers::Exact), None);
    }

    /// Lines that YAML gives a meaning to, at depths that often fit together.
    fn any_text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "- ",
            "- ",
            "a: ",
            "b: ",
            "a:",
            "\"k\": ",
            "'k': ",
            "on: ",
            "x",
            "x y",
            "1",
            "-1",
            "0x1F",
            "1e3",
            ".5",
            "yes",
            "null",
            "~",
            "\"q\"",
            "'q'",
            "\"q: # r\"",
            "''",
            "[]",
            "[a, b]",
            "[a,1 , \"x\"]",
            "[a, [b]]",
            "{}",
            "{a: b}",
            "|",
            "|-",
            "|+",
            ">",
            "# c",
            " # c",
            "#",
            ":",
            "-",
            "?",
            "&a ",
            "*a",
            "!!str ",
            "---",
            "...",
            "%",
            "a:b",
            "http://h:1/p#f",
            "x:",
            "@",
            "`",
            "\\",
            "  ",
            "\t",
            "(a)",
            "ö",
            "…: ",
            "$(A)",
            "/p",
            "<<: ",
            "1.2.3",
            "-x",
            "--x",
        ]);
        let line = (0usize..4, prop::collection::vec(piece, 0..4))
            .prop_map(|(depth, pieces)| format!("{}{}", "  ".repeat(depth), pieces.concat()));
        let end = prop::sample::select(vec!["", "\n", "\n\n"]);
        (prop::collection::vec(line, 1..9), end)
            .prop_map(|(lines, end)| format!("{}{end}", lines.join("\n")))
    }

    /// Texts of one kind of line each: those that most often hold together.
    fn plausible_text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "a: 1", "b: x # c", "c:", "d: |", "e: |-", "- x", "- a: 1", "- - x", "-", "- b:",
            "- |", "text", "", "# c", "f: []", "g: \"x\"", "- [a, b]", "h: {}",
        ]);
        let line =
            (0usize..5, line).prop_map(|(depth, line)| format!("{}{line}\n", " ".repeat(depth)));
        prop::collection::vec(line, 1..8).prop_map(|lines| lines.concat())
    }

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        for numbers in [Numbers::Exact, Numbers::Floats] {
            let Some((value, line)) = read(text, numbers) else {
                continue;
            };
            let documents = read_whole(text, numbers, None)
                .map_err(|e| TestCaseError::fail(format!("{e}\n{value}\n{text}")))?;
            let whole = documents.into_iter().map(|d| (d.value, d.line));
            prop_assert_eq!(whole.collect::<Vec<_>>(), vec![(value, line)], "{}", text);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn common_yaml_reads_as_with_the_parser(text in any_text()) {
            agrees(&text)?;
        }

        #[test]
        fn plausible_texts_are_read_alike(text in plausible_text()) {
            agrees(&text)?;
        }
    }
}
