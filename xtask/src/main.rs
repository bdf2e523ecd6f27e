//! `cargo xtask`: runs the tasks of this workspace.

use std::io;
use std::process::ExitCode;

use xtask::flags::{self, Task};
#[cfg(not(feature = "registry"))]
use xtask::with_registry;
use xtask::{bench, docs, fuzz, import_digests, package_chart, test};
#[cfg(feature = "registry")]
use xtask::{publish_images, verify_digests};

fn main() -> ExitCode {
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr().lock());
    let task = flags::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let exit = match task {
        #[cfg(not(feature = "registry"))]
        Task::ImportDigests(flags) if flags.from_registry.is_some() => {
            return with_registry::run(err);
        }
        #[cfg(not(feature = "registry"))]
        Task::PublishImages(_) | Task::VerifyDigests(_) => return with_registry::run(err),
        Task::Bench => bench::run(out, err),
        Task::Docs(flags) => docs::run(&flags, out, err),
        Task::Fuzz(flags) => fuzz::run(&flags, out, err),
        Task::ImportDigests(flags) => {
            import_digests::run(&flags, &mut io::stdin().lock(), out, err)
        }
        Task::PackageChart(flags) => package_chart::run(&flags, out, err),
        #[cfg(feature = "registry")]
        Task::PublishImages(flags) => publish_images::run(&flags, out, err),
        Task::Test(flags) => test::run(&flags, out, err),
        #[cfg(feature = "registry")]
        Task::VerifyDigests(flags) => verify_digests::run(&flags, out, err),
    };
    exit.into()
}
