//! The time of a build: `SOURCE_DATE_EPOCH`, else the time of the commit, never that of the clock.

use std::path::Path;
use std::str::FromStr;

use crate::git::{GitError, git};

/// The environment variable with the time in seconds since 1970 (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The end of the year 9999.
const LAST: u64 = 253_402_300_799;

/// A time in seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceDate(u64);

/// Why there is no time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceDateError {
    /// The variable has another value.
    #[error("{VARIABLE}={0:?} is not a number of seconds since 1970")]
    Invalid(String),
    /// The commit has no time.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl SourceDate {
    /// Returns the time that the variable has, or that of the last commit of the workspace if it is not set.
    pub(crate) fn new(
        variable: Option<&str>,
        workspace: &Path,
    ) -> Result<SourceDate, SourceDateError> {
        match variable {
            Some(text) => text.parse(),
            None => git(workspace, &["log", "-1", "--format=%ct"])?
                .trim()
                .parse(),
        }
    }

    /// Returns the time that everything made of a workspace has.
    pub(crate) fn of(workspace: &Path) -> Result<SourceDate, SourceDateError> {
        // A value that is not UTF-8 is not a time, either.
        let variable = std::env::var_os(VARIABLE);
        let variable = variable.map(|value| value.to_string_lossy().into_owned());
        SourceDate::new(variable.as_deref(), workspace)
    }

    /// Returns the seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        self.0
    }

    /// Returns the time as RFC 3339 writes it: `2026-11-30T12:34:56Z`.
    pub(crate) fn time(self) -> String {
        let second = self.0 % (24 * 60 * 60);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{}T{hour:02}:{minute:02}:{second:02}Z", self.day())
    }

    /// Returns the day in the form `2026-11-30`.
    pub(crate) fn day(self) -> String {
        let mut days = self.0 / (24 * 60 * 60);
        let mut year = 1970;
        while days >= days_of(year) {
            days -= days_of(year);
            year += 1;
        }
        let february = days_of(year) - 337;
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        format!("{year}-{month:02}-{:02}", days + 1)
    }
}

fn days_of(year: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    365 + u64::from(is_leap)
}

impl FromStr for SourceDate {
    type Err = SourceDateError;

    fn from_str(text: &str) -> Result<SourceDate, SourceDateError> {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= LAST);
        let seconds = seconds.ok_or_else(|| SourceDateError::Invalid(text.to_owned()))?;
        Ok(SourceDate(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_the_calendar() {
        for (seconds, day) in [
            ("0", "1970-01-01"),
            ("86399", "1970-01-01"),
            ("86400", "1970-01-02"),
            ("951782400", "2000-02-29"),
            ("951868800", "2000-03-01"),
            ("1632236645", "2021-09-21"),
            ("1796083199", "2026-11-30"),
            ("1796083200", "2026-12-01"),
            ("4107542400", "2100-03-01"),
            ("253402300799", "9999-12-31"),
        ] {
            assert_eq!(
                seconds.parse::<SourceDate>().unwrap().day(),
                day,
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_time_is_written_as_in_rfc_3339() {
        for (seconds, time) in [
            ("0", "1970-01-01T00:00:00Z"),
            ("951782399", "2000-02-28T23:59:59Z"),
            ("1658768589", "2022-07-25T17:03:09Z"),
        ] {
            assert_eq!(seconds.parse::<SourceDate>().unwrap().time(), time);
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["", "now", "-1", "1.5", "253402300800"] {
            let error = text.parse::<SourceDate>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("SOURCE_DATE_EPOCH={text:?} is not a number of seconds since 1970")
            );
        }
    }
}
