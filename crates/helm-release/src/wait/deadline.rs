//! When to give up waiting.

use std::time::Duration;

use tokio::time::Instant;

/// Time limit for storing a record after the deadline.
const RECORD_AT_LEAST: Duration = Duration::from_secs(30);
/// Time limit for storing a record if there is no deadline.
const RECORD_WITHOUT_TIMEOUT: Duration = Duration::from_mins(5);

/// A point in time until which something is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timeout: Duration,
}

impl Deadline {
    /// Starts a timeout (zero: no timeout).
    pub fn after(timeout: Duration) -> Deadline {
        let at = Instant::now()
            .checked_add(timeout)
            .filter(|_| !timeout.is_zero());
        Deadline { at, timeout }
    }

    /// Returns the earlier of this deadline and the given time.
    pub fn or(self, other: Instant) -> Instant {
        self.at.map_or(other, |at| at.min(other))
    }

    /// Returns until when the record of a finished rollout may be stored: to the deadline, and at least for
    /// [`RECORD_AT_LEAST`].
    pub fn for_record(self) -> Instant {
        let now = Instant::now();
        match self.at {
            Some(at) => at.max(now + RECORD_AT_LEAST),
            None => now + RECORD_WITHOUT_TIMEOUT,
        }
    }

    /// Returns the timeout from its start.
    pub fn timeout(self) -> Duration {
        self.timeout
    }

    /// Returns whether the time is over.
    pub fn is_over(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_may_be_stored_until_the_deadline_and_for_at_least_half_a_minute() {
        for (timeout, want) in [(1, 30), (29, 30), (60, 60), (0, 300)] {
            let begun = Instant::now();
            let end = Deadline::after(Duration::from_secs(timeout)).for_record();
            assert_eq!((end - begun).as_secs(), want, "timeout {timeout}");
        }
    }
}
