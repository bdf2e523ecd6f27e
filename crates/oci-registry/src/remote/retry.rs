//! When a request is sent again, and after which pause.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

/// The longest pause before a request is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a registry may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often a request is sent again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// How often.
    pub count: u32,
    /// The pause before the first time. Each further pause is twice as long, up to 30 seconds, and up to a quarter
    /// shorter at random.
    pub first_pause: Duration,
}

impl Default for Retries {
    /// Five times, after half a second at first.
    fn default() -> Retries {
        Retries {
            count: 5,
            first_pause: Duration::from_millis(500),
        }
    }
}

impl Retries {
    /// Returns the pause before a request is sent again for the time `done` + 1; `None` if that is too often.
    pub(crate) fn pause(&self, done: u32) -> Option<Duration> {
        if done >= self.count {
            return None;
        }
        let factor = 1u32.checked_shl(done).unwrap_or(u32::MAX);
        let whole = self.first_pause.saturating_mul(factor).min(LONGEST_PAUSE);
        Some(whole.mul_f64(1.0 - 0.25 * random_fraction()))
    }
}

/// Returns whether a request with this answer can succeed later.
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// What a registry wants before the next request (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// A pause.
    Pause(Duration),
    /// A pause that is too long to wait for; the time when it ends.
    TooLong(SystemTime),
}

impl RetryAfter {
    /// Reads the header `Retry-After`: seconds, or a date.
    pub fn read(headers: &HeaderMap, now: SystemTime) -> Option<RetryAfter> {
        let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let pause = match text.parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let until = httpdate::parse_http_date(text).ok()?;
                until.duration_since(now).unwrap_or_default()
            }
        };
        Some(match pause <= LONGEST_RETRY_AFTER {
            true => RetryAfter::Pause(pause),
            // The end of a very long pause has no date.
            false => RetryAfter::TooLong(now.checked_add(pause)?),
        })
    }
}

/// Returns a number from 0 to 1, another one each time, so that programs do not all come back at the same moment.
fn random_fraction() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let bits = RandomState::new().hash_one(0u8) >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let retries = Retries {
            count: 9,
            ..Retries::default()
        };
        let seconds = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0];
        for (done, most) in seconds.into_iter().enumerate() {
            let pause = retries.pause(u32::try_from(done).unwrap()).unwrap();
            let range = most * 0.749..=most;
            assert!(range.contains(&pause.as_secs_f64()), "{done}: {pause:?}");
        }
        assert_eq!(retries.pause(9), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Mon, 30 Nov 2026 12:00:00 GMT").unwrap();
        let seconds = |n| Some(RetryAfter::Pause(Duration::from_secs(n)));
        let table = [
            ("7", seconds(7)),
            ("60", seconds(60)),
            (
                "61",
                Some(RetryAfter::TooLong(now + Duration::from_secs(61))),
            ),
            ("Mon, 30 Nov 2026 12:00:09 GMT", seconds(9)),
            ("Mon, 30 Nov 2026 11:00:00 GMT", seconds(0)),
            ("-1", None),
            ("soon", None),
            ("18446744073709551615", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            assert_eq!(RetryAfter::read(&headers, now), expected, "{text}");
        }
        assert_eq!(RetryAfter::read(&HeaderMap::new(), now), None);
    }
}
