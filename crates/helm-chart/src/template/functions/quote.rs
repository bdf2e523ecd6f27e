//! String literals of Go.

use std::fmt::Write as _;

/// Returns whether Go prints a character unchanged: letters, marks, numbers, signs, and the plain blank.
pub(super) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // Rust escapes marks too, which Go prints.
    let is_mark = matches!(u32::from(c),
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5c7 | 0x610..=0x61a | 0x64b..=0x65f
        | 0x900..=0xeff | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20f0
        | 0x302a..=0x302f | 0x3099..=0x309a | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f);
    let is_escaped = c.escape_debug().len() > 1 && !matches!(c, '"' | '\'' | '\\');
    is_mark || !is_escaped
}

/// Formats a string as a Go string literal (`strconv.Quote`).
pub(super) fn quote_go(text: &str) -> String {
    quoted(text, is_printable)
}

/// Formats a string as a Go string literal, in which only the characters that are `plain` stand for themselves.
pub(super) fn quoted(text: &str, plain: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if plain(c) => out.push(c),
            c => {
                _ = match u32::from(c) {
                    code @ ..0x80 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                }
            }
        }
    }
    out.push('"');
    out
}
