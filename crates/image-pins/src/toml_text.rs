//! Strict reading of TOML files: every value has a position, and unknown keys are errors. Writing of keys and strings.

use crate::nearest;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::FileError;
use crate::text::Quoted;

/// The only supported `schema` of the files of this crate.
pub(crate) const SCHEMA: &str = "1";

/// The path and text of a file.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

/// A value and the byte offset of its start.
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// A table with a fixed set of keys.
pub(crate) struct Section<'a> {
    file: File<'a>,
    title: String,
    at: usize,
    table: DeTable<'a>,
}

/// One entry of a table with arbitrary keys.
pub(crate) struct Entry<'a> {
    file: File<'a>,
    pub(crate) key: Located<String>,
    value: Spanned<DeValue<'a>>,
}

impl<'a> File<'a> {
    pub(crate) fn error(&self, at: usize, message: impl fmt::Display) -> FileError {
        FileError::at_offset(self.path, self.text, at, message)
    }

    /// Returns the top level of the file, which must have `schema = 1` and may have these other keys.
    pub(crate) fn parse(self, known: &[&str]) -> Result<Section<'a>, FileError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let at = span.start;
            match (error.message(), self.text.get(span)) {
                ("duplicate key", Some(key)) => {
                    self.error(at, format_args!("{} is defined twice", Quoted(key)))
                }
                (message, _) => self.error(at, message.replace('\n', ", ")),
            }
        })?;
        let mut section = Section {
            file: self,
            title: "the file".to_owned(),
            at: 0,
            table: table.into_inner(),
        };
        let Some(schema) = section.table.remove("schema") else {
            return Err(self
                .error(0, format_args!("the file has no `schema`"))
                .with_hint("write `schema = 1`"));
        };
        match schema.get_ref() {
            DeValue::Integer(number) if number.as_str() == SCHEMA && number.radix() == 10 => {}
            _ => {
                let written = self.text.get(schema.span()).unwrap_or_default();
                let message =
                    format_args!("schema {} is not supported: expected 1", Quoted(written));
                return Err(self.error(schema.span().start, message));
            }
        }
        section.refuse_unknown(known)?;
        Ok(section)
    }
}

impl<'a> Section<'a> {
    fn new(
        file: File<'a>,
        title: String,
        (span, value): (Range<usize>, DeValue<'a>),
        known: &[&str],
    ) -> Result<Self, FileError> {
        let DeValue::Table(table) = value else {
            return Err(file.error(
                span.start,
                format_args!("expected a table for {title}, found {}", kind(&value)),
            ));
        };
        let section = Self {
            file,
            title,
            at: span.start,
            table,
        };
        section.refuse_unknown(known)?;
        Ok(section)
    }

    fn refuse_unknown(&self, known: &[&str]) -> Result<(), FileError> {
        let unknown = self
            .table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(first) = unknown.min_by_key(|key| key.span().start) else {
            return Ok(());
        };
        let message = format_args!("{} has no key {}", self.title, Quoted(first.get_ref()));
        let error = self.file.error(first.span().start, message);
        Err(match nearest(first.get_ref(), known.iter().copied()) {
            Some(near) => error.with_hint(format_args!("did you mean `{near}`?")),
            None => error.with_hint(format_args!("valid keys are {}", list(known))),
        })
    }

    fn take(&mut self, key: &str) -> Result<Spanned<DeValue<'a>>, FileError> {
        let missing = format_args!("{} has no `{key}`", self.title);
        let error = || self.file.error(self.at, missing);
        self.table.remove(key).ok_or_else(error)
    }

    /// Returns whether the table has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Returns a required string.
    pub(crate) fn string(&mut self, key: &str) -> Result<Located<Cow<'a, str>>, FileError> {
        let value = self.take(key)?;
        string(&self.file, key, value)
    }

    /// Parses a required string.
    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(
        &mut self,
        key: &str,
    ) -> Result<Located<T>, FileError> {
        let text = self.string(key)?;
        let value = text
            .value
            .parse()
            .map_err(|error| self.file.error(text.at, error))?;
        Ok(Located { value, at: text.at })
    }

    /// Returns a required table.
    pub(crate) fn section(&mut self, key: &str, known: &[&str]) -> Result<Self, FileError> {
        let value = self.take(key)?;
        Self::new(
            self.file,
            format!("[{key}]"),
            (value.span(), value.into_inner()),
            known,
        )
    }

    /// Returns the tables of an optional array.
    pub(crate) fn sections(&mut self, key: &str, known: &[&str]) -> Result<Vec<Self>, FileError> {
        let Some(value) = self.table.remove(key) else {
            return Ok(Vec::new());
        };
        let (span, value) = (value.span(), value.into_inner());
        let DeValue::Array(items) = value else {
            let message = format_args!(
                "expected a list of tables for `{key}`, found {}",
                kind(&value)
            );
            return Err(self
                .file
                .error(span.start, message)
                .with_hint(format_args!("write `[[{key}]]`")));
        };
        let section = |item: Spanned<DeValue<'a>>| {
            Self::new(
                self.file,
                format!("[[{key}]]"),
                (item.span(), item.into_inner()),
                known,
            )
        };
        items.into_iter().map(section).collect()
    }

    /// Returns the entries of an optional table with arbitrary keys.
    pub(crate) fn entries(&mut self, key: &str) -> Result<Vec<Entry<'a>>, FileError> {
        let Some(value) = self.table.remove(key) else {
            return Ok(Vec::new());
        };
        let (span, value) = (value.span(), value.into_inner());
        let DeValue::Table(table) = value else {
            return Err(self.file.error(
                span.start,
                format_args!("expected a table for [{key}], found {}", kind(&value)),
            ));
        };
        let entry = |(key, value): (Spanned<Cow<'a, str>>, _)| Entry {
            file: self.file,
            key: Located {
                at: key.span().start,
                value: key.into_inner().into_owned(),
            },
            value,
        };
        let mut entries: Vec<_> = table.into_iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key.at);
        Ok(entries)
    }

    /// Returns an error at the start of this table.
    pub(crate) fn error(&self, message: impl fmt::Display) -> FileError {
        self.file.error(self.at, message)
    }
}

impl Entry<'_> {
    /// Parses the value, which must be a string.
    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(self) -> Result<Located<T>, FileError> {
        let text = string(&self.file, &self.key.value, self.value)?;
        let value = text
            .value
            .parse()
            .map_err(|error| self.file.error(text.at, error))?;
        Ok(Located { value, at: text.at })
    }

    /// Returns an error at the key.
    pub(crate) fn key_error(&self, message: impl fmt::Display) -> FileError {
        self.file.error(self.key.at, message)
    }

    /// Returns whether the value is a table. An unquoted key `a.b` creates one.
    pub(crate) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }
}

fn string<'a>(
    file: &File<'a>,
    key: &str,
    value: Spanned<DeValue<'a>>,
) -> Result<Located<Cow<'a, str>>, FileError> {
    let at = value.span().start;
    match value.into_inner() {
        DeValue::String(text) => Ok(Located { value: text, at }),
        other => Err(file.error(
            at,
            format_args!(
                "expected a string for {}, found {}",
                Quoted(key),
                kind(&other)
            ),
        )),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Formats names as a list in a sentence: `a`, `b` and `c`.
pub(crate) fn list<T: fmt::Display>(names: &[T]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}

/// Writes a key in TOML: bare if possible, otherwise quoted.
pub(crate) fn key(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !text.is_empty() && text.bytes().all(bare) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Writes a string in TOML on one line (TOML 1.0, "String", basic strings).
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
