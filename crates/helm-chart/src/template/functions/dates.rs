//! Functions on dates and times. Those that ask the clock run only where that is allowed.

use std::rc::Rc;

use super::super::duration::{self, SECOND};
use super::super::time::{Time, Zone};
use super::super::value::Value;
use super::args::Args;
use super::{Context, Error, Function, Outcome};

pub(super) const TABLE: &[Function] = &[
    ("now", 0, 0, |context, _| {
        Ok(Value::Time(Rc::new(context.now("now")?)))
    }),
    ("ago", 1, 1, ago),
    ("date", 2, 2, |context, a| {
        formatted(context, "date", a.text(0)?, a.get(1), "Local")
    }),
    ("dateInZone", 3, 3, |context, a| {
        formatted(context, "dateInZone", a.text(0)?, a.get(1), a.text(2)?)
    }),
    ("date_in_zone", 3, 3, |context, a| {
        formatted(context, "date_in_zone", a.text(0)?, a.get(1), a.text(2)?)
    }),
    ("htmlDate", 1, 1, |context, a| {
        formatted(context, "htmlDate", DATE, a.get(0), "Local")
    }),
    ("htmlDateInZone", 2, 2, |context, a| {
        formatted(context, "htmlDateInZone", DATE, a.get(0), a.text(1)?)
    }),
    ("dateModify", 2, 2, |_, a| modify(a, false)),
    ("date_modify", 2, 2, |_, a| modify(a, false)),
    ("mustDateModify", 2, 2, |_, a| modify(a, true)),
    ("must_date_modify", 2, 2, |_, a| modify(a, true)),
    ("toDate", 2, 2, |_, a| {
        let time = Time::parse(a.text(0)?, a.text(1)?);
        Ok(Value::Time(Rc::new(time.unwrap_or_else(Time::zero))))
    }),
    ("mustToDate", 2, 2, |_, a| {
        let (layout, text) = (a.text(0)?, a.text(1)?);
        let time = Time::parse(layout, text);
        let wrong = || Error::Wrong(format!("{text:?} does not have the layout {layout:?}"));
        Ok(Value::Time(Rc::new(time.ok_or_else(wrong)?)))
    }),
    ("unixEpoch", 1, 1, |_, a| {
        Ok(Value::from(time(a, 0)?.seconds.to_string()))
    }),
];

const DATE: &str = "2006-01-02";

fn time<'a>(a: &Args<'a>, i: usize) -> Result<&'a Time, Error> {
    match a.get(i) {
        Value::Time(time) => Ok(time),
        other => {
            let (position, kind) = (i + 1, other.kind());
            Err(Error::Wrong(format!(
                "argument {position} must be a time (see the function toDate), not a {kind}"
            )))
        }
    }
}

/// Formats a time, or seconds since 1970. As in sprig, anything else is the current time.
fn formatted(
    context: &mut Context,
    function: &'static str,
    layout: &str,
    date: &Value,
    zone: &str,
) -> Outcome {
    let time = match date {
        Value::Time(time) => (**time).clone(),
        Value::Int(seconds) | Value::Int64(seconds) => Time::from_unix(*seconds),
        _ => context.now(function)?,
    };
    Ok(Value::from(time.in_zone(Zone::named(zone)).format(layout)))
}

fn ago(context: &mut Context, a: &Args<'_>) -> Outcome {
    let now = context.now("ago")?;
    let since = match a.get(0) {
        Value::Time(time) => now.since(time),
        Value::Int(seconds) | Value::Int64(seconds) => now.since(&Time::from_unix(*seconds)),
        _ => 0,
    };
    let rounded = duration::round(since, SECOND);
    Ok(Value::from(duration::to_text(rounded)))
}

/// Adds a duration such as `-1.5h` to a time.
fn modify(a: &Args<'_>, must: bool) -> Outcome {
    let (text, time) = (a.text(0)?, time(a, 1)?);
    let changed = match duration::parse(text) {
        Some(nanoseconds) => time.plus(nanoseconds),
        None if must => {
            let message = format!("{text:?} is not a duration (such as -1.5h)");
            return Err(Error::Wrong(message));
        }
        None => time.clone(),
    };
    Ok(Value::Time(Rc::new(changed)))
}
