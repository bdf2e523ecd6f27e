//! How long tests wait, and how often they look.

use std::time::Duration;

/// The pause between two polls.
pub const SHORTLY: Duration = Duration::from_millis(20);
/// How long a test waits for something before it fails. Enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);
