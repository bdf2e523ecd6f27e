//! Points in time, as in Go's package time.

mod calendar;
mod format;
mod layout;
mod parse;
mod zone;

use std::fmt;
use std::time::SystemTime;

use calendar::Civil;
use format::format;
pub use zone::Zone;

/// A point in time, and the time zone in which it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanoseconds: u32,
    zone: Zone,
}

impl Time {
    /// Returns the time of seconds since 1970, in the zone of this machine.
    pub fn from_unix(seconds: i64) -> Time {
        Time {
            seconds,
            nanoseconds: 0,
            zone: Zone::local(),
        }
    }

    /// Returns the current time in the zone of this machine.
    pub fn now() -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Time {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
            zone: Zone::local(),
        }
    }

    /// Returns Go's zero time: the first moment of the year 1, in UTC.
    pub fn zero() -> Time {
        Time {
            seconds: -62_135_596_800,
            nanoseconds: 0,
            zone: Zone::Utc,
        }
    }

    /// Parses a time (`time.ParseInLocation` with the zone of this machine). Returns `None` if it does not fit the layout.
    pub fn parse(layout: &str, text: &str) -> Option<Time> {
        parse::parse(layout, text)
    }

    /// Returns the same point in time in another zone.
    #[must_use]
    pub fn in_zone(&self, zone: Zone) -> Time {
        Time {
            zone,
            ..self.clone()
        }
    }

    /// Adds a duration in nanoseconds.
    #[must_use]
    pub fn plus(&self, nanoseconds: i64) -> Time {
        let total = i64::from(self.nanoseconds) + nanoseconds % 1_000_000_000;
        let seconds = nanoseconds / 1_000_000_000 + total.div_euclid(1_000_000_000);
        Time {
            seconds: self.seconds.wrapping_add(seconds),
            nanoseconds: u32::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0),
            zone: self.zone.clone(),
        }
    }

    /// Returns the nanoseconds from `earlier` to this time; the nearest value that fits.
    pub fn since(&self, earlier: &Time) -> i64 {
        let nanoseconds =
            |t: &Time| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanoseconds);
        let between = nanoseconds(self) - nanoseconds(earlier);
        i64::try_from(between).unwrap_or(if between < 0 { i64::MIN } else { i64::MAX })
    }

    /// Formats the time by a layout of Go: the reference time Mon Jan 2 15:04:05 MST 2006 in the wanted form.
    pub fn format(&self, layout: &str) -> String {
        format(self, layout)
    }

    /// Returns the name of the month.
    pub fn month_name(&self) -> String {
        self.format("January")
    }

    /// Returns the name of the day of the week.
    pub fn weekday_name(&self) -> String {
        self.format("Monday")
    }

    /// Formats the time as JSON does (RFC 3339).
    pub fn to_json(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    /// Returns the date and the time of day in the zone.
    pub fn civil(&self) -> Civil {
        Civil::of(
            self.seconds
                .saturating_add(self.zone.offset(self.seconds).seconds),
        )
    }
}

/// The output of `Time.String`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_by_layouts() {
        // A layout, a text, and the same time as RFC 3339 in UTC.
        for (layout, text, utc) in [
            ("2006-01-02", "2024-02-29", "2024-02-29T00:00:00Z"),
            (
                "2006-01-02T15:04:05Z07:00",
                "2024-12-31T23:59:59+02:00",
                "2024-12-31T21:59:59Z",
            ),
            (
                "Jan _2 15:04:05.000 2006",
                "Mar  5 01:02:03.250 1999",
                "1999-03-05T01:02:03.25Z",
            ),
            (
                "Monday, 02-Jan-06 3:04PM MST",
                "Friday, 05-Mar-99 1:02PM UTC",
                "1999-03-05T13:02:00Z",
            ),
            ("2006 002", "2024 366", "2024-12-31T00:00:00Z"),
            ("15:04", "23:59", "0000-01-01T23:59:00Z"),
        ] {
            let time = Time::parse(layout, text).map(|t| t.in_zone(Zone::Utc));
            let written = time.as_ref().map(Time::to_json);
            assert_eq!(written.as_deref(), Some(utc), "{layout} {text}");
        }
        for (layout, text) in [
            ("2006-01-02", "2023-02-29"),
            ("2006-01-02", "2023-2-9"),
            ("2006-01-02", "2023-02-09 "),
            ("15:04", "24:00"),
            ("2006 002", "2023 366"),
        ] {
            assert_eq!(Time::parse(layout, text), None, "{layout} {text}");
        }
    }

    #[test]
    fn zones_have_their_offset_and_abbreviation_of_that_day() {
        let time = Time::from_unix(1_720_000_000).in_zone(Zone::named("Europe/Berlin"));
        assert_eq!(time.to_string(), "2024-07-03 11:46:40 +0200 CEST");
        assert_eq!(Time::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
        assert_eq!(Time::from_unix(0).plus(-1).nanoseconds, 999_999_999);
        assert_eq!(
            Time::from_unix(2).since(&Time::from_unix(0).plus(1)),
            1_999_999_999
        );
    }
}
