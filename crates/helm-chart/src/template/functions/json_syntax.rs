//! The messages of Go's encoding/json for text that is not JSON. Charts see them as data (`(fromJson x).Error`).

use super::quote::quote_go;

/// What is expected next.
#[derive(Clone, Copy)]
enum State {
    Value,
    /// A value or the end of an empty list.
    ValueOrEnd,
    /// A key or the end of an empty object.
    KeyOrEnd,
    Key,
    AfterKey,
    AfterEntry,
    AfterItem,
    AfterAll,
}

const END: &str = "unexpected end of JSON input";

/// Returns the message for the first error; `None` for valid JSON.
pub(super) fn error(text: &str) -> Option<String> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    scanner.document().err()
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Returns the next byte. As in Go, a blank stands behind the end.
    fn next(&mut self) -> u8 {
        let byte = self.peek();
        self.at += 1;
        byte.unwrap_or(b' ')
    }

    fn document(&mut self) -> Result<(), String> {
        let mut state = State::Value;
        // The open lists (`[`) and objects (`{`).
        let mut open = Vec::new();
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.at += 1;
            }
            let Some(byte) = self.peek() else {
                return match state {
                    State::AfterAll => Ok(()),
                    _ => Err(END.to_owned()),
                };
            };
            self.at += 1;
            state = match (state, byte) {
                (State::Value | State::ValueOrEnd, b'{') => {
                    open.push(byte);
                    State::KeyOrEnd
                }
                (State::Value | State::ValueOrEnd, b'[') => {
                    open.push(byte);
                    State::ValueOrEnd
                }
                (State::ValueOrEnd | State::AfterItem, b']')
                | (State::KeyOrEnd | State::AfterEntry, b'}') => {
                    open.pop();
                    after_value(&open)
                }
                (State::Value | State::ValueOrEnd, byte) => {
                    self.scalar(byte)?;
                    after_value(&open)
                }
                (State::Key | State::KeyOrEnd, b'"') => {
                    self.string()?;
                    State::AfterKey
                }
                (State::AfterKey, b':') => State::Value,
                (State::AfterEntry, b',') => State::Key,
                (State::AfterItem, b',') => State::Value,
                (State::Key | State::KeyOrEnd, byte) => {
                    return Err(invalid(byte, "looking for beginning of object key string"));
                }
                (State::AfterKey, byte) => return Err(invalid(byte, "after object key")),
                (State::AfterEntry, byte) => {
                    return Err(invalid(byte, "after object key:value pair"));
                }
                (State::AfterItem, byte) => return Err(invalid(byte, "after array element")),
                (State::AfterAll, byte) => return Err(invalid(byte, "after top-level value")),
            };
        }
    }

    fn scalar(&mut self, first: u8) -> Result<(), String> {
        match first {
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number(first),
            byte => Err(invalid(byte, "looking for beginning of value")),
        }
    }

    /// The rest of a word, whose first letter is read.
    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes().skip(1) {
            let byte = self.next();
            if byte != expected {
                let expected = char::from(expected);
                return Err(invalid(
                    byte,
                    &format!("in literal {word} (expecting '{expected}')"),
                ));
            }
        }
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), String> {
        let mut digit = first;
        if first == b'-' {
            digit = self.next();
            if !digit.is_ascii_digit() {
                return Err(invalid(digit, "in numeric literal"));
            }
        }
        if digit != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digit(&mut self, place: &str) -> Result<(), String> {
        let byte = self.next();
        if !byte.is_ascii_digit() {
            return Err(invalid(byte, place));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// The rest of a string, whose opening quote is read.
    fn string(&mut self) -> Result<(), String> {
        loop {
            let Some(byte) = self.peek() else {
                return Err(END.to_owned());
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => match self.next() {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.next();
                            if !byte.is_ascii_hexdigit() {
                                return Err(invalid(byte, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    byte => return Err(invalid(byte, "in string escape code")),
                },
                ..0x20 => return Err(invalid(byte, "in string literal")),
                _ => {}
            }
        }
    }
}

fn after_value(open: &[u8]) -> State {
    match open.last() {
        Some(b'{') => State::AfterEntry,
        Some(_) => State::AfterItem,
        None => State::AfterAll,
    }
}

fn invalid(byte: u8, place: &str) -> String {
    let quoted = match byte {
        b'\'' => "\\'".to_owned(),
        b'"' => "\"".to_owned(),
        byte => {
            let quoted = quote_go(&char::from(byte).to_string());
            quoted
                .get(1..quoted.len() - 1)
                .unwrap_or_default()
                .to_owned()
        }
    };
    format!("invalid character '{quoted}' {place}")
}
