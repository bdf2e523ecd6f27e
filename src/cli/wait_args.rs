//! Flags of commands that wait for a cluster.

use std::time::Duration;

use super::duration;

/// Whether to wait, and for how long.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct WaitArgs {
    /// Timeout for hooks and waiting together (0: no timeout)
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Wait until every Pod is ready
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    pub wait: bool,
}
