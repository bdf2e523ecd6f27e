//! `cargo xtask`: runs the tasks of this workspace.

use std::io;
use std::process::ExitCode;

use xtask::flags::{self, Task};
use xtask::{bench, fuzz, import_digests, package_chart, test};

fn main() -> ExitCode {
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr().lock());
    let exit = match flags::parse(std::env::args_os()).unwrap_or_else(|error| error.exit()) {
        Task::Bench => bench::run(out, err),
        Task::Fuzz(flags) => fuzz::run(&flags, out, err),
        Task::ImportDigests(flags) => {
            import_digests::run(&flags, &mut io::stdin().lock(), out, err)
        }
        Task::PackageChart(flags) => package_chart::run(&flags, out, err),
        Task::Test(flags) => test::run(&flags, out, err),
    };
    exit.into()
}
