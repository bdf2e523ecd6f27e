//! Formats a time by a layout.

use std::fmt::Write as _;

use super::Time;
use super::calendar::{MONTHS, WEEKDAYS};
use super::layout::{self, Element, OffsetForm};

pub(super) fn format(time: &Time, layout: &str) -> String {
    let civil = time.civil();
    let offset = time.zone.offset(time.seconds);
    let mut out = String::with_capacity(layout.len() + 10);
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, element, after) = layout::next(rest);
        out.push_str(before);
        let Some(element) = element else { break };
        rest = after;
        let month = MONTHS
            .get(usize::try_from(civil.month).unwrap_or(1).wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        let weekday = WEEKDAYS.get(civil.weekday).copied().unwrap_or_default();
        let hour12 = match civil.hour % 12 {
            0 => 12,
            hour => hour,
        };
        _ = match element {
            Element::Year => write!(out, "{:02}", civil.year.unsigned_abs() % 100),
            Element::LongYear if civil.year < 0 => write!(out, "-{:04}", civil.year.unsigned_abs()),
            Element::LongYear => write!(out, "{:04}", civil.year),
            Element::Month => write!(out, "{month:.3}"),
            Element::LongMonth => out.write_str(month),
            Element::NumMonth => write!(out, "{}", civil.month),
            Element::ZeroMonth => write!(out, "{:02}", civil.month),
            Element::Weekday => write!(out, "{weekday:.3}"),
            Element::LongWeekday => out.write_str(weekday),
            Element::Day => write!(out, "{}", civil.day),
            Element::UnderDay => write!(out, "{:2}", civil.day),
            Element::ZeroDay => write!(out, "{:02}", civil.day),
            Element::UnderYearDay => write!(out, "{:3}", civil.year_day),
            Element::ZeroYearDay => write!(out, "{:03}", civil.year_day),
            Element::Hour => write!(out, "{:02}", civil.hour),
            Element::Hour12 => write!(out, "{hour12}"),
            Element::ZeroHour12 => write!(out, "{hour12:02}"),
            Element::Minute => write!(out, "{}", civil.minute),
            Element::ZeroMinute => write!(out, "{:02}", civil.minute),
            Element::Second => write!(out, "{}", civil.second),
            Element::ZeroSecond => write!(out, "{:02}", civil.second),
            Element::UpperPm => out.write_str(if civil.hour >= 12 { "PM" } else { "AM" }),
            Element::LowerPm => out.write_str(if civil.hour >= 12 { "pm" } else { "am" }),
            Element::ZoneName if !offset.name.is_empty() => out.write_str(&offset.name),
            Element::ZoneName => {
                push_offset(
                    &mut out,
                    offset.seconds,
                    OffsetForm {
                        z: false,
                        colons: false,
                        parts: 2,
                    },
                );
                Ok(())
            }
            Element::Offset(form) => {
                push_offset(&mut out, offset.seconds, form);
                Ok(())
            }
            Element::Fraction { digits, comma } => {
                push_fraction(&mut out, time.nanoseconds, digits, comma, false);
                Ok(())
            }
            Element::ShortFraction { digits, comma } => {
                push_fraction(&mut out, time.nanoseconds, digits, comma, true);
                Ok(())
            }
        };
    }
    out
}

fn push_offset(out: &mut String, seconds: i64, form: OffsetForm) {
    if form.z && seconds == 0 {
        out.push('Z');
        return;
    }
    let minutes = (seconds / 60).abs();
    let colon = if form.colons { ":" } else { "" };
    out.push(if seconds / 60 < 0 { '-' } else { '+' });
    _ = write!(out, "{:02}", minutes / 60);
    if form.parts > 1 {
        _ = write!(out, "{colon}{:02}", minutes % 60);
    }
    if form.parts > 2 {
        _ = write!(out, "{colon}{:02}", seconds.abs() % 60);
    }
}

fn push_fraction(out: &mut String, nanoseconds: u32, digits: usize, comma: bool, short: bool) {
    let all = format!("{nanoseconds:09}");
    let mut shown = all.get(..digits.min(9)).unwrap_or(&all);
    if short {
        shown = shown.trim_end_matches('0');
        if shown.is_empty() {
            return;
        }
    }
    out.push(if comma { ',' } else { '.' });
    out.push_str(shown);
}
