//! `toToml` and `fromToml`: TOML in the exact layout of Helm.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use super::super::duration;
use super::super::meter;
use super::super::time::{Time, Zone};
use super::super::value::{ListType, Value};
use super::args::Args;
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("toToml", 1, 1, to_toml),
    ("mustToToml", 1, 1, must_to_toml),
    ("fromToml", 1, 1, |_, a| Ok(from_toml(a.text(0)?))),
];

/// As in Helm, the message of an error is the result.
fn to_toml(_: &mut Context, a: &Args<'_>) -> Outcome {
    let text = write(a.get(0))?;
    Ok(Value::from(text.unwrap_or_else(ToOwned::to_owned)))
}

fn must_to_toml(_: &mut Context, a: &Args<'_>) -> Outcome {
    let text = write(a.get(0))?.map_err(|message| Error::Wrong(message.to_owned()))?;
    Ok(Value::from(text))
}

/// Returns the document, or the message that Helm gives in its place.
fn write(value: &Value) -> Result<Result<String, &'static str>, Error> {
    if value.is_nil() {
        return Err(Error::Wrong("cannot write nil as TOML".to_owned()));
    }
    let mut writer = Writer::default();
    Ok(writer.entry(&[], value).map(|()| writer.out))
}

const NIL_ITEM: &str = "toml: cannot encode array with nil element";
const NO_KEY: &str = "toml: top-level values must be Go maps or structs";

/// The entries of a dict: those that are no tables come first.
type Entries = Vec<(Rc<str>, Value)>;

#[derive(Default)]
struct Writer {
    out: String,
}

type Written = Result<(), &'static str>;

impl Writer {
    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, path: &[Rc<str>]) {
        for _ in 1..path.len() {
            self.out.push_str("  ");
        }
    }

    /// Writes the value of a key, which is the last part of `path`.
    fn entry(&mut self, path: &[Rc<str>], value: &Value) -> Written {
        if !meter::spend_node() {
            return Ok(());
        }
        if is_nil(value) && !path.is_empty() {
            return Ok(());
        }
        if let Some(entries) = entries(value) {
            return self.table(path, entries);
        }
        if let Value::List(_, items) = value
            && is_table_array(items)?
        {
            return self.table_array(path, items);
        }
        if let Some(name) = path.last() {
            self.indent(path);
            _ = write!(self.out, "{} = ", key(name));
        }
        self.item(value)?;
        if !path.is_empty() {
            self.new_line();
        }
        Ok(())
    }

    fn table(&mut self, path: &[Rc<str>], entries: Entries) -> Written {
        if path.len() == 1 {
            self.new_line();
        }
        if !path.is_empty() {
            self.indent(path);
            _ = writeln!(self.out, "[{}]", joined(path));
        }
        self.entries(path, entries)
    }

    fn table_array(&mut self, path: &[Rc<str>], items: &[Value]) -> Written {
        if path.is_empty() {
            return Err(NO_KEY);
        }
        for item in items {
            self.new_line();
            self.indent(path);
            _ = writeln!(self.out, "[[{}]]", joined(path));
            self.entries(path, entries(item).unwrap_or_default())?;
        }
        Ok(())
    }

    fn entries(&mut self, path: &[Rc<str>], entries: Entries) -> Written {
        let (plain, tables) = parted(entries)?;
        for (name, value) in plain.into_iter().chain(tables) {
            let mut path = path.to_vec();
            path.push(name);
            self.entry(&path, &value)?;
        }
        Ok(())
    }

    /// Writes a value on one line.
    fn item(&mut self, value: &Value) -> Written {
        if !meter::spend_node() {
            return Ok(());
        }
        match value {
            Value::Str(text) => self.quoted(text),
            Value::Bytes(bytes) => self.quoted(&String::from_utf8_lossy(bytes)),
            Value::Duration(nanoseconds) => self.quoted(&duration::to_text(*nanoseconds)),
            Value::Time(time) => self.out.push_str(&time.to_json()),
            Value::Semver(version) => self.quoted(&version.version.to_string()),
            Value::Float(f) => self.out.push_str(&float(*f)),
            Value::List(_, items) => {
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    if item.is_nil() {
                        return Err(NIL_ITEM);
                    }
                    self.item(item)?;
                }
                self.out.push(']');
            }
            Value::ByteSlice(_) | Value::ApiVersions(_) => {
                let text = value.to_string();
                match value {
                    Value::ApiVersions(versions) => {
                        let items: Vec<Value> =
                            versions.iter().map(|v| Value::Str(Rc::clone(v))).collect();
                        self.item(&Value::List(ListType::Strings, Rc::new(items)))?;
                    }
                    _ => self.out.push_str(&text.replace(' ', ", ")),
                }
            }
            value => match entries(value) {
                Some(entries) => self.inline_table(entries)?,
                None => _ = write!(self.out, "{value}"),
            },
        }
        Ok(())
    }

    fn inline_table(&mut self, entries: Entries) -> Written {
        let (plain, tables) = parted(entries)?;
        self.out.push('{');
        let has_tables = !tables.is_empty();
        for (entries, more) in [(plain, has_tables), (tables, false)] {
            let count = entries.len();
            for (i, (name, value)) in entries.into_iter().enumerate() {
                if is_nil(&value) {
                    continue;
                }
                _ = write!(self.out, "{} = ", key(&name));
                self.item(&value)?;
                if more || i + 1 < count {
                    self.out.push_str(", ");
                }
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn quoted(&mut self, text: &str) {
        self.out.push_str(&quoted(text));
    }
}

fn is_nil(value: &Value) -> bool {
    value.is_nil()
        || matches!(
            value,
            Value::List(ListType::NilAny | ListType::NilStrings, _)
        )
}

/// Returns the entries of a dict.
fn entries(value: &Value) -> Option<Entries> {
    Some(match value {
        Value::Dict(dict) => {
            let dict = dict.borrow();
            dict.iter()
                .map(|(k, v)| (Rc::clone(k), v.clone()))
                .collect()
        }
        Value::Texts(texts) => {
            let text = |(k, v): (&Rc<str>, &Rc<str>)| (Rc::clone(k), Value::Str(Rc::clone(v)));
            texts.iter().map(text).collect()
        }
        Value::Files(files) => {
            let file =
                |(name, bytes): (&str, &[u8])| (Rc::from(name), Value::ByteSlice(bytes.into()));
            files.iter().map(file).collect()
        }
        _ => return None,
    })
}

/// Separates the tables from the other entries.
fn parted(entries: Entries) -> Result<(Entries, Entries), &'static str> {
    let (mut plain, mut tables) = (Entries::new(), Entries::new());
    for (name, value) in entries {
        let is_table = match &value {
            Value::Dict(_) | Value::Texts(_) | Value::Files(_) => true,
            Value::List(_, items) => is_table_array(items)?,
            _ => false,
        };
        if is_table { &mut tables } else { &mut plain }.push((name, value));
    }
    Ok((plain, tables))
}

/// Returns whether a list has dicts only.
fn is_table_array(items: &[Value]) -> Result<bool, &'static str> {
    if items.iter().any(is_nil) {
        return Err(NIL_ITEM);
    }
    let is_dict = |v: &Value| matches!(v, Value::Dict(_) | Value::Texts(_) | Value::Files(_));
    Ok(!items.is_empty() && items.iter().all(is_dict))
}

fn float(f: f64) -> String {
    let text = if f.is_nan() {
        "nan".to_owned()
    } else if f.is_infinite() {
        if f < 0.0 { "-inf" } else { "inf" }.to_owned()
    } else {
        crate::yaml::float_to_text(f)
    };
    match text.contains(['.', 'e', 'n']) {
        true => text,
        false => text + ".0",
    }
}

fn joined(path: &[Rc<str>]) -> String {
    let keys: Vec<String> = path.iter().map(|name| key(name)).collect();
    keys.join(".")
}

fn key(name: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match !name.is_empty() && name.bytes().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// As in Helm, an error becomes a dict with the key `Error`.
fn from_toml(text: &str) -> Value {
    let error = |message: String| Value::dict([(Rc::from("Error"), Value::from(message))]);
    match toml::from_str::<BTreeMap<String, toml::Value>>(text) {
        Ok(table) => Value::dict(
            table
                .into_iter()
                .map(|(name, value)| (Rc::from(name), from_value(value))),
        ),
        Err(problem) => error(format!("toml: {}", problem.message())),
    }
}

fn from_value(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(n) => Value::Int64(n),
        toml::Value::Float(f) => Value::Float(f),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(time) => Value::Time(Rc::new(from_datetime(&time.to_string()))),
        toml::Value::Array(items) => Value::list(items.into_iter().map(from_value).collect()),
        toml::Value::Table(table) => Value::dict(
            table
                .into_iter()
                .map(|(name, value)| (Rc::from(name), from_value(value))),
        ),
    }
}

fn from_datetime(text: &str) -> Time {
    let layouts = [
        "2006-01-02T15:04:05.999999999Z07:00",
        "2006-01-02T15:04:05.999999999",
        "2006-01-02",
        "15:04:05.999999999",
    ];
    let mut times = layouts
        .iter()
        .filter_map(|layout| Time::parse(layout, text));
    times.next().unwrap_or_else(Time::zero).in_zone_of(text)
}

impl Time {
    /// A time without an offset stands in a zone of its own.
    fn in_zone_of(self, text: &str) -> Time {
        let name = match (text.contains('-'), text.contains(':')) {
            (true, false) => "date-local",
            (false, _) => "time-local",
            _ if text
                .rsplit('T')
                .next()
                .is_some_and(|t| !t.contains(['Z', '+', '-'])) =>
            {
                "datetime-local"
            }
            _ => return self,
        };
        self.in_zone(Zone::Fixed(0, name.to_owned()))
    }
}
