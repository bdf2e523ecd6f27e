//! The flag `--local-port` of the released command line, which is accepted and ignored.

/// The released CLI forwards a local port to Pods; `osm` uses the API server only.
#[derive(Debug, clap::Args)]
pub(super) struct PortArg {
    /// Has no effect
    #[arg(short = 'p', long, value_name = "PORT", hide = true)]
    local_port: Option<u16>,
}
