//! Flags that select the cluster.

use std::path::PathBuf;
use std::time::Duration;

use helm_release::client::ClientBuilder;

use super::duration;
use crate::ops;

/// Flags that select the cluster.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct AccessArgs {
    /// Path of the kubeconfig file [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, global = true, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current context]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Timeout for a single API request (0: no timeout)
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration::parse
    )]
    request_timeout: Duration,
}

impl AccessArgs {
    pub fn client(&self) -> ClientBuilder {
        ops::client()
            .kubeconfig(self.kubeconfig.clone())
            .context(self.context.clone())
            .request_timeout(self.request_timeout)
    }
}
