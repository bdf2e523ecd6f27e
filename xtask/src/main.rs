//! `cargo xtask`: runs the tasks of this workspace.

use std::io;
use std::process::ExitCode;

use xtask::flags::{self, Task};
#[cfg(not(feature = "registry"))]
use xtask::with_registry;
use xtask::{
    advisories, bench, bump, checksums, ci, dist, docs, fuzz, github, import_digests, licenses,
    notes, package_chart, packaging, release_check, reproducible, sbom, test,
};
#[cfg(feature = "registry")]
use xtask::{publish_images, release, verify_digests};

fn main() -> ExitCode {
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr().lock());
    let task = flags::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let exit = match task {
        #[cfg(not(feature = "registry"))]
        Task::ImportDigests(flags) if flags.from_registry.is_some() => {
            return with_registry::run(err);
        }
        #[cfg(not(feature = "registry"))]
        Task::PackageChart(flags) if flags.push.is_some() => return with_registry::run(err),
        #[cfg(not(feature = "registry"))]
        Task::ReleaseCheck(flags) if flags.asks_registries() => {
            return with_registry::run(err);
        }
        #[cfg(not(feature = "registry"))]
        Task::PublishImages(_) | Task::Release(_) | Task::VerifyDigests(_) => {
            return with_registry::run(err);
        }
        Task::Advisories => advisories::run(err),
        Task::Bench(flags) => bench::run(&flags, out, err),
        Task::Bump(flags) => bump::run(&flags, out, err),
        Task::Checksums(flags) => checksums::run(&flags, out, err),
        Task::Dist(flags) => dist::run(&flags, out, err),
        Task::Docs(flags) => docs::run(&flags, out, err),
        Task::Ci => ci::run(err),
        Task::Fuzz(flags) => fuzz::run(&flags, out, err),
        Task::GitHub(flags) => github::run(&flags, out, err),
        Task::ImportDigests(flags) => {
            import_digests::run(&flags, &mut io::stdin().lock(), out, err)
        }
        Task::Licenses(flags) => licenses::run(&flags, out, err),
        Task::Notes(flags) => notes::run(&flags, out, err),
        Task::PackageChart(flags) => package_chart::run(&flags, out, err),
        Task::Packaging(flags) => packaging::run(&flags, out, err),
        #[cfg(feature = "registry")]
        Task::PublishImages(flags) => publish_images::run(&flags, out, err),
        #[cfg(feature = "registry")]
        Task::Release(flags) => release::run(&flags, out, err),
        Task::Reproducible(flags) => reproducible::run(&flags, out, err),
        Task::Sbom(flags) => sbom::run(&flags, out, err),
        Task::ReleaseCheck(flags) => {
            release_check::run(&flags, release_check::GENERATORS, out, err)
        }
        Task::Test(flags) => test::run(&flags, out, err),
        #[cfg(feature = "registry")]
        Task::VerifyDigests(flags) => verify_digests::run(&flags, out, err),
    };
    exit.into()
}
