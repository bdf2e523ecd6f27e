//! How long tests wait, and how often they look.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The pause between two polls.
pub const SHORTLY: Duration = Duration::from_millis(20);
/// How long a test waits for something before it fails. Enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Returns the current time in UTC, to the second (RFC 3339).
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (days, time) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let year_start = |year: u64| (year * 365 + year / 4 - year / 100 + year / 400) - 719_162;
    // `year` counts complete years, so it is one less than the year of the calendar.
    let mut year = 1969 + days / 366;
    while year_start(year + 1) <= days {
        year += 1;
    }
    let mut day = days - year_start(year);
    year += 1;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if is_leap { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        day + 1
    )
}
