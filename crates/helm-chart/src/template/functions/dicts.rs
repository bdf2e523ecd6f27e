//! Functions on dicts. As in sprig, `set`, `unset` and the merges change their argument.

use std::rc::Rc;

use super::super::lookups::Lookup;
use super::super::meter;
use super::super::value::{Dict, Value};
use super::args::{Args, is_empty, to_text};
use super::{ANY, Context, Error, Function, Outcome};

/// Maximum depth of a merge. A dict can contain itself.
const MAX_NESTING: usize = 200;

pub(super) const TABLE: &[Function] = &[
    ("dict", 0, ANY, |_, a| {
        Ok(Value::dict(a.0.chunks(2).map(|pair| match pair {
            [key, value] => (to_text(key), value.clone().resolved()),
            rest => (
                rest.first().map(to_text).unwrap_or_default(),
                Value::str(""),
            ),
        })))
    }),
    ("get", 2, 2, |_, a| {
        Ok(a.dict(0)?
            .borrow()
            .get(a.text(1)?)
            .cloned()
            .unwrap_or(Value::str("")))
    }),
    ("set", 3, 3, |_, a| {
        let dict = a.dict(0)?;
        if a.get(0).is_nil() {
            return Err(Error::Wrong("cannot set a key of nil".to_owned()));
        }
        let value = checked(&dict, a.get(2))?.resolved();
        dict.borrow_mut().insert(a.text(1)?.into(), value);
        Ok(Value::Dict(dict))
    }),
    ("unset", 2, 2, |_, a| {
        let dict = a.dict(0)?;
        dict.borrow_mut().remove(a.text(1)?);
        Ok(Value::Dict(dict))
    }),
    ("hasKey", 2, 2, |_, a| {
        Ok(a.dict(0)?.borrow().contains_key(a.text(1)?).into())
    }),
    ("keys", 0, ANY, keys),
    ("values", 1, 1, |_, a| {
        Ok(Value::list(a.dict(0)?.borrow().values().cloned().collect()))
    }),
    ("pluck", 1, ANY, pluck),
    ("pick", 1, ANY, |_, a| select(a, true)),
    ("omit", 1, ANY, |_, a| select(a, false)),
    ("dig", 3, ANY, dig),
    ("merge", 1, ANY, |_, a| merge_all(a, false)),
    ("mustMerge", 1, ANY, |_, a| merge_all(a, false)),
    ("mergeOverwrite", 1, ANY, |_, a| merge_all(a, true)),
    ("mustMergeOverwrite", 1, ANY, |_, a| merge_all(a, true)),
    ("deepCopy", 1, 1, deep_copy),
    ("mustDeepCopy", 1, 1, deep_copy),
    ("lookup", 4, 4, lookup),
];

fn deep_copy(_: &mut Context, a: &Args<'_>) -> Outcome {
    match a.get(0) {
        value if value.is_nil() => Err(Error::Wrong("cannot copy nil".to_owned())),
        value => Ok(value.deep_copy()),
    }
}

/// Returns an object or a list from the cluster; an empty dict if there is none, or without a cluster.
fn lookup(context: &mut Context, a: &Args<'_>) -> Outcome {
    let text = |i| a.text(i).map(str::to_owned);
    let lookup = Lookup {
        api_version: text(0)?,
        kind: text(1)?,
        namespace: text(2)?,
        name: text(3)?,
    };
    let answer = context.lookups.answer(lookup);
    Ok(answer.map_or_else(|| Value::dict([]), |answer| Value::from(&answer)))
}

/// Checks that a value can become part of `dict`, which must not be inside the value.
fn checked(dict: &Dict, value: &Value) -> Result<Value, Error> {
    fn contains(value: &Value, dict: &Dict) -> bool {
        if !meter::spend_node() {
            return true;
        }
        match value {
            Value::Dict(inner) => {
                Rc::ptr_eq(inner, dict) || inner.borrow().values().any(|v| contains(v, dict))
            }
            Value::List(_, items) => items.iter().any(|v| contains(v, dict)),
            _ => false,
        }
    }
    if contains(value, dict) {
        return Err(Error::Wrong("a dict cannot contain itself".to_owned()));
    }
    Ok(value.clone())
}

fn keys(_: &mut Context, a: &Args<'_>) -> Outcome {
    let mut keys = Vec::new();
    for i in 0..a.len() {
        keys.extend(a.dict(i)?.borrow().keys().map(Rc::clone));
    }
    Ok(Value::strings(keys))
}

fn pluck(_: &mut Context, a: &Args<'_>) -> Outcome {
    let key = a.text(0)?;
    let mut found = Vec::new();
    for i in 1..a.len() {
        found.extend(a.dict(i)?.borrow().get(key).cloned());
    }
    Ok(Value::list(found))
}

fn select(a: &Args<'_>, wanted: bool) -> Outcome {
    let names = (1..a.len())
        .map(|i| a.text(i))
        .collect::<Result<Vec<_>, _>>()?;
    let dict = a.dict(0)?;
    let dict = dict.borrow();
    let kept = dict
        .iter()
        .filter(|(key, _)| names.contains(&&***key) == wanted);
    Ok(Value::dict(kept.map(|(k, v)| (Rc::clone(k), v.clone()))))
}

/// `dig "a" "b" default dict`.
fn dig(_: &mut Context, a: &Args<'_>) -> Outcome {
    let (depth, default) = (a.len() - 2, a.get(a.len() - 2));
    let mut value = a.last().clone();
    for i in 0..depth {
        let key = a.text(i)?;
        let next = match &value {
            Value::Dict(dict) => dict.borrow().get(key).cloned(),
            other => {
                let kind = other.kind();
                return Err(Error::Wrong(format!("cannot look for {key:?} in a {kind}")));
            }
        };
        match next {
            Some(next) => value = next,
            None => return Ok(default.clone().resolved()),
        }
    }
    Ok(value)
}

fn merge_all(a: &Args<'_>, overwrite: bool) -> Outcome {
    let target = a.dict(0)?;
    let sources = (1..a.len())
        .map(|i| a.dict(i))
        .collect::<Result<Vec<_>, _>>()?;
    for source in sources {
        merge(&target, &source, overwrite, 0)?;
    }
    Ok(Value::Dict(target))
}

/// Merges dicts deeply, as the mergo library does. Keys of `target` win, unless `source` is to overwrite them.
fn merge(target: &Dict, source: &Dict, overwrite: bool, depth: usize) -> Result<(), Error> {
    if depth > MAX_NESTING {
        return Err(Error::Wrong(format!(
            "dicts are nested more than {MAX_NESTING} deep"
        )));
    }
    if Rc::ptr_eq(target, source) || !meter::spend_node() {
        return Ok(());
    }
    let entries: Vec<(Rc<str>, Value)> = source
        .borrow()
        .iter()
        .map(|(k, v)| (Rc::clone(k), v.clone()))
        .collect();
    for (key, value) in entries {
        let existing = target.borrow().get(&key).cloned();
        match (existing, &value) {
            // An empty value replaces nothing, unless it is to overwrite.
            (_, Value::Nil) if !overwrite => {}
            (Some(Value::Dict(inner)), Value::Dict(from)) => {
                let was_empty = inner.borrow().is_empty();
                merge(&inner, from, overwrite, depth + 1)?;
                if was_empty && inner.borrow().is_empty() {
                    let value = Value::Dict(Rc::clone(from));
                    target.borrow_mut().insert(key, value);
                }
            }
            (Some(existing), _) if !overwrite && !is_empty(&existing) => {}
            _ => {
                let value = checked(target, &value)?;
                target.borrow_mut().insert(key, value);
            }
        }
    }
    Ok(())
}
