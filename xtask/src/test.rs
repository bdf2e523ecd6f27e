//! `cargo xtask test`: runs all tests of the workspace, including those that need helm or Kubernetes.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Exit;
use crate::cargo;
use crate::cargo_tools::{DENY, DENY_TESTS, DENY_VARIABLE};
use crate::flags;
use crate::{debian, python, tools};

/// The optional parts of `image-pins` that are tested, and that other packages use, and the tasks that talk to registries.
pub(crate) const FEATURES: [&str; 2] = [
    "--features",
    "image-pins/codegen,image-pins/digest-files,image-pins/pin-files,xtask/registry",
];
/// The tests that also run against an `osm` without the feature `cluster`, and those that run against it only.
const WITHOUT_CLUSTER: [&str; 3] = ["cli::", "offline::", "settings::"];
const NOT_WITHOUT_CLUSTER_ONLY: [&str; 2] = ["--skip", "offline::"];
/// Names the program to test, if it is not the `osm` of this build.
const PROGRAM: &str = "OSM_TEST_PROGRAM";

/// The number of tests that a binary runs in parallel, unless the arguments set it. It is larger than the number of
/// processors in CI, because tests with a cluster mostly wait.
const THREADS: &str = "--test-threads=8";
/// The environment variable for the first seed of random faults.
const SEED: &str = "OSM_TEST_SEED";
/// The environment variable that is 1 if tests try every fault.
const THOROUGH: &str = "OSM_TEST_THOROUGH";

/// The environment variable that names the folder for what servers store.
const STORAGE: &str = "OSM_TEST_STORAGE";
/// The file system in memory of Linux (`shm_overview(7)`).
const MEMORY: &str = "/dev/shm";
/// How much has to be free there, in bytes. A run of all tests needs up to 1 GiB at once.
const ENOUGH: u64 = 4 << 30;

/// The test that rehearses a release. It takes minutes, so it is run on demand.
const REHEARSAL: &str = "a_rehearsed_release_";

/// The numbers of tests by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were skipped.
    pub skipped: u64,
}

/// Provides the programs that tests need, runs every test, and prints the counts of the whole run last.
///
/// If a program cannot be provided, all tests that need any of them are skipped, and a note gives the reason; without a program
/// that not every machine can have, only its own tests. With `CI=true` in the environment, a skipped test is a failure.
pub fn run(flags: &flags::Test, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let workspace = tools::workspace();
    let (mut provided, mut missing) = (Vec::new(), Vec::new());
    for tool in tools::ALL {
        match tool.provide(&workspace) {
            Ok(program) => provided.push((tool.variable, program)),
            Err(why) => missing.push((tool.name, why)),
        }
    }
    let has_programs = missing.is_empty();
    let mut skips = Vec::new();
    let of_debian = (debian::ALL.iter()).map(|of| (of.name, of.variable, of.tests, of.provide()));
    let of_python =
        (python::ALL.iter()).map(|of| (of.name, of.variable, of.tests, of.provide(&workspace)));
    let deny =
        tools::named(DENY_VARIABLE).and_then(|named| named.map_or_else(|| DENY.provide(), Ok));
    let of_cargo = [(DENY.name(), DENY_VARIABLE, DENY_TESTS, deny)];
    for (name, variable, tests, program) in of_debian.chain(of_python).chain(of_cargo) {
        match program {
            Ok(program) => provided.push((variable, program)),
            Err(why) => {
                missing.push((name, why));
                skips.extend(["--skip", tests]);
            }
        }
    }
    let without_program = skips.len() / 2;
    if !flags.rehearsal {
        skips.extend(["--skip", REHEARSAL]);
    }
    let seed = seed(&workspace, flags.thorough);
    let _ = writeln!(
        out,
        "{SEED}={seed}{}: set these to repeat the same faults",
        if flags.thorough { " --thorough" } else { "" }
    );
    let storage = storage();
    let has_threads = (flags.arguments.iter())
        .any(|argument| argument.to_string_lossy().starts_with("--test-threads"));
    let cargo = || {
        let mut command = cargo::command();
        command.current_dir(&workspace);
        command
    };
    let run_tests = |mut command: Command, filter: &[&str]| {
        command
            .args(filter)
            .args((!has_threads).then_some(THREADS))
            .args(&flags.arguments)
            .envs((provided.iter()).map(|(variable, program)| (variable, program)))
            .env(SEED, &seed)
            .env(THOROUGH, if flags.thorough { "1" } else { "0" })
            .envs(storage.iter().map(|folder| (STORAGE, folder)))
            .stdout(Stdio::piped());
        if has_programs {
            command.arg("--include-ignored");
        }
        command.args(&skips);
        command
    };
    let cargo_test = |selection: &[&str], filter: &[&str]| {
        let mut command = cargo();
        command
            .args(["test", "--workspace", "--no-fail-fast", "--locked"])
            .args(FEATURES)
            .args(selection)
            .arg("--");
        run_tests(command, filter)
    };
    let mut runs = vec![cargo_test(&[], &NOT_WITHOUT_CLUSTER_ONLY)];
    // Names of tests select among those of the whole workspace.
    let is_name = |argument: &OsString| !argument.to_string_lossy().starts_with('-');
    if !flags.arguments.iter().any(is_name) {
        match build_without_cluster(cargo(), &workspace) {
            Ok(built) => {
                let mut command = cargo_test(&["--test", "integration"], &WITHOUT_CLUSTER);
                command.env(PROGRAM, built.program);
                runs.push(command);
                let mut command = Command::new(built.unit_tests);
                command.current_dir(&workspace);
                runs.push(run_tests(command, &[]));
            }
            Err(error) => {
                let _ = writeln!(err, "error: {error}");
                return Exit::Differs;
            }
        }
    }
    let mut counts = Counts {
        skipped: without_program as u64,
        ..Counts::default()
    };
    let mut succeeded = true;
    for mut command in runs {
        match watch(&mut command, out) {
            Ok((more, done)) => {
                counts.passed += more.passed;
                counts.failed += more.failed;
                counts.skipped += more.skipped;
                succeeded &= done;
                if done && more == Counts::default() {
                    let _ = writeln!(err, "error: no test has this name");
                    succeeded = false;
                }
            }
            Err(error) => {
                let _ = writeln!(err, "error: cannot run the tests: {error}");
                return Exit::Refused;
            }
        }
    }
    let exit = judge(counts, succeeded, &missing, is_ci(), err);
    let Counts {
        passed,
        failed,
        skipped,
    } = counts;
    let _ = writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped");
    exit
}

/// `osm` without the feature `cluster`.
#[derive(Debug, PartialEq, Eq)]
struct WithoutCluster {
    program: PathBuf,
    /// The unit tests of its library.
    unit_tests: PathBuf,
}

/// Builds `osm` without the feature `cluster`. Its libraries are those of the other tests, because the whole workspace is
/// built with the same features of everything else.
fn build_without_cluster(mut cargo: Command, workspace: &Path) -> Result<WithoutCluster, String> {
    let target = cargo::target_folder(workspace);
    cargo
        .args(["build", "--workspace", "--all-targets", "--locked"])
        .arg("--no-default-features")
        .args(FEATURES)
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target.join("without-cluster"))
        .env("CARGO_BUILD_BUILD_DIR", &target)
        .stderr(Stdio::inherit());
    match cargo.output() {
        Ok(built) if built.status.success() => find_without_cluster(&built.stdout)
            .ok_or_else(|| "cargo reports no `osm` without the feature `cluster`".to_owned()),
        Ok(_) => Err("osm could not be built without the feature `cluster`".to_owned()),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

/// Finds the programs in the messages of cargo (`--message-format json`, the reason `compiler-artifact`).
fn find_without_cluster(messages: &[u8]) -> Option<WithoutCluster> {
    let (mut program, mut unit_tests) = (None, None);
    for line in messages.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let target = &message["target"];
        let Some(executable) = message["executable"].as_str() else {
            continue;
        };
        if target["name"] != "osm" {
            continue;
        }
        let is_test = message["profile"]["test"] == true;
        match target["kind"][0].as_str() {
            Some("bin") if !is_test => program = Some(executable.into()),
            Some("lib") if is_test => unit_tests = Some(executable.into()),
            _ => {}
        }
    }
    Some(WithoutCluster {
        program: program?,
        unit_tests: unit_tests?,
    })
}

/// The seed of the environment, or else one that is derived from the commit, so that each commit tries other faults and
/// the same commit the same. A thorough run begins at 0.
fn seed(workspace: &Path, thorough: bool) -> String {
    if let Ok(seed) = std::env::var(SEED) {
        return seed;
    }
    if thorough {
        return "0".to_owned();
    }
    let head = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(workspace)
        .output();
    let head = head.map(|head| head.stdout).unwrap_or_default();
    seed_of(&String::from_utf8_lossy(&head)).to_string()
}

/// The first five hexadecimal digits of a commit; 0 if there are none.
fn seed_of(commit: &str) -> u32 {
    commit
        .get(..5)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or_default()
}

/// The folder for what servers store, if this system has one in memory that is large enough.
#[allow(clippy::useless_conversion)] // Other systems have smaller numbers of blocks.
fn storage() -> Option<OsString> {
    if let Some(named) = std::env::var_os(STORAGE) {
        return Some(named);
    }
    let system = nix::sys::statvfs::statvfs(MEMORY).ok()?;
    let free = u64::from(system.blocks_available()) * u64::from(system.fragment_size());
    // Some containers have one that cannot be written to.
    let is_writable = tempfile::tempdir_in(MEMORY).is_ok();
    (free >= ENOUGH && is_writable).then(|| MEMORY.into())
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Reports what is wrong with a run and returns how it ended.
fn judge(
    counts: Counts,
    succeeded: bool,
    missing: &[(&str, String)],
    ci: bool,
    err: &mut dyn Write,
) -> Exit {
    let mut exit = Exit::Done;
    if !succeeded || counts.failed > 0 {
        let _ = writeln!(err, "error: tests failed or could not be built");
        exit = Exit::Differs;
    }
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        let _ = writeln!(
            err,
            "note: {} tests were skipped, because these programs are missing: {}",
            counts.skipped,
            names.join(", ")
        );
        for (name, why) in missing {
            let _ = writeln!(err, "note: {name}: {why}");
        }
    }
    if ci && counts.skipped > 0 {
        let _ = writeln!(
            err,
            "error: {} tests were skipped, which is a failure with CI=true",
            counts.skipped
        );
        exit = Exit::Differs;
    }
    exit
}

/// Runs the command, forwards its output, and adds up the results in it.
fn watch(command: &mut Command, out: &mut dyn Write) -> std::io::Result<(Counts, bool)> {
    let mut child = command.spawn()?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            counts.add(&String::from_utf8_lossy(&line));
            // The tests continue if nobody reads the output any more.
            let _ = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
        }
    }
    Ok((counts, child.wait()?.success()))
}

impl Counts {
    /// Adds the counts of a `test result:` line, the last line of a test binary.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in rest.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_results_of_all_binaries_are_added_up() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 25 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.22s",
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
        ] {
            counts.add(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 26,
                failed: 3,
                skipped: 2
            }
        );
    }

    #[test]
    fn the_program_and_its_unit_tests_are_found_among_what_cargo_built() {
        let message = |name: &str, kind: &str, test: bool, executable: Option<&str>| {
            json!({
                "reason": "compiler-artifact",
                "target": {"kind": [kind], "name": name},
                "profile": {"test": test},
                "executable": executable,
            })
            .to_string()
        };
        let built = [
            message("osm", "lib", false, None),
            message("osm", "lib", true, Some("/t/osm-1")),
            message("osm", "bin", true, Some("/t/osm-2")),
            message("osm", "bin", false, Some("/t/osm")),
            message("xtask", "bin", false, Some("/t/xtask")),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let want = WithoutCluster {
            program: "/t/osm".into(),
            unit_tests: "/t/osm-1".into(),
        };
        let found = find_without_cluster(built.join("\n").as_bytes());
        assert_eq!(found, Some(want));
        assert_eq!(find_without_cluster(built[2..].join("\n").as_bytes()), None);
    }

    #[test]
    fn a_seed_is_derived_from_the_commit() {
        for (commit, want) in [
            ("36321d2f\n", 0x36321),
            ("ffffffff\n", 0xf_ffff),
            ("", 0),
            ("not a commit", 0),
        ] {
            assert_eq!(seed_of(commit), want, "{commit:?}");
        }
    }

    #[test]
    fn failures_and_in_ci_skipped_tests_fail_the_run() {
        let green = Counts {
            passed: 1,
            failed: 0,
            skipped: 0,
        };
        let skipped = Counts {
            skipped: 1,
            ..green
        };
        let failed = Counts { failed: 1, ..green };
        let why = [("helm", "no Go".to_owned()), ("etcd", "no Go".to_owned())];
        let table = [
            (green, true, [].as_slice(), true, Exit::Done),
            (skipped, true, &why, false, Exit::Done),
            (skipped, true, &why, true, Exit::Differs),
            (failed, false, &[], false, Exit::Differs),
            (Counts::default(), false, &[], false, Exit::Differs),
        ];
        for (counts, succeeded, missing, ci, want) in table {
            let mut err = Vec::new();
            assert_eq!(
                judge(counts, succeeded, missing, ci, &mut err),
                want,
                "{counts:?}"
            );
            assert_eq!(err.is_empty(), want == Exit::Done && missing.is_empty());
            let said = String::from_utf8_lossy(&err);
            assert!(missing.is_empty() || said.contains("helm, etcd"), "{said}");
        }
    }
}
