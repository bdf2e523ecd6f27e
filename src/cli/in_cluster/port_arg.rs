//! A flag that is taken for the sake of scripts.

/// The released CLI reaches Pods through a local port; `osm` asks the API server alone.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PortArg {
    /// Has no effect: no port is forwarded.
    #[arg(short = 'p', long, value_name = "PORT", hide = true)]
    local_port: Option<u16>,
}
