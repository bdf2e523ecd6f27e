//! The `osm` binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    osm::cli::main()
}
