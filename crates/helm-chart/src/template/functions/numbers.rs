//! Functions on numbers.

use super::super::value::Value;
use super::args::{Args, to_float, to_int, to_text};
use super::{ANY, Context, Error, Function, Outcome, decimal};

pub(super) const TABLE: &[Function] = &[
    ("int", 1, 1, |_, a| Ok(Value::Int(to_int(a.get(0))))),
    ("int64", 1, 1, |_, a| Ok(Value::Int64(to_int(a.get(0))))),
    ("float64", 1, 1, |_, a| Ok(Value::Float(to_float(a.get(0))))),
    ("atoi", 1, 1, |_, a| Ok(Value::Int(atoi(a.text(0)?)))),
    ("toDecimal", 1, 1, |_, a| {
        Ok(Value::Int64(
            i64::from_str_radix(&to_text(a.get(0)), 8).unwrap_or(0),
        ))
    }),
    ("add", 0, ANY, |_, a| {
        Ok(Value::Int64(ints(a).fold(0, i64::wrapping_add)))
    }),
    ("add1", 1, 1, |_, a| {
        Ok(Value::Int64(to_int(a.get(0)).wrapping_add(1)))
    }),
    ("sub", 2, 2, |_, a| {
        Ok(Value::Int64(
            to_int(a.get(0)).wrapping_sub(to_int(a.get(1))),
        ))
    }),
    ("mul", 1, ANY, |_, a| {
        Ok(Value::Int64(ints(a).fold(1, i64::wrapping_mul)))
    }),
    ("div", 2, 2, |_, a| divide(a, i64::wrapping_div)),
    ("mod", 2, 2, |_, a| divide(a, i64::wrapping_rem)),
    ("max", 1, ANY, |_, a| {
        Ok(Value::Int64(ints(a).max().unwrap_or(0)))
    }),
    ("biggest", 1, ANY, |_, a| {
        Ok(Value::Int64(ints(a).max().unwrap_or(0)))
    }),
    ("min", 1, ANY, |_, a| {
        Ok(Value::Int64(ints(a).min().unwrap_or(0)))
    }),
    ("addf", 0, ANY, |_, a| fold(a, decimal::add)),
    ("add1f", 1, 1, |_, a| {
        Ok(Value::Float(decimal::add(to_float(a.get(0)), 1.0)))
    }),
    ("subf", 1, ANY, |_, a| fold(a, decimal::subtract)),
    ("mulf", 1, ANY, |_, a| fold(a, decimal::multiply)),
    ("divf", 1, ANY, |_, a| {
        if a.from(1).iter().any(|v| to_float(v) == 0.0) {
            return Err(Error::Wrong("cannot divide by zero".to_owned()));
        }
        fold(a, decimal::divide)
    }),
    ("maxf", 1, ANY, |_, a| fold(a, maximum)),
    ("minf", 1, ANY, |_, a| fold(a, minimum)),
    ("floor", 1, 1, |_, a| {
        Ok(Value::Float(to_float(a.get(0)).floor()))
    }),
    ("ceil", 1, 1, |_, a| {
        Ok(Value::Float(to_float(a.get(0)).ceil()))
    }),
    ("round", 2, ANY, round),
];

fn ints<'a>(a: &Args<'a>) -> impl Iterator<Item = i64> + 'a {
    a.0.iter().map(to_int)
}

fn floats<'a>(a: &Args<'a>) -> impl Iterator<Item = f64> + 'a {
    a.0.iter().map(to_float)
}

#[allow(clippy::unnecessary_wraps)]
fn fold(a: &Args<'_>, with: fn(f64, f64) -> f64) -> Outcome {
    Ok(Value::Float(floats(a).reduce(with).unwrap_or(0.0)))
}

fn divide(a: &Args<'_>, with: fn(i64, i64) -> i64) -> Outcome {
    let (x, y) = (to_int(a.get(0)), to_int(a.get(1)));
    match y {
        0 => Err(Error::Wrong(format!("cannot divide {x} by zero"))),
        y => Ok(Value::Int64(with(x, y))),
    }
}

/// Parses an `int`; anything else is 0, and what does not fit is the nearest (`strconv.Atoi`).
fn atoi(text: &str) -> i64 {
    use std::num::IntErrorKind;
    text.parse()
        .unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow => i64::MAX,
            IntErrorKind::NegOverflow => i64::MIN,
            _ => 0,
        })
}

/// Go's `math.Max`: not-a-number wins.
fn maximum(a: f64, b: f64) -> f64 {
    if a.is_infinite() && a > 0.0 || b.is_infinite() && b > 0.0 {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// Go's `math.Min`: not-a-number wins.
fn minimum(a: f64, b: f64) -> f64 {
    -maximum(-a, -b)
}

/// `round value places [from which fraction on it goes up]`.
fn round(_: &mut Context, a: &Args<'_>) -> Outcome {
    let value = to_float(a.get(0));
    let places = i32::try_from(a.int(1)?).unwrap_or(0);
    let up_from = match a.get(2) {
        _ if a.len() < 3 => 0.5,
        Value::Float(f) => *f,
        number @ Value::Int(_) => to_float(number),
        other => {
            return Err(Error::Wrong(format!(
                "argument 3 must be a float64, not a {}",
                other.kind()
            )));
        }
    };
    let power = 10f64.powi(places);
    let digits = power * value;
    let rounded = if digits.fract() >= up_from {
        digits.ceil()
    } else {
        digits.floor()
    };
    Ok(Value::Float(rounded / power))
}
