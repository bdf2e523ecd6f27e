//! When to give up waiting.

use std::time::Duration;

use tokio::time::Instant;

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

    /// Returns the timeout from its start.
    pub fn timeout(self) -> Duration {
        self.timeout
    }

    /// Returns whether the time is over.
    pub fn is_over(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}
