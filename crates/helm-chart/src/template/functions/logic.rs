//! Functions that compare and decide.

use std::rc::Rc;

use super::super::value::{ListType, Release, Value};
use super::args::{Args, is_empty};
use super::{ANY, Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("not", 1, 1, |_, a| Ok((!a.get(0).is_true()).into())),
    ("eq", 1, ANY, |_, a| {
        if a.len() == 1 {
            return Err(Error::Wrong("takes at least 2 arguments, got 1".to_owned()));
        }
        for other in a.from(1) {
            if equal(a.get(0), other)? {
                return Ok(true.into());
            }
        }
        Ok(false.into())
    }),
    ("ne", 2, 2, |_, a| Ok((!equal(a.get(0), a.get(1))?).into())),
    ("lt", 2, 2, |_, a| Ok(less(a.get(0), a.get(1))?.into())),
    ("le", 2, 2, |_, a| {
        Ok(less_or_equal(a.get(0), a.get(1))?.into())
    }),
    ("gt", 2, 2, |_, a| {
        Ok((!less_or_equal(a.get(0), a.get(1))?).into())
    }),
    ("ge", 2, 2, |_, a| Ok((!less(a.get(0), a.get(1))?).into())),
    ("deepEqual", 2, 2, |_, a| Ok((a.get(0) == a.get(1)).into())),
    ("default", 1, ANY, |_, a| {
        Ok(if is_empty(a.get(1)) {
            a.get(0)
        } else {
            a.get(1)
        }
        .clone())
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
    ("call", 1, ANY, |_, a| {
        let what = match a.get(0) {
            value if value.is_nil() => "nil".to_owned(),
            value => format!("{value:?}, a {}", value.kind()),
        };
        Err(Error::Wrong(format!(
            "cannot call {what}: templates have no function values"
        )))
    }),
    ("hello", 0, 0, |_, _| Ok(Value::str("Hello!"))),
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
    let message = a.text(0)?;
    match a.get(1) {
        value if value.is_nil() => Err(Error::Chart(message.to_owned())),
        Value::Str(s) if s.is_empty() => Err(Error::Chart(message.to_owned())),
        value => Ok(value.clone()),
    }
}

/// A value of one of the kinds that Go's templates compare (`basicKind`).
enum Basic<'v> {
    Nil,
    Bool(bool),
    /// Integers of all types compare with each other.
    Int(i128),
    Float(f64),
    Text(&'v [u8]),
    Other,
}

impl Basic<'_> {
    fn of(value: &Value) -> Basic<'_> {
        match value {
            Value::Nil | Value::NilField => Basic::Nil,
            Value::Bool(b) => Basic::Bool(*b),
            Value::Int(n) | Value::Int64(n) | Value::Duration(n) => Basic::Int(i128::from(*n)),
            Value::Uint64(n) => Basic::Int(i128::from(*n)),
            Value::Byte(n) => Basic::Int(i128::from(*n)),
            Value::Float(f) => Basic::Float(*f),
            Value::Str(s) => Basic::Text(s.as_bytes()),
            Value::Bytes(bytes) => Basic::Text(bytes),
            _ => Basic::Other,
        }
    }
}

/// Equality of basic values; Go refuses to compare values of different kinds, lists and dicts.
#[allow(clippy::float_cmp)] // As Go does.
fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    match (Basic::of(a), Basic::of(b)) {
        (Basic::Nil, Basic::Nil) => Ok(true),
        (Basic::Nil, Basic::Other) if is_nil_list(b) => Ok(true),
        (Basic::Other, Basic::Nil) if is_nil_list(a) => Ok(true),
        (Basic::Nil, _) | (_, Basic::Nil) => Ok(false),
        (Basic::Bool(a), Basic::Bool(b)) => Ok(a == b),
        (Basic::Int(a), Basic::Int(b)) => Ok(a == b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a == b),
        (Basic::Text(a), Basic::Text(b)) => Ok(a == b),
        (Basic::Other, Basic::Other) => other_equal(a, b),
        _ => Err(incomparable(a, b)),
    }
}

fn is_nil_list(value: &Value) -> bool {
    matches!(
        value,
        Value::List(ListType::NilAny | ListType::NilStrings, _)
    )
}

/// Equality of values of one kind that is not basic. A `nil` of its type is equal to any other.
fn other_equal(a: &Value, b: &Value) -> Result<bool, Error> {
    if a.kind() != b.kind() {
        return Err(incomparable(a, b));
    }
    if is_nil_list(a) || is_nil_list(b) {
        return Ok(is_nil_list(a) == is_nil_list(b));
    }
    match (a, b) {
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (Value::Semver(a), Value::Semver(b)) => Ok(Rc::ptr_eq(a, b)),
        (Value::KubeVersion(a), Value::KubeVersion(b)) => Ok(Rc::ptr_eq(a, b)),
        _ => Err(incomparable(a, b)),
    }
}

fn less(a: &Value, b: &Value) -> Result<bool, Error> {
    match (Basic::of(a), Basic::of(b)) {
        (Basic::Int(a), Basic::Int(b)) => Ok(a < b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a < b),
        (Basic::Text(a), Basic::Text(b)) => Ok(a < b),
        _ => Err(incomparable(a, b)),
    }
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, Error> {
    Ok(less(a, b)? || equal(a, b)?)
}

fn incomparable(a: &Value, b: &Value) -> Error {
    let is_int = |v: &Value| matches!(Basic::of(v), Basic::Int(_));
    let is_float = |v: &Value| matches!(v, Value::Float(_));
    let hint = match (is_int(a) && is_float(b)) || (is_float(a) && is_int(b)) {
        true => "; numbers of a values file are floats: use int or float64 on one of them",
        false => "",
    };
    Error::Wrong(format!(
        "cannot compare {a:?} ({}) with {b:?} ({}){hint}",
        a.kind(),
        b.kind()
    ))
}
