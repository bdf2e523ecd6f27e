//! The flags of commands that wait for a cluster.

use std::time::Duration;

use super::duration;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WaitArgs {
    /// How long hooks and waiting may take together; 0 is without end.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Wait until everything runs.
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
