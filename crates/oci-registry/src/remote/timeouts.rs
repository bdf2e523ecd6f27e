//! How long a registry may take.

use std::time::Duration;

/// How long a registry may take. Nothing limits how long a download or an upload takes on the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// How long each step of opening a connection may take.
    pub connect: Duration,
    /// How long a connection may be silent, in both directions.
    pub silence: Duration,
    /// How many bytes a registry stores in a second at least. The answer to the end of an upload may take as much longer
    /// as the size of the blob needs.
    pub stored_per_second: u64,
}

impl Default for Timeouts {
    /// 10 seconds, one minute, and 5 MB per second.
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            silence: Duration::from_mins(1),
            stored_per_second: 5_000_000,
        }
    }
}

impl Timeouts {
    /// Returns how much longer than usual a registry may be silent while it stores a blob of this size.
    pub(crate) fn time_to_store(self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.stored_per_second.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_a_second_for_each_five_megabytes() {
        let table = [(0, 0), (4_999_999, 0), (5_000_000, 1), (4_000_000_000, 800)];
        for (bytes, seconds) in table {
            let more = Timeouts::default().time_to_store(bytes);
            assert_eq!(more, Duration::from_secs(seconds), "{bytes}");
        }
    }
}
