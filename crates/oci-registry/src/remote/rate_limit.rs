//! What registries say about the number of requests that they still accept.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

/// What is left of a limit on requests, as Docker Hub reports it: `ratelimit-remaining: 76;w=21600`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests are left.
    left: u64,
    /// How many there are in the window.
    limit: Option<u64>,
    /// How long a request counts.
    window: Option<Duration>,
}

impl RateLimit {
    /// Reads the headers of an answer; `None` if they say nothing of a limit.
    pub(crate) fn read(headers: &HeaderMap) -> Option<RateLimit> {
        let (left, window) = quota(headers, "ratelimit-remaining")?;
        let limit = quota(headers, "ratelimit-limit");
        Some(RateLimit {
            left,
            limit: limit.map(|(limit, _)| limit),
            window: window.or(limit.and_then(|(_, window)| window)),
        })
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.left)?;
        if let Some(limit) = self.limit {
            write!(f, " of {limit}")?;
        }
        f.write_str(" requests left")?;
        match self.window.map(|window| window.as_secs()) {
            None => Ok(()),
            Some(seconds) if seconds > 3600 && seconds % 3600 == 0 => {
                write!(f, " in {} hours", seconds / 3600)
            }
            Some(seconds) => write!(f, " in {seconds} seconds"),
        }
    }
}

/// Reads a number of requests, and the window in seconds: `100;w=21600`.
fn quota(headers: &HeaderMap, name: &str) -> Option<(u64, Option<Duration>)> {
    let text = headers.get(name)?.to_str().ok()?;
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next()?.parse().ok()?;
    let mut windows = parts.filter_map(|part| part.strip_prefix("w="));
    let window = windows.next().and_then(|seconds| seconds.parse().ok());
    Some((count, window.map(Duration::from_secs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_from_the_headers() {
        let table = [
            (
                Some("76;w=21600"),
                Some("100;w=21600"),
                "76 of 100 requests left in 6 hours",
            ),
            (
                Some("0"),
                Some("100; w=90"),
                "0 of 100 requests left in 90 seconds",
            ),
            (Some("9;w=3600"), None, "9 requests left in 3600 seconds"),
            (Some("5"), None, "5 requests left"),
            (Some("5;w=x"), Some("many"), "5 requests left"),
            (Some("few"), Some("100"), ""),
            (None, Some("100;w=21600"), ""),
        ];
        for (left, limit, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, text) in [("ratelimit-remaining", left), ("ratelimit-limit", limit)] {
                if let Some(text) = text {
                    headers.insert(name, text.parse().unwrap());
                }
            }
            let shown = RateLimit::read(&headers).map(|limit| limit.to_string());
            assert_eq!(shown.unwrap_or_default(), expected, "{left:?} {limit:?}");
        }
    }
}
