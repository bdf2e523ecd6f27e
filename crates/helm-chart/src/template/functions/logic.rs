//! Functions that compare and decide.

use std::cmp::Ordering;

use super::super::value::{Release, Value};
use super::args::{Args, is_empty};
use super::{ANY, Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("not", 1, 1, |_, a| Ok((!a.get(0).is_true()).into())),
    ("eq", 2, ANY, |_, a| {
        for other in a.from(1) {
            if equal(a.get(0), other)? {
                return Ok(true.into());
            }
        }
        Ok(false.into())
    }),
    ("ne", 2, 2, |_, a| Ok((!equal(a.get(0), a.get(1))?).into())),
    ("lt", 2, 2, |_, a| Ok(order(a)?.is_lt().into())),
    ("le", 2, 2, |_, a| Ok(order(a)?.is_le().into())),
    ("gt", 2, 2, |_, a| Ok(order(a)?.is_gt().into())),
    ("ge", 2, 2, |_, a| Ok(order(a)?.is_ge().into())),
    ("deepEqual", 2, 2, |_, a| Ok((a.get(0) == a.get(1)).into())),
    ("default", 1, 2, |_, a| {
        Ok(if is_empty(a.get(1)) {
            a.get(0).clone()
        } else {
            a.get(1).clone()
        })
    }),
    ("empty", 1, 1, |_, a| Ok(is_empty(a.get(0)).into())),
    ("coalesce", 0, ANY, |_, a| {
        Ok(a.0
            .iter()
            .find(|v| !is_empty(v))
            .cloned()
            .unwrap_or(Value::Nil))
    }),
    ("all", 0, ANY, |_, a| {
        Ok(a.0.iter().all(|v| !is_empty(v)).into())
    }),
    ("any", 0, ANY, |_, a| {
        Ok(a.0.iter().any(|v| !is_empty(v)).into())
    }),
    ("ternary", 3, 3, |_, a| {
        Ok(if a.bool(2)? { a.get(0) } else { a.get(1) }.clone())
    }),
    ("kindOf", 1, 1, |_, a| Ok(Value::str(a.get(0).kind()))),
    ("kindIs", 2, 2, |_, a| {
        Ok((a.text(0)? == a.get(1).kind()).into())
    }),
    ("typeOf", 1, 1, |_, a| Ok(Value::str(a.get(0).type_name()))),
    ("typeIs", 2, 2, |_, a| {
        Ok((a.text(0)? == a.get(1).type_name()).into())
    }),
    ("typeIsLike", 2, 2, |_, a| {
        let (wanted, got) = (a.text(0)?, a.get(1).type_name());
        Ok((wanted == got || got.strip_prefix('*') == Some(wanted)).into())
    }),
    ("fail", 1, 1, |_, a| {
        Err(Error::Chart(a.text(0)?.to_owned()))
    }),
    ("required", 2, 2, required),
    ("semver", 1, 1, |_, a| {
        Ok(Value::Semver(Release::parse(a.text(0)?)?.into()))
    }),
    ("semverCompare", 2, 2, |_, a| {
        let constraint: crate::version::Constraint = a.text(0)?.parse()?;
        let version = crate::version::parse(a.text(1)?)?;
        Ok(constraint.allows(&version).into())
    }),
];

fn required(_: &mut Context, a: &Args<'_>) -> Outcome {
    match a.get(1) {
        Value::Nil => Err(Error::Chart(a.text(0)?.to_owned())),
        Value::Str(s) if s.is_empty() => Err(Error::Chart(a.text(0)?.to_owned())),
        value => Ok(value.clone()),
    }
}

/// Equality of basic values; Go refuses to compare values of different kinds.
fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(_), Value::Bool(_))
        | (Value::Int(_), Value::Int(_))
        | (Value::Float(_), Value::Float(_))
        | (Value::Str(_), Value::Str(_)) => Ok(a == b),
        _ => Err(incomparable(a, b)),
    }
}

fn order(a: &Args<'_>) -> Result<Ordering, Error> {
    let (a, b) = (a.get(0), a.get(1));
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => Ok(a.total_cmp(b)),
        (Value::Str(a), Value::Str(b)) => Ok(a.cmp(b)),
        _ => Err(incomparable(a, b)),
    }
}

fn incomparable(a: &Value, b: &Value) -> Error {
    let hint = match (a, b) {
        (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => {
            "; numbers of a values file are floats: use int or float64 on one of them"
        }
        _ => "",
    };
    Error::Wrong(format!(
        "cannot compare {a:?} ({}) with {b:?} ({}){hint}",
        a.kind(),
        b.kind()
    ))
}
