//! The grammar of `helm --set`, `--set-string`, `--set-json`, `--set-file` and `--set-literal`.
//!
//! `a.b=1,c[0]=x,d={1,2}`: dots separate the names of a path, brackets contain an index, braces a list, commas separate
//! assignments, and a backslash escapes the next character. With `--set-literal` only dots, brackets and the first equals
//! sign have a meaning.

use std::io::Read as _;

use serde_json::{Map, Value};

use crate::json;

/// Maximum depth of a name.
const MAX_DEPTH: usize = 30;
/// Maximum index of a list.
const MAX_INDEX: usize = 65_536;
/// Maximum size of a file whose content becomes a value, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// How the right side of an assignment is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `--set`: `true`, `false`, `null` and integers have their types, everything else is a string.
    Typed,
    /// `--set-string`: everything is a string.
    Text,
    /// `--set-json`: JSON, or a whole JSON object without a name.
    Json,
    /// `--set-file`: the path of a file, whose content is the value, a string.
    File,
    /// `--set-literal`: everything behind the first `=` is one string.
    Literal,
}

/// An invalid assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {column} of {text:?})")]
pub struct SetError {
    /// The value of the flag.
    pub text: String,
    /// The position in it: 1-based, in characters.
    pub column: usize,
    /// The reason.
    pub message: String,
}

/// Applies the assignments of one flag to `values`.
///
/// # Errors
/// Syntax errors, keys below a value that is not a map, and files that cannot be read, with their position.
pub fn assign(text: &str, mode: Mode, values: &mut Map<String, Value>) -> Result<(), SetError> {
    if mode == Mode::Json && text.trim_start().starts_with('{') {
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| SetError {
            text: text.to_owned(),
            column: column(text, &error),
            message: format!("not a JSON object: {}", json::reason(&error)),
        })?;
        super::values::merge(values, floats_in_map(object));
        return Ok(());
    }
    let mut parser = Parser {
        text,
        chars: text.chars().collect(),
        at: 0,
        mode,
    };
    while parser.at < parser.chars.len() {
        parser.key(values, 0)?;
    }
    Ok(())
}

/// Returns the position of an error in JSON, from 1 and in characters. The error itself has a line and a column.
fn column(text: &str, error: &serde_json::Error) -> usize {
    let at = json::offset_of(text, error);
    text.char_indices().take_while(|(i, _)| *i < at).count() + 1
}

struct Parser<'t> {
    text: &'t str,
    chars: Vec<char>,
    at: usize,
    mode: Mode,
}

impl Parser<'_> {
    fn error(&self, at: usize, message: impl Into<String>) -> SetError {
        SetError {
            text: self.text.to_owned(),
            column: at + 1,
            message: message.into(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Reads up to one of `stop`, which is consumed; `None` at the end of the string.
    fn until(&mut self, stop: &[char]) -> (String, Option<char>) {
        let mut out = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if stop.contains(&c) {
                return (out, Some(c));
            }
            match c {
                '\\' if self.mode != Mode::Literal => {
                    out.extend(self.peek());
                    self.at += 1;
                }
                c => out.push(c),
            }
        }
        (out, None)
    }

    fn key(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<(), SetError> {
        let start = self.at;
        let (name, last) = match self.mode {
            Mode::Literal => self.until(&['=', '[', '.']),
            _ => self.until(&['=', '[', ',', '.']),
        };
        if name.is_empty() {
            return Err(self.error(start, "a name is missing here"));
        }
        match last {
            None | Some(',') => {
                Err(self.error(start, format!("{name:?} has no value: write {name}=VALUE")))
            }
            Some('=') => {
                let value = self.value()?;
                map.insert(name, value);
                Ok(())
            }
            Some('[') => {
                let index = self.index()?;
                let slot = map.entry(name.clone()).or_insert(Value::Null);
                self.item(slot, &name, start, index, depth)
            }
            _ => {
                if depth >= MAX_DEPTH {
                    let message = format!("the name is nested more than {MAX_DEPTH} deep");
                    return Err(self.error(start, message));
                }
                let slot = map.entry(name.clone()).or_insert(Value::Null);
                let inner = self.map_in(slot, &name, start)?;
                self.key(inner, depth + 1)
            }
        }
    }

    /// Returns the map in a slot, which is created if the slot is empty.
    fn map_in<'v>(
        &self,
        slot: &'v mut Value,
        name: &str,
        at: usize,
    ) -> Result<&'v mut Map<String, Value>, SetError> {
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        let kind = kind(slot);
        slot.as_object_mut().ok_or_else(|| {
            self.error(
                at,
                format!("{name:?} is {kind} already: it can have no keys"),
            )
        })
    }

    fn index(&mut self) -> Result<usize, SetError> {
        let start = self.at;
        let (digits, end) = self.until(&[']']);
        if end.is_none() {
            return Err(self.error(start, "the index is not closed with ]"));
        }
        let index: usize = digits
            .parse()
            .map_err(|_| self.error(start, format!("{digits:?} is not a list index")))?;
        if index > MAX_INDEX {
            return Err(self.error(start, format!("the index is larger than {MAX_INDEX}")));
        }
        Ok(index)
    }

    /// Parses what follows `name[index]`: `=value`, `.key…` or another index.
    fn item(
        &mut self,
        slot: &mut Value,
        name: &str,
        at: usize,
        index: usize,
        depth: usize,
    ) -> Result<(), SetError> {
        if depth >= MAX_DEPTH {
            let message = format!("the name is nested more than {MAX_DEPTH} deep");
            return Err(self.error(at, message));
        }
        if slot.is_null() {
            *slot = Value::Array(Vec::new());
        }
        let kind = kind(slot);
        let list = slot.as_array_mut().ok_or_else(|| {
            self.error(
                at,
                format!("{name:?} is {kind} already: it can have no index"),
            )
        })?;
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        let Some(slot) = list.get_mut(index) else {
            return Ok(());
        };
        let next = self.at;
        let c = self.peek();
        self.at += 1;
        match c {
            Some('=') => {
                *slot = self.value()?;
                Ok(())
            }
            Some('.') => {
                let inner = self.map_in(slot, &format!("{name}[{index}]"), at)?;
                self.key(inner, depth + 1)
            }
            Some('[') => {
                let inner = self.index()?;
                self.item(slot, &format!("{name}[{index}]"), at, inner, depth + 1)
            }
            _ => Err(self.error(next, "expected =, . or [ after the index")),
        }
    }

    fn value(&mut self) -> Result<Value, SetError> {
        match self.mode {
            Mode::Json => self.json(),
            Mode::Literal => Ok(Value::String(self.until(&[]).0)),
            _ if self.peek() == Some('{') => self.list(),
            _ => {
                let start = self.at;
                let (text, _) = self.until(&[',']);
                self.scalar(text, start)
            }
        }
    }

    fn list(&mut self) -> Result<Value, SetError> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            let item = self.at;
            let (text, last) = self.until(&[',', '}']);
            match last {
                None => return Err(self.error(start, "the list is not closed with }")),
                Some(c) => {
                    items.push(self.scalar(text, item)?);
                    if c == '}' {
                        break;
                    }
                }
            }
        }
        if self.peek() == Some(',') {
            self.at += 1;
        }
        Ok(Value::Array(items))
    }

    fn json(&mut self) -> Result<Value, SetError> {
        let rest: String = self
            .chars
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .collect();
        let blank = |c: char| c.is_whitespace();
        if rest.trim_start().is_empty() || rest.trim_start().starts_with(',') {
            self.at += rest.chars().take_while(|c| blank(*c)).count() + 1;
            return Ok(Value::Null);
        }
        let mut stream = serde_json::Deserializer::from_str(&rest).into_iter::<Value>();
        let value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                return Err(self.error(self.at, format!("not JSON: {}", json::reason(&error))));
            }
            None => Value::Null,
        };
        let used = rest
            .get(..stream.byte_offset())
            .unwrap_or(&rest)
            .chars()
            .count();
        self.at += used;
        while self.peek().is_some_and(blank) {
            self.at += 1;
        }
        match self.peek() {
            None => {}
            Some(',') => self.at += 1,
            Some(c) => {
                return Err(self.error(self.at, format!("{c:?} after the JSON value")));
            }
        }
        Ok(floats(value))
    }

    /// Converts the text of a value, which begins at `start`.
    fn scalar(&self, text: String, start: usize) -> Result<Value, SetError> {
        match self.mode {
            Mode::Typed => Ok(typed(text)),
            Mode::File => match read_file(&text) {
                Ok(content) => Ok(Value::String(content)),
                Err(reason) => Err(self.error(start, format!("{text:?}: {reason}"))),
            },
            _ => Ok(Value::String(text)),
        }
    }
}

fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.eq_ignore_ascii_case("false") {
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Null
    } else if text == "0" {
        Value::from(0)
    } else if text.starts_with('0') {
        Value::String(text)
    } else {
        text.parse::<i64>().map_or(Value::String(text), Value::from)
    }
}

fn read_file(path: &str) -> Result<String, String> {
    if path == "-" || path.contains("://") {
        return Err("only files can be read, neither standard input nor URLs".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read the file: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "the file is larger than {} MiB",
            MAX_FILE_BYTES >> 20
        ));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// JSON numbers are 64-bit floats, as in values files.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().map_or(Value::Number(n), Value::from),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(map) => Value::Object(floats_in_map(map)),
        other => other,
    }
}

fn floats_in_map(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().map(|(k, v)| (k, floats(v))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(text: &str, mode: Mode) -> Result<Value, SetError> {
        let mut map = Map::new();
        assign(text, mode, &mut map).map(|()| Value::Object(map))
    }

    #[test]
    fn assignments_are_read_as_helm_reads_them() {
        let table = [
            ("a=1,b=x", json!({"a": 1, "b": "x"})),
            ("a.b.c=true", json!({"a": {"b": {"c": true}}})),
            ("a=null,b=", json!({"a": null, "b": ""})),
            ("a=0,b=007,c=1.5", json!({"a": 0, "b": "007", "c": "1.5"})),
            ("a={1,x,true}", json!({"a": [1, "x", true]})),
            ("a={1,2},b=3", json!({"a": [1, 2], "b": 3})),
            ("a[1]=x", json!({"a": [null, "x"]})),
            ("a[0].b=1,a[0].c=2", json!({"a": [{"b": 1, "c": 2}]})),
            ("a[0][1]=x", json!({"a": [[null, "x"]]})),
            (r"a\.b=1\,2", json!({"a.b": "1,2"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a=1,", json!({"a": 1})),
            ("", json!({})),
        ];
        for (text, want) in table {
            assert_eq!(parse(text, Mode::Typed), Ok(want), "{text}");
        }
        assert_eq!(
            parse("a=1,b={true}", Mode::Text),
            Ok(json!({"a": "1", "b": ["true"]}))
        );
        assert_eq!(
            parse(r#"a={"b": [1, "x,y"]} ,c=null,d="#, Mode::Json),
            Ok(json!({"a": {"b": [1.0, "x,y"]}, "c": null, "d": null}))
        );
        assert_eq!(parse(r#"{"a": 1}"#, Mode::Json), Ok(json!({"a": 1.0})));
    }

    #[test]
    fn floats_in_json_are_read_to_the_last_digit() {
        for text in ["3.333333333333333e-10", "123456789012345680000"] {
            let want: f64 = text.parse().unwrap();
            assert_eq!(
                parse(&format!("a={text}"), Mode::Json),
                Ok(json!({"a": want}))
            );
            assert_eq!(
                parse(&format!("{{\"a\": {text}}}"), Mode::Json),
                Ok(json!({"a": want}))
            );
        }
    }

    #[test]
    fn literals_are_read_as_helm_reads_them() {
        let table = [
            (r"a.b=1,c={x}\,=", json!({"a": {"b": r"1,c={x}\,="}})),
            (r"a\.b,c=1", json!({r"a\": {"b,c": "1"}})),
            ("a[1].b=true", json!({"a": [null, {"b": "true"}]})),
            ("a[0][0]=", json!({"a": [[""]]})),
            ("a=", json!({"a": ""})),
            ("", json!({})),
        ];
        for (text, want) in table {
            assert_eq!(parse(text, Mode::Literal), Ok(want), "{text}");
        }
    }

    #[test]
    fn files_are_read_where_their_paths_stand() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (one, comma) = (file("one", b"1,x\n"), file("com,ma", b"{}"));
        let escaped = comma.replace(',', r"\,");
        assert_eq!(
            parse(
                &format!("a.b={one},c[0]={escaped},d={{{one},{one}}}"),
                Mode::File
            ),
            Ok(json!({"a": {"b": "1,x\n"}, "c": ["{}"], "d": ["1,x\n", "1,x\n"]}))
        );
        let binary = file("binary", &[0xff]);
        for (text, column, reason) in [
            ("a=b,c=missing".to_owned(), 3, "cannot read the file"),
            ("a={missing}".to_owned(), 4, "cannot read the file"),
            ("a=".to_owned(), 3, "cannot read the file"),
            (format!("a={binary}"), 3, "not UTF-8"),
            ("a=-".to_owned(), 3, "only files"),
            ("a=https://host/x".to_owned(), 3, "only files"),
        ] {
            let error = parse(&text, Mode::File).expect_err(&text);
            assert_eq!(error.column, column, "{error}");
            assert!(error.message.contains(reason), "{error}");
        }
    }

    #[test]
    fn errors_in_json_have_a_position_in_the_whole_flag() {
        for (text, column) in [
            ("{\"a\": x}", 7),
            ("{\"ä\": x}", 7),
            ("{\n\"a\": 1,\n x}", 12),
            ("{\"a\n\"}", 4),
            ("{\"a\": 1", 7),
        ] {
            let error = parse(text, Mode::Json).expect_err(text);
            assert_eq!(error.column, column, "{error}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        let table = [
            ("a", Mode::Typed),
            ("a,b=1", Mode::Typed),
            ("=1", Mode::Typed),
            ("a.=1", Mode::Typed),
            ("a=1,a.b=2", Mode::Typed),
            ("a=1,a[0]=2", Mode::Typed),
            ("a[x]=1", Mode::Typed),
            ("a[0", Mode::Typed),
            ("a[0]x=1", Mode::Typed),
            ("a[99999]=1", Mode::Typed),
            ("a={1,2", Mode::Typed),
            ("a={1,", Mode::Json),
            ("a=1 2", Mode::Json),
            ("{nope}", Mode::Json),
        ];
        let mut out = String::new();
        for (text, mode) in table {
            out.push_str(&format!("{}\n", parse(text, mode).expect_err(text)));
        }
        insta::assert_snapshot!(out);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c.=,{}\\[\\]0-9\\\\\" ]{0,40}") {
            for mode in [Mode::Typed, Mode::Text, Mode::Json, Mode::Literal] {
                let _ = parse(&text, mode);
            }
        }

        #[test]
        fn escaped_values_are_kept(value in "[ -~]{0,20}") {
            let escaped: String = value.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert_eq!(
                parse(&format!("a.b={escaped}"), Mode::Text),
                Ok(json!({"a": {"b": value}}))
            );
        }
    }
}
