//! Functions on lists.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::value::{ListType, Value};
use super::args::{Args, is_empty, to_int, to_texts};
use super::{ANY, Context, Error, Function, Outcome};

/// Maximum number of items in a list that a function generates.
const MAX_ITEMS: usize = 1_000_000;

pub(super) const TABLE: &[Function] = &[
    ("list", 0, ANY, list),
    ("tuple", 0, ANY, list),
    ("first", 1, 1, |_, a| {
        Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))
    }),
    ("mustFirst", 1, 1, |_, a| {
        Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))
    }),
    ("last", 1, 1, |_, a| {
        Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))
    }),
    ("mustLast", 1, 1, |_, a| {
        Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))
    }),
    ("rest", 1, 1, rest),
    ("mustRest", 1, 1, rest),
    ("initial", 1, 1, initial),
    ("mustInitial", 1, 1, initial),
    ("append", 2, 2, append),
    ("push", 2, 2, append),
    ("mustAppend", 2, 2, append),
    ("mustPush", 2, 2, append),
    ("prepend", 2, 2, prepend),
    ("mustPrepend", 2, 2, prepend),
    ("concat", 0, ANY, concat),
    ("reverse", 1, 1, |_, a| {
        Ok(Value::list(a.list(0)?.into_iter().rev().collect()))
    }),
    ("mustReverse", 1, 1, |_, a| {
        Ok(Value::list(a.list(0)?.into_iter().rev().collect()))
    }),
    ("uniq", 1, 1, uniq),
    ("mustUniq", 1, 1, uniq),
    ("without", 1, ANY, without),
    ("mustWithout", 1, ANY, without),
    ("has", 2, 2, has),
    ("mustHas", 2, 2, has),
    ("compact", 1, 1, compact),
    ("mustCompact", 1, 1, compact),
    ("slice", 1, ANY, slice),
    ("mustSlice", 1, ANY, slice),
    ("chunk", 2, 2, chunk),
    ("mustChunk", 2, 2, chunk),
    ("sortAlpha", 1, 1, sort_alpha),
    ("until", 1, 1, |_, a| {
        let count = a.int(0)?;
        counted(0, count, if count < 0 { -1 } else { 1 })
    }),
    ("untilStep", 3, 3, |_, a| {
        counted(a.int(0)?, a.int(1)?, a.int(2)?)
    }),
    ("seq", 0, ANY, seq),
    ("index", 1, ANY, index),
    ("len", 1, 1, len),
];

fn list(_: &mut Context, a: &Args<'_>) -> Outcome {
    let items = a.0.iter().map(|item| item.clone().resolved());
    Ok(Value::list(items.collect()))
}

/// Nothing is left of an empty list, not even a list: `nil`.
fn rest(_: &mut Context, a: &Args<'_>) -> Outcome {
    let items = a.list(0)?;
    Ok(match items.split_first() {
        Some((_, rest)) => Value::list(rest.to_vec()),
        None => Value::nil_list(ListType::NilAny),
    })
}

/// As [`rest`].
fn initial(_: &mut Context, a: &Args<'_>) -> Outcome {
    let items = a.list(0)?;
    Ok(match items.split_last() {
        Some((_, rest)) => Value::list(rest.to_vec()),
        None => Value::nil_list(ListType::NilAny),
    })
}

fn append(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = a.list(0)?;
    items.push(a.get(1).clone().resolved());
    Ok(Value::list(items))
}

fn prepend(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = vec![a.get(1).clone().resolved()];
    items.extend(a.list(0)?);
    Ok(Value::list(items))
}

fn concat(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = Vec::new();
    for i in 0..a.len() {
        items.extend(a.list(i)?);
    }
    Ok(match items.is_empty() {
        true => Value::nil_list(ListType::NilAny),
        false => Value::list(items),
    })
}

/// A value that can be found among others without comparing it with each.
#[derive(PartialEq, Eq, Hash)]
enum Scalar {
    Str(Rc<str>),
    Int(i64),
    Int64(i64),
    /// Its bits.
    Float(u64),
}

impl Scalar {
    fn of(value: &Value) -> Option<Scalar> {
        match value {
            Value::Str(text) => Some(Scalar::Str(Rc::clone(text))),
            Value::Int(n) => Some(Scalar::Int(*n)),
            Value::Int64(n) => Some(Scalar::Int64(*n)),
            // The sum is the same for 0 and -0, which are equal. NaN equals nothing.
            Value::Float(f) if !f.is_nan() => Some(Scalar::Float((f + 0.0).to_bits())),
            _ => None,
        }
    }
}

fn uniq(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    let (mut scalars, mut others) = (HashSet::new(), Vec::new());
    for item in a.list(0)? {
        let is_new = match Scalar::of(&item) {
            Some(scalar) => scalars.insert(scalar),
            None if others.contains(&item) => false,
            None => {
                others.push(item.clone());
                true
            }
        };
        if is_new {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn without(_: &mut Context, a: &Args<'_>) -> Outcome {
    let unwanted = a.from(1);
    Ok(Value::list(
        a.list(0)?
            .into_iter()
            .filter(|item| !unwanted.contains(item))
            .collect(),
    ))
}

fn has(_: &mut Context, a: &Args<'_>) -> Outcome {
    if a.get(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(a.list(1)?.contains(a.get(0))))
}

fn compact(_: &mut Context, a: &Args<'_>) -> Outcome {
    Ok(Value::list(
        a.list(0)?
            .into_iter()
            .filter(|item| !is_empty(item))
            .collect(),
    ))
}

fn slice(_: &mut Context, a: &Args<'_>) -> Outcome {
    let (list_type, items) = a.typed_list(0)?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let at = |i: usize, missing: usize| match a.len() > i {
        true => usize::try_from(to_int(a.get(i))).unwrap_or(usize::MAX),
        false => missing,
    };
    let (start, end) = (at(1, 0), at(2, items.len()));
    let part = items.get(start..end).ok_or_else(|| {
        Error::Wrong(format!(
            "{start} to {end} is outside of a list of {}",
            items.len()
        ))
    })?;
    Ok(match a.get(0) {
        Value::ByteSlice(bytes) => {
            Value::ByteSlice(bytes.get(start..end).unwrap_or_default().into())
        }
        _ => Value::List(list_type, Rc::new(part.to_vec())),
    })
}

fn chunk(_: &mut Context, a: &Args<'_>) -> Outcome {
    let size = usize::try_from(a.int(0)?).ok().filter(|n| *n > 0);
    let size = size.ok_or_else(|| Error::Wrong("a chunk needs at least one item".to_owned()))?;
    let items = a.list(1)?;
    let chunks = items.chunks(size).map(|c| Value::list(c.to_vec()));
    Ok(Value::List(ListType::Lists, Rc::new(chunks.collect())))
}

fn sort_alpha(_: &mut Context, a: &Args<'_>) -> Outcome {
    // Here, unlike in a list, nil becomes a string.
    let mut texts = match a.get(0) {
        value if value.is_nil() => vec!["<nil>".into()],
        value => to_texts(value),
    };
    texts.sort();
    Ok(Value::strings(texts))
}

/// Returns the numbers from `start` up to, but not including, `stop`.
fn numbers(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Error> {
    let mut items = Vec::new();
    let mut i = start;
    while (step > 0 && start <= stop && i < stop) || (step < 0 && stop < start && i > stop) {
        if items.len() >= MAX_ITEMS {
            return Err(Error::Wrong(format!("more than {MAX_ITEMS} numbers")));
        }
        items.push(i);
        i = i.saturating_add(step);
    }
    Ok(items)
}

fn counted(start: i64, stop: i64, step: i64) -> Outcome {
    let numbers = numbers(start, stop, step)?.into_iter().map(Value::Int);
    Ok(Value::List(ListType::Ints, Rc::new(numbers.collect())))
}

fn seq(_: &mut Context, a: &Args<'_>) -> Outcome {
    let (start, step, end) = match a.len() {
        0 => return Ok(Value::str("")),
        1 => (1, None, a.int(0)?),
        2 => (a.int(0)?, None, a.int(1)?),
        3 => (a.int(0)?, Some(a.int(1)?), a.int(2)?),
        _ => return Ok(Value::str("")),
    };
    let direction = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if direction < 0 && step > 0 {
        return Ok(Value::str(""));
    }
    let items = numbers(start, end.saturating_add(direction), step)?;
    let texts: Vec<String> = items.iter().map(i64::to_string).collect();
    Ok(Value::from(texts.join(" ")))
}

/// `index x 1 "a"` is `x[1]["a"]` (text/template, "Functions").
fn index(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut value = a.get(0).clone();
    if value.is_nil() {
        return Err(Error::Wrong("cannot look up anything in nil".to_owned()));
    }
    for key in a.from(1) {
        value = item(&value, key)?;
    }
    Ok(value)
}

fn item(value: &Value, key: &Value) -> Outcome {
    let by = |key: &Value, length: usize| {
        let at = match key {
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => usize::try_from(*i).ok(),
            Value::Byte(i) => Some(usize::from(*i)),
            Value::Uint64(i) => usize::try_from(*i).ok(),
            other => {
                let (of, by) = (value.kind(), other.kind());
                return Err(Error::Wrong(format!(
                    "cannot look up a {by} ({other:?}) in a {of}"
                )));
            }
        };
        at.filter(|at| *at < length).ok_or_else(|| {
            Error::Wrong(format!(
                "{key} is outside of a {} of {length}",
                shape(value)
            ))
        })
    };
    let name = |key: &Value| match key {
        Value::Str(key) => Ok(Rc::clone(key)),
        other => {
            let (of, by) = (value.kind(), other.kind());
            Err(Error::Wrong(format!(
                "cannot look up a {by} ({other:?}) in a {of}"
            )))
        }
    };
    Ok(match value {
        Value::Dict(dict) => dict
            .borrow()
            .get(&*name(key)?)
            .cloned()
            .unwrap_or(Value::Nil),
        Value::Texts(texts) => {
            let text = texts.get(&*name(key)?).cloned();
            Value::Str(text.unwrap_or_default())
        }
        Value::Files(files) => Value::ByteSlice(files.get(&name(key)?).unwrap_or_default().into()),
        Value::List(_, items) => items
            .get(by(key, items.len())?)
            .cloned()
            .unwrap_or(Value::Nil),
        Value::ApiVersions(versions) => {
            let version = versions.get(by(key, versions.len())?).cloned();
            Value::Str(version.unwrap_or_default())
        }
        Value::Str(s) => byte(s.as_bytes(), by(key, s.len())?),
        Value::Bytes(bytes) | Value::ByteSlice(bytes) => byte(bytes, by(key, bytes.len())?),
        value if value.is_nil() => {
            return Err(Error::Wrong(format!("cannot look up {key:?} in nil")));
        }
        value => {
            let (of, by) = (value.kind(), key.kind());
            return Err(Error::Wrong(format!(
                "cannot look up a {by} ({key:?}) in a {of}"
            )));
        }
    })
}

/// Names what is indexed by numbers.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Str(_) | Value::Bytes(_) => "string",
        _ => "list",
    }
}

fn byte(bytes: &[u8], at: usize) -> Value {
    Value::Byte(bytes.get(at).copied().unwrap_or_default())
}

fn len(_: &mut Context, a: &Args<'_>) -> Outcome {
    let length = match a.get(0) {
        Value::Str(s) => s.len(),
        Value::Bytes(bytes) | Value::ByteSlice(bytes) => bytes.len(),
        Value::List(_, items) => items.len(),
        Value::Texts(texts) => texts.len(),
        Value::Dict(dict) => dict.borrow().len(),
        Value::Files(files) => files.iter().count(),
        Value::ApiVersions(versions) => versions.len(),
        other => return Err(Error::Wrong(format!("a {} has no length", other.kind()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}
