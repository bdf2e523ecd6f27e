//! Functions on durations.

use super::super::duration::{self, SECOND};
use super::super::value::Value;
use super::args::{Args, text_to_float};
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("mustToDuration", 1, 1, |_, a| {
        Ok(Value::Duration(read(a.get(0)).map_err(Error::Wrong)?))
    }),
    ("durationSeconds", 1, 1, |_, a| Ok(count(a, SECOND))),
    ("durationMinutes", 1, 1, |_, a| Ok(count(a, 60 * SECOND))),
    ("durationHours", 1, 1, |_, a| Ok(count(a, HOUR))),
    ("durationDays", 1, 1, |_, a| Ok(scaled(a, 24.0, 1.0))),
    ("durationWeeks", 1, 1, |_, a| Ok(scaled(a, 24.0, 7.0))),
    ("durationMilliseconds", 1, 1, |_, a| Ok(whole(a, 1_000_000))),
    ("durationMicroseconds", 1, 1, |_, a| Ok(whole(a, 1000))),
    ("durationNanoseconds", 1, 1, |_, a| Ok(whole(a, 1))),
    ("durationRoundTo", 2, 2, |_, a| {
        Ok(to_multiple(a, duration::round))
    }),
    ("durationTruncateTo", 2, 2, |_, a| {
        Ok(to_multiple(a, duration::truncate))
    }),
    ("duration", 1, 1, |_, a| {
        let seconds = match a.get(0) {
            Value::Str(text) => text.parse().unwrap_or(0),
            Value::Int64(n) => *n,
            _ => 0,
        };
        let text = duration::to_text(i64::wrapping_mul(seconds, SECOND));
        Ok(Value::from(text))
    }),
    ("durationRound", 1, 1, round),
];

const HOUR: i64 = 3600 * SECOND;

/// Reads a duration: a string such as `1h2m`, or a number of seconds.
fn read(value: &Value) -> Result<i64, String> {
    let whole = |n: i64| {
        n.checked_mul(SECOND)
            .ok_or_else(|| format!("{n} seconds are too many"))
    };
    match value {
        Value::Duration(nanoseconds) => Ok(*nanoseconds),
        Value::Str(text) => {
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Err("the duration is empty".to_owned());
            }
            duration::parse(trimmed)
                .map(Ok)
                .or_else(|| text_to_float(trimmed).map(from_seconds))
                .unwrap_or_else(|| Err(format!("{text:?} is not a duration (such as 1h30m)")))
        }
        Value::Int(n) | Value::Int64(n) => whole(*n),
        Value::Byte(n) => whole(i64::from(*n)),
        Value::Uint64(n) => {
            whole(i64::try_from(*n).map_err(|_| format!("{n} seconds are too many"))?)
        }
        Value::Float(f) => from_seconds(*f),
        Value::Nil | Value::NilField => Err("nil is not a duration".to_owned()),
        other => Err(format!("a {} is not a duration", other.kind())),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn from_seconds(seconds: f64) -> Result<i64, String> {
    let nanoseconds = seconds * SECOND as f64;
    let fits = nanoseconds.is_finite() && nanoseconds.abs() <= i64::MAX as f64;
    match fits {
        true => Ok(nanoseconds as i64),
        false => Err(format!("{seconds} seconds are not a duration")),
    }
}

/// Returns the duration in a unit, as `Duration.Hours` and its relatives compute it. An invalid duration is 0.
#[allow(clippy::cast_precision_loss)]
fn in_unit(nanoseconds: i64, unit: i64) -> f64 {
    (nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / unit as f64
}

fn count(a: &Args<'_>, unit: i64) -> Value {
    Value::Float(read(a.get(0)).map_or(0.0, |duration| in_unit(duration, unit)))
}

fn scaled(a: &Args<'_>, hours: f64, days: f64) -> Value {
    Value::Float(read(a.get(0)).map_or(0.0, |duration| in_unit(duration, HOUR) / hours / days))
}

fn whole(a: &Args<'_>, unit: i64) -> Value {
    Value::Int64(read(a.get(0)).map_or(0, |duration| duration / unit))
}

fn to_multiple(a: &Args<'_>, with: fn(i64, i64) -> i64) -> Value {
    let Ok(duration) = read(a.get(0)) else {
        return Value::Duration(0);
    };
    let result = read(a.get(1)).map_or(duration, |unit| with(duration, unit));
    Value::Duration(result)
}

/// Names a duration by its largest unit: `3d`.
fn round(context: &mut Context, a: &Args<'_>) -> Outcome {
    let nanoseconds = match a.get(0) {
        Value::Str(text) => duration::parse(text).unwrap_or(0),
        Value::Int64(n) => *n,
        Value::Time(time) => context.now("durationRound")?.since(time),
        _ => 0,
    };
    let size = nanoseconds.unsigned_abs();
    let hour = HOUR.unsigned_abs();
    let units = [
        (hour * 24 * 365, "y"),
        (hour * 24 * 30, "mo"),
        (hour * 24, "d"),
        (hour, "h"),
        (hour / 60, "m"),
        (hour / 3600, "s"),
    ];
    let unit = units.iter().find(|(unit, _)| size > *unit);
    let text = unit.map_or("0s".to_owned(), |(unit, name)| {
        format!("{}{name}", size / unit)
    });
    Ok(Value::from(text))
}
