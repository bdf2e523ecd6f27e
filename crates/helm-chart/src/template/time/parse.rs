//! Parses a time by a layout (`time.ParseInLocation`).

use super::Time;
use super::calendar::{MONTHS, WEEKDAYS, days_in, is_leap, seconds_to};
use super::layout::{self, Element, OffsetForm};
use super::zone::Zone;

/// What the elements of a layout have given so far.
#[derive(Default)]
struct Parts {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanoseconds: u32,
    afternoon: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

pub(super) fn parse(layout: &str, text: &str) -> Option<Time> {
    let mut parts = Parts::default();
    let (mut layout, mut rest) = (layout, text);
    loop {
        let (before, element, after) = layout::next(layout);
        rest = skip(rest, before)?;
        let Some(element) = element else { break };
        layout = after;
        rest = parts.read(element, rest, layout)?;
    }
    match rest.is_empty() {
        true => parts.time(),
        false => None,
    }
}

/// Skips the text between two elements. Where it has blanks, any number of them may stand.
fn skip<'t>(mut text: &'t str, mut prefix: &str) -> Option<&'t str> {
    while !prefix.is_empty() {
        if prefix.starts_with(' ') {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            prefix = prefix.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        let c = prefix.chars().next()?;
        text = text.strip_prefix(c)?;
        prefix = prefix.get(c.len_utf8()..)?;
    }
    Some(text)
}

/// Reads a number of one digit or two; of two if `fixed`.
fn number(text: &str, fixed: bool) -> Option<(u32, &str)> {
    digits(text, if fixed { 2 } else { 1 }, 2)
}

fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if count < least {
        return None;
    }
    let (number, rest) = text.split_at(count);
    Some((number.parse().ok()?, rest))
}

/// Reads one of the names, in any case, possibly shortened to its first letters. Returns its number from 0.
fn name<'t>(names: &[&str], short: bool, text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = if short { name.get(..3)? } else { name };
        let start = text.get(..name.len())?;
        let same = start.eq_ignore_ascii_case(name);
        same.then(|| text.get(name.len()..).map(|rest| (i, rest)))?
    })
}

/// Reads `.` or `,` and all digits that follow; the first nine count.
fn fraction(text: &str) -> Option<(u32, usize)> {
    let digits = text.strip_prefix(['.', ','])?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let shown = digits.get(..count.min(9)).filter(|d| !d.is_empty())?;
    Some((format!("{shown:0<9}").parse().ok()?, 1 + count))
}

impl Parts {
    /// Reads one element; `following` is the rest of the layout. Returns the rest of the text.
    fn read<'t>(&mut self, element: Element, text: &'t str, following: &str) -> Option<&'t str> {
        let (value, rest);
        match element {
            Element::Year => {
                (value, rest) = digits(text, 2, 2)?;
                self.year = i64::from(value) + if value >= 69 { 1900 } else { 2000 };
            }
            Element::LongYear => {
                (value, rest) = digits(text, 4, 4)?;
                self.year = i64::from(value);
            }
            Element::Month | Element::LongMonth => {
                let month;
                (month, rest) = name(&MONTHS, element == Element::Month, text)?;
                self.month = Some(u32::try_from(month).ok()? + 1);
            }
            Element::NumMonth | Element::ZeroMonth => {
                (value, rest) = number(text, element == Element::ZeroMonth)?;
                self.month = Some(value).filter(|month| (1..=12).contains(month));
                self.month?;
            }
            Element::Weekday | Element::LongWeekday => {
                rest = name(&WEEKDAYS, element == Element::Weekday, text)?.1;
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let text = match element {
                    Element::UnderDay => text.strip_prefix(' ').unwrap_or(text),
                    _ => text,
                };
                (value, rest) = number(text, element == Element::ZeroDay)?;
                self.day = Some(value);
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let fixed = element == Element::ZeroYearDay;
                let text = match fixed {
                    true => text,
                    false => {
                        let text = text.strip_prefix(' ').unwrap_or(text);
                        text.strip_prefix(' ').unwrap_or(text)
                    }
                };
                (value, rest) = digits(text, if fixed { 3 } else { 1 }, 3)?;
                self.year_day = Some(value);
            }
            Element::Hour => {
                (value, rest) = number(text, false)?;
                self.hour = Some(value).filter(|hour| *hour < 24)?;
            }
            Element::Hour12 | Element::ZeroHour12 => {
                (value, rest) = number(text, element == Element::ZeroHour12)?;
                self.hour = Some(value).filter(|hour| *hour <= 12)?;
            }
            Element::Minute | Element::ZeroMinute => {
                (value, rest) = number(text, element == Element::ZeroMinute)?;
                self.minute = Some(value).filter(|minute| *minute < 60)?;
            }
            Element::Second | Element::ZeroSecond => {
                let after;
                (value, after) = number(text, element == Element::ZeroSecond)?;
                self.second = Some(value).filter(|second| *second < 60)?;
                rest = self.unasked_fraction(after, following);
            }
            Element::UpperPm | Element::LowerPm => {
                let (half, after) = (text.get(..2)?, text.get(2..)?);
                let (am, pm) = match element {
                    Element::UpperPm => ("AM", "PM"),
                    _ => ("am", "pm"),
                };
                self.afternoon = match half {
                    half if half == pm => Some(true),
                    half if half == am => Some(false),
                    _ => return None,
                };
                rest = after;
            }
            Element::Offset(form) => match text.strip_prefix('Z').filter(|_| form.z) {
                Some(after) => {
                    self.is_utc = true;
                    rest = after;
                }
                None => {
                    let offset;
                    (offset, rest) = read_offset(text, form)?;
                    self.offset = Some(offset);
                }
            },
            Element::ZoneName => match text.strip_prefix("UTC") {
                Some(after) => {
                    self.is_utc = true;
                    rest = after;
                }
                None => {
                    let (name, after) = text.split_at_checked(zone_name(text)?)?;
                    name.clone_into(&mut self.zone_name);
                    rest = after;
                }
            },
            Element::Fraction { digits, .. } => {
                let shown = text.get(..=digits)?;
                let (nanoseconds, length) = fraction(shown)?;
                if length != digits + 1 {
                    return None;
                }
                self.nanoseconds = nanoseconds;
                rest = text.get(length..)?;
            }
            Element::ShortFraction { .. } => match fraction(text) {
                Some((nanoseconds, length)) => {
                    self.nanoseconds = nanoseconds;
                    rest = text.get(length..)?;
                }
                None => rest = text,
            },
        }
        Some(rest)
    }

    /// Reads a fraction after the seconds that the layout does not have.
    fn unasked_fraction<'t>(&mut self, text: &'t str, following: &str) -> &'t str {
        let next = layout::next(following).1;
        if matches!(
            next,
            Some(Element::Fraction { .. } | Element::ShortFraction { .. })
        ) {
            return text;
        }
        match fraction(text) {
            Some((nanoseconds, length)) => {
                self.nanoseconds = nanoseconds;
                text.get(length..).unwrap_or_default()
            }
            None => text,
        }
    }

    fn time(self) -> Option<Time> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = match self.year_day {
            Some(of_year) => {
                let (month, day) = from_year_day(self.year, of_year)?;
                let fits = |seen: Option<u32>, found| seen.is_none_or(|seen| seen == found);
                if !fits(self.month, month) || !fits(self.day, day) {
                    return None;
                }
                (month, day)
            }
            None => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day < 1 || day > days_in(self.year, month) {
            return None;
        }
        let civil = seconds_to(self.year, month, day, (hour, self.minute, self.second));
        let local = Zone::local();
        let (seconds, zone) = if self.is_utc {
            (civil, Zone::Utc)
        } else if let Some(offset) = self.offset {
            let at = local.offset(civil - offset);
            let is_local =
                at.seconds == offset && (self.zone_name.is_empty() || self.zone_name == at.name);
            let zone = if is_local {
                local
            } else {
                Zone::Fixed(offset, self.zone_name)
            };
            (civil - offset, zone)
        } else if self.zone_name.is_empty() {
            (local.to_unix(civil), local)
        } else {
            let at = local.offset(civil);
            if at.name == self.zone_name {
                (civil - at.seconds, local)
            } else {
                // The offset of an unknown zone counts as zero, unless its name says it.
                let hours = self
                    .zone_name
                    .strip_prefix("GMT")
                    .and_then(|h| h.parse::<i64>().ok());
                let offset = hours.unwrap_or(0) * 3600;
                (civil - offset, Zone::Fixed(offset, self.zone_name))
            }
        };
        Some(Time {
            seconds,
            nanoseconds: self.nanoseconds,
            zone,
        })
    }
}

fn from_year_day(year: i64, of_year: u32) -> Option<(u32, u32)> {
    if of_year < 1 || of_year > if is_leap(year) { 366 } else { 365 } {
        return None;
    }
    let mut left = of_year;
    for month in 1..=12 {
        match left.checked_sub(days_in(year, month)) {
            None | Some(0) => return Some((month, left)),
            Some(rest) => left = rest,
        }
    }
    None
}

fn read_offset(text: &str, form: OffsetForm) -> Option<(i64, &str)> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (mut total, mut rest) = (0, text.get(1..)?);
    for (part, unit) in [3600, 60, 1].into_iter().take(form.parts).enumerate() {
        if part > 0 && form.colons {
            rest = rest.strip_prefix(':')?;
        }
        let value;
        (value, rest) = number(rest, true)?;
        if value > if part == 0 { 24 } else { 60 } {
            return None;
        }
        total += i64::from(value) * unit;
    }
    Some((sign * total, rest))
}

/// Returns the length of the abbreviation of a zone: three or four capitals, `ChST`, `MeST`, `GMT+3`, `+03`.
fn zone_name(text: &str) -> Option<usize> {
    let signed = |text: &str| {
        let (sign, digits) = text.split_at_checked(1)?;
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        let hours: u32 = digits.get(..count)?.parse().ok()?;
        (matches!(sign, "+" | "-") && hours < 24).then_some(1 + count)
    };
    if text.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix("GMT") {
        return Some(3 + signed(after).unwrap_or(0));
    }
    if text.starts_with(['+', '-']) {
        return signed(text);
    }
    let capitals = text
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_uppercase)
        .count();
    let ends_with_t = text.as_bytes().get(capitals.wrapping_sub(1)) == Some(&b'T');
    match capitals {
        5 if ends_with_t => Some(5),
        4 if ends_with_t || text.starts_with("WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}
