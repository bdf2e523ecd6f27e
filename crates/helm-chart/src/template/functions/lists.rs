//! Functions on lists.

use super::super::value::Value;
use super::args::{Args, is_empty, to_int, to_texts};
use super::{ANY, Context, Error, Function, Outcome};

/// Maximum number of items in a list that a function generates.
const MAX_ITEMS: usize = 1_000_000;

pub(super) const TABLE: &[Function] = &[
    ("list", 0, ANY, |_, a| Ok(Value::list(a.0.to_vec()))),
    ("tuple", 0, ANY, |_, a| Ok(Value::list(a.0.to_vec()))),
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
    ("rest", 1, 1, |_, a| {
        Ok(Value::list(a.list(0)?.into_iter().skip(1).collect()))
    }),
    ("mustRest", 1, 1, |_, a| {
        Ok(Value::list(a.list(0)?.into_iter().skip(1).collect()))
    }),
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
    ("slice", 1, 3, slice),
    ("mustSlice", 1, 3, slice),
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

fn initial(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = a.list(0)?;
    items.pop();
    Ok(Value::list(items))
}

fn append(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = a.list(0)?;
    items.push(a.get(1).clone());
    Ok(Value::list(items))
}

fn prepend(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = vec![a.get(1).clone()];
    items.extend(a.list(0)?);
    Ok(Value::list(items))
}

fn concat(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut items = Vec::new();
    for i in 0..a.len() {
        items.extend(a.list(i)?);
    }
    Ok(Value::list(items))
}

fn uniq(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    for item in a.list(0)? {
        if !kept.contains(&item) {
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
    if *a.get(1) == Value::Nil {
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
    let items = a.list(0)?;
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
    Ok(Value::list(part.to_vec()))
}

fn chunk(_: &mut Context, a: &Args<'_>) -> Outcome {
    let size = usize::try_from(a.int(0)?).ok().filter(|n| *n > 0);
    let size = size.ok_or_else(|| Error::Wrong("a chunk needs at least one item".to_owned()))?;
    let items = a.list(1)?;
    Ok(Value::list(
        items
            .chunks(size)
            .map(|c| Value::list(c.to_vec()))
            .collect(),
    ))
}

fn sort_alpha(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut texts = to_texts(a.get(0));
    texts.sort();
    Ok(Value::list(texts.into_iter().map(Value::Str).collect()))
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
    Ok(Value::list(
        numbers(start, stop, step)?
            .into_iter()
            .map(Value::Int)
            .collect(),
    ))
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
    for key in a.from(1) {
        value = match (&value, key) {
            (Value::Dict(dict), Value::Str(key)) => {
                dict.borrow().get(key).cloned().unwrap_or(Value::Nil)
            }
            (Value::List(items), Value::Int(i)) => {
                let at = usize::try_from(*i).ok().and_then(|i| items.get(i));
                at.cloned().ok_or_else(|| {
                    Error::Wrong(format!("{i} is outside of a list of {}", items.len()))
                })?
            }
            (Value::Str(s), Value::Int(i)) => {
                let at = usize::try_from(*i).ok().and_then(|i| s.as_bytes().get(i));
                let byte = at.ok_or_else(|| Error::Wrong(format!("{i} is outside of {s:?}")))?;
                Value::Int(i64::from(*byte))
            }
            (Value::Files(files), Value::Str(name)) => {
                Value::text(files.get(name).unwrap_or_default())
            }
            (Value::Nil, _) => {
                return Err(Error::Wrong(format!("cannot look up {key:?} in nil")));
            }
            (value, key) => {
                let (of, by) = (value.kind(), key.kind());
                return Err(Error::Wrong(format!(
                    "cannot look up a {by} ({key:?}) in a {of}"
                )));
            }
        };
    }
    Ok(value)
}

fn len(_: &mut Context, a: &Args<'_>) -> Outcome {
    let length = match a.get(0) {
        Value::Str(s) => s.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Dict(dict) => dict.borrow().len(),
        Value::Files(files) => files.iter().count(),
        Value::ApiVersions(versions) => versions.len(),
        other => return Err(Error::Wrong(format!("a {} has no length", other.kind()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}
