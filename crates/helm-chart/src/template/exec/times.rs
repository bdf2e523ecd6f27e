//! Methods of points in time and of durations (Go's package time).

use std::rc::Rc;

use super::super::duration::{self, SECOND};
use super::super::time::{Time, Zone};
use super::super::value::Value;

pub(super) fn call_time(time: &Time, method: &str, args: &[Value]) -> Result<Value, String> {
    let civil = time.civil();
    let int = |n: u32| Value::Int(i64::from(n));
    Ok(match (method, args) {
        ("Format", [Value::Str(layout)]) => Value::from(time.format(layout)),
        ("String", []) => Value::from(time.to_string()),
        ("Year", []) => Value::Int(civil.year),
        ("Month", []) => Value::str(time.month_name()),
        ("Weekday", []) => Value::str(time.weekday_name()),
        ("Day", []) => int(civil.day),
        ("YearDay", []) => int(civil.year_day),
        ("Hour", []) => int(civil.hour),
        ("Minute", []) => int(civil.minute),
        ("Second", []) => int(civil.second),
        ("Nanosecond", []) => int(time.nanoseconds),
        ("Unix", []) => Value::Int64(time.seconds),
        ("UnixMilli", []) => {
            let millis = i64::from(time.nanoseconds / 1_000_000);
            Value::Int64(time.seconds.wrapping_mul(1000).wrapping_add(millis))
        }
        ("UnixMicro", []) => {
            let micros = i64::from(time.nanoseconds / 1000);
            Value::Int64(time.seconds.wrapping_mul(1_000_000).wrapping_add(micros))
        }
        ("UnixNano", []) => {
            let nanoseconds = i64::from(time.nanoseconds);
            Value::Int64(time.seconds.wrapping_mul(SECOND).wrapping_add(nanoseconds))
        }
        ("IsZero", []) => {
            let zero = Time::zero();
            Value::Bool((time.seconds, time.nanoseconds) == (zero.seconds, zero.nanoseconds))
        }
        ("UTC", []) => Value::Time(Rc::new(time.in_zone(Zone::Utc))),
        ("Local", []) => Value::Time(Rc::new(time.in_zone(Zone::local()))),
        ("Add", [Value::Duration(nanoseconds)]) => Value::Time(Rc::new(time.plus(*nanoseconds))),
        ("Sub", [Value::Time(other)]) => Value::Duration(time.since(other)),
        ("Before", [Value::Time(other)]) => Value::Bool(time.since(other) < 0),
        ("After", [Value::Time(other)]) => Value::Bool(time.since(other) > 0),
        ("Equal", [Value::Time(other)]) => Value::Bool(time.since(other) == 0),
        _ => return Err(unknown("a time", method, args)),
    })
}

#[allow(clippy::cast_precision_loss)] // As Go does.
pub(super) fn call_duration(
    nanoseconds: i64,
    method: &str,
    args: &[Value],
) -> Result<Value, String> {
    let float = |unit: i64| {
        Value::Float((nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / unit as f64)
    };
    Ok(match (method, args) {
        ("String", []) => Value::from(duration::to_text(nanoseconds)),
        ("Nanoseconds", []) => Value::Int64(nanoseconds),
        ("Microseconds", []) => Value::Int64(nanoseconds / 1000),
        ("Milliseconds", []) => Value::Int64(nanoseconds / 1_000_000),
        ("Seconds", []) => float(SECOND),
        ("Minutes", []) => float(60 * SECOND),
        ("Hours", []) => float(3600 * SECOND),
        ("Abs", []) => Value::Duration(nanoseconds.checked_abs().unwrap_or(i64::MAX)),
        ("Round", [Value::Duration(unit)]) => Value::Duration(duration::round(nanoseconds, *unit)),
        ("Truncate", [Value::Duration(unit)]) => {
            Value::Duration(duration::truncate(nanoseconds, *unit))
        }
        _ => return Err(unknown("a duration", method, args)),
    })
}

fn unknown(what: &str, method: &str, args: &[Value]) -> String {
    format!(
        "{what} has no method .{method} with {} such arguments",
        args.len()
    )
}
