//! YAML in the exact layout of Helm's `toYaml` and `toYamlPretty`.
//!
//! Charts embed it in strings and hash it, so even the line breaks of long strings matter.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::yaml::{float_to_text, in_order, is_plain_word, pad, to_yaml, write_key};

/// Lines are broken at the first blank after this column.
const WIDTH: usize = 80;

/// Formats as Helm's `toYaml`, without the line feed at the end.
pub(super) fn plain(value: &Value) -> String {
    Writer::default().document(value)
}

/// Formats as Helm's `toYamlPretty`: lists are indented below their key, and lines are never broken.
pub(super) fn pretty(value: &Value) -> String {
    let writer = Writer {
        pretty: true,
        ..Writer::default()
    };
    writer.document(value)
}

#[derive(Default)]
struct Writer {
    out: String,
    pretty: bool,
}

impl Writer {
    fn document(mut self, value: &Value) -> String {
        match value {
            Value::Object(map) if !map.is_empty() => self.mapping(map, 0, false),
            Value::Array(items) if !items.is_empty() => self.sequence(items, 0, false),
            other => self.scalar(other, 0),
        }
        if self.out.ends_with('\n') {
            self.out.pop();
        }
        self.out
    }

    fn pad(&mut self, indent: usize) {
        pad(&mut self.out, indent);
    }

    /// `inline`: the first entry goes on the current line (behind `- `).
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize, inline: bool) {
        for (i, (key, value)) in in_order(map).into_iter().enumerate() {
            if i > 0 || !inline {
                self.pad(indent);
            }
            match key.as_str() {
                "" => self.out.push_str("\"\""),
                key => write_key(&mut self.out, key),
            }
            self.out.push(':');
            match value {
                Value::Object(map) if !map.is_empty() => {
                    self.out.push('\n');
                    self.mapping(map, indent + 2, false);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.out.push('\n');
                    let deeper = if self.pretty { 2 } else { 0 };
                    self.sequence(items, indent + deeper, false);
                }
                other => {
                    self.out.push(' ');
                    self.scalar(other, indent);
                    self.out.push('\n');
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, inline: bool) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 || !inline {
                self.pad(indent);
            }
            self.out.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2, true),
                Value::Array(items) if !items.is_empty() => self.sequence(items, indent + 2, true),
                other => {
                    self.scalar(other, indent);
                    self.out.push('\n');
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Number(number) => {
                let text = crate::json::compact(value);
                let is_integer = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
                match number.as_f64() {
                    Some(f) if !is_integer || (self.pretty && number.is_f64()) => {
                        self.out.push_str(&float_to_text(f));
                    }
                    _ => self.out.push_str(&text),
                }
            }
            Value::String(text) => self.text(text, indent),
            other => self.out.push_str(to_yaml(other).trim_end()),
        }
    }

    fn text(&mut self, text: &str, indent: usize) {
        if is_plain_word(text) {
            self.out.push_str(text);
            return;
        }
        let written = to_yaml(&Value::from(text));
        let written = written.strip_suffix('\n').unwrap_or(&written);
        // Characters beyond the first plane are escaped by the older of Go's YAML libraries.
        let escapes = !self.pretty && text.contains(|c| c > '\u{ffff}');
        if !text.is_empty() && text.chars().all(|c| c == '\n') {
            self.out.push_str("|2+");
            self.out.push_str(text);
        } else if written.starts_with('"') || escapes {
            self.double_quoted(text, indent);
        } else if written.starts_with('|') {
            let mut lines = written.split('\n');
            self.out.push_str(lines.next().unwrap_or_default());
            for line in lines {
                self.out.push('\n');
                if !line.is_empty() {
                    self.pad(indent);
                    self.out.push_str(line);
                }
            }
        } else {
            self.folded(written, indent, written.starts_with('\''));
        }
    }

    /// Returns whether a line can break at the blank at `at`: after the width, between two words.
    fn breaks_at(&self, chars: &[char], at: usize) -> bool {
        let line = self.out.rsplit('\n').next().unwrap_or_default();
        !self.pretty
            && chars.get(at) == Some(&' ')
            && (at == 0 || chars.get(at - 1) != Some(&' '))
            && line.chars().count() > WIDTH
    }

    fn folded(&mut self, written: &str, indent: usize, quoted: bool) {
        let chars: Vec<char> = written.chars().collect();
        // Inside quotes, a blank at either end stays on its line.
        let ends = [1, chars.len().saturating_sub(2)];
        for (i, c) in chars.iter().enumerate() {
            let at_end = quoted && ends.contains(&i);
            if self.breaks_at(&chars, i) && !at_end && chars.get(i + 1) != Some(&' ') {
                self.out.push('\n');
                self.pad(indent + 2);
            } else {
                self.out.push(*c);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize) {
        let chars: Vec<char> = text.chars().collect();
        self.out.push('"');
        for (i, &c) in chars.iter().enumerate() {
            if i > 0 && i + 1 < chars.len() && self.breaks_at(&chars, i) {
                self.out.push('\n');
                self.pad(indent + 2);
                if chars.get(i + 1) == Some(&' ') {
                    self.out.push('\\');
                }
            } else {
                self.escaped(c);
            }
        }
        self.out.push('"');
    }

    /// One character between double quotes (YAML 1.1, section 5.6).
    fn escaped(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            ' '..='~'
            | '\u{a0}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}' => {
                return self.out.push(c);
            }
            c if self.pretty && c > '\u{ffff}' => return self.out.push(c),
            c => {
                _ = match u32::from(c) {
                    code @ ..0x100 => write!(self.out, "\\x{code:02X}"),
                    code @ ..0x1_0000 => write!(self.out, "\\u{code:04X}"),
                    code => write!(self.out, "\\U{code:08X}"),
                };
                return;
            }
        };
        self.out.push('\\');
        self.out.push(short);
    }
}
