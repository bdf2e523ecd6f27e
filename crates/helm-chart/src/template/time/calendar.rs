//! The proleptic Gregorian calendar: from seconds to dates, and back.

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 1 to 366.
    pub year_day: u32,
    /// 0 is Sunday.
    pub weekday: usize,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const DAY: i64 = 86_400;
/// The days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;
/// The days from 0000-03-01 to 1970-01-01.
const TO_EPOCH: i64 = 719_468;

pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Returns the number of days of a month (1 to 12).
pub fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a date. Years begin in March here, so that a leap day is the last of its year.
fn days_to(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_era = year.rem_euclid(400);
    let month = i64::from((month + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * ERA + day_of_era - TO_EPOCH
}

/// Returns the seconds from 1970-01-01 00:00:00 to a date and time of day, both without a zone.
pub fn seconds_to(year: i64, month: u32, day: u32, clock: (u32, u32, u32)) -> i64 {
    let (hour, minute, second) = clock;
    days_to(year, month, day) * DAY + i64::from(hour * 3600 + minute * 60 + second)
}

impl Civil {
    /// Returns the date of seconds since 1970-01-01 00:00:00, both without a zone.
    pub fn of(seconds: i64) -> Civil {
        let small = |n: i64| u32::try_from(n).unwrap_or(0);
        let (days, clock) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let shifted = days + TO_EPOCH;
        let day_of_era = shifted.rem_euclid(ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = small(day_of_year - (153 * shifted_month + 2) / 5 + 1);
        let month = small((shifted_month + 2) % 12 + 1);
        let march_year = year_of_era + shifted.div_euclid(ERA) * 400;
        let year = if month <= 2 {
            march_year + 1
        } else {
            march_year
        };
        Civil {
            year,
            month,
            day,
            year_day: small(days - days_to(year, 1, 1) + 1),
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0),
            hour: small(clock / 3600),
            minute: small(clock / 60 % 60),
            second: small(clock % 60),
        }
    }
}
