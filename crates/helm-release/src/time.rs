//! The time as records have it (RFC 3339), and durations as Go writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns the seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}

/// Returns the current time in UTC, to the second.
pub(crate) fn now() -> String {
    let seconds = i64::try_from(unix_seconds()).unwrap_or_default();
    k8s_openapi::jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// Formats a duration: `5m`, `1m30s`, `1.5s`, `500ms`.
pub(crate) fn format_duration(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, _) => format!("{duration:?}"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_as_go_formats_them() {
        for (millis, text) in [
            (500, "500ms"),
            (1500, "1.5s"),
            (30_000, "30s"),
            (90_000, "1m30s"),
            (300_000, "5m"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }
}
