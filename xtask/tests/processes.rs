//! The command as a process: exit codes, streams, missing permissions, a full disk, and kills.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::{Sandbox, V1_0_0, digest, lines};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");
/// Other pins of the same release, so that an import with `--replace` changes the file.
const OTHER: [(&str, &str); 3] = [("controller", "a0"), ("injector", "a1"), ("init", "a2")];

fn xtask(sandbox: &Sandbox) -> Command {
    let mut command = Command::new(XTASK);
    command
        .arg("import-digests")
        .arg("--digests-dir")
        .arg(sandbox.path("digests"));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn data_goes_to_stdout_errors_to_stderr_and_exit_codes_differ() {
    let sandbox = Sandbox::new();
    let good = sandbox.file("v1.0.0.log", lines(&V1_0_0));
    let bad = sandbox.file("v1.1.0.log", "");
    for (arguments, file, code, on_stdout) in [
        (&["--check"][..], &good, 1, true),
        (&["--dry-run"], &good, 0, true),
        (&[], &good, 0, true),
        (&["--check"], &good, 0, true),
        (&[], &bad, 2, false),
        (&["--relase", "v1.0.0"], &good, 2, false),
        (&["--release", "1.0"], &good, 2, false),
        (&["--format", "xml"], &good, 2, false),
        (&["--check", "--dry-run"], &good, 2, false),
    ] {
        let Output {
            status,
            stdout,
            stderr,
        } = xtask(&sandbox).args(arguments).arg(file).output().unwrap();
        assert_eq!(
            status.code(),
            Some(code),
            "{arguments:?}: {}",
            text(&stderr)
        );
        assert_eq!(
            (!stdout.is_empty(), !stderr.is_empty()),
            (on_stdout, !on_stdout),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_misspelled_flag_gets_a_suggestion() {
    let sandbox = Sandbox::new();
    let output = xtask(&sandbox)
        .arg("--relase")
        .arg("v1.0.0")
        .output()
        .unwrap();
    assert!(
        text(&output.stderr).contains("'--release'"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("v1.0.0.log", lines(&V1_0_0));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = xtask(&sandbox).arg(&file).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(sandbox.pins("v1.0.0").images.len(), 3);
}

#[test]
fn on_a_full_disk_the_old_file_stays_and_no_other_file_remains() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    let file = sandbox.file("v1.0.0.log", lines(&OTHER));
    let before = sandbox.state();
    // A file size limit of zero, with its signal ignored, makes writes fail as on a full disk, without a separate file
    // system. Both settings survive exec.
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$@""#;
    let inner = [XTASK, "import-digests", "--replace", "--digests-dir"];
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .args(inner)
        .arg(sandbox.path("digests"))
        .arg(&file)
        .output()
        .unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("v1.0.0.toml: cannot write it: "),
        "{stderr}"
    );
    assert!(stderr.contains("hint: "), "{stderr}");
    assert_eq!(sandbox.state(), before);
}

/// The command as an ordinary user: permissions do not restrict root.
fn as_ordinary_user(sandbox: &Sandbox) -> Command {
    let mut command = if fs::metadata(sandbox.path("")).unwrap().uid() == 0 {
        // Copies the program to a place that the user can reach. Another process copies it, because a program just written
        // by a process with several threads can still be busy.
        let program = sandbox.path("xtask");
        assert!(
            Command::new("cp")
                .arg(XTASK)
                .arg(&program)
                .status()
                .unwrap()
                .success()
        );
        fs::set_permissions(sandbox.path(""), Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(program);
        command
    } else {
        Command::new(XTASK)
    };
    command
        .current_dir("/")
        .arg("import-digests")
        .arg("--digests-dir")
        .arg(sandbox.path("digests"));
    command
}

#[test]
fn without_permission_nothing_is_read_or_written() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    let unreadable = sandbox.file("secret.log", lines(&OTHER));
    fs::set_permissions(&unreadable, Permissions::from_mode(0o000)).unwrap();
    let readable = sandbox.file("open.log", lines(&OTHER));
    fs::set_permissions(&readable, Permissions::from_mode(0o444)).unwrap();
    let digests = sandbox.path("digests");
    fs::set_permissions(&digests, Permissions::from_mode(0o555)).unwrap();
    let before = sandbox.state();
    for (file, message) in [
        (&unreadable, "secret.log: cannot read it: "),
        (&readable, "v1.0.0.toml: cannot write it: "),
    ] {
        let mut command = as_ordinary_user(&sandbox);
        let output = command
            .args(["--replace", "--release", "v1.0.0"])
            .arg(file)
            .output()
            .unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains(message)
                && stderr.contains("Permission denied")
                && stderr.contains("hint: "),
            "{stderr}"
        );
        assert_eq!(sandbox.state(), before);
    }
    // Allows the folder to be removed.
    fs::set_permissions(&digests, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_umask_sets_the_permissions_of_a_new_pin_file() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("v1.0.0.log", lines(&V1_0_0));
    let script = r#"umask 022; exec "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", XTASK, "import-digests", "--digests-dir"])
        .arg(sandbox.path("digests"))
        .arg(file);
    assert!(command.output().unwrap().status.success());
    let mode = fs::metadata(sandbox.path("digests/v1.0.0.toml"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

/// When to kill a process.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As soon as it has its input.
    AtOnce,
    /// When its temporary file exists.
    Temporary,
    /// When the pin file is replaced.
    Renamed,
    /// After this many looks at the folder.
    Looks(usize),
}

/// Waits for the moment or the end of the process.
fn wait_for(moment: Moment, child: &mut Child, digests: &Path, old: &str) {
    let pin_file = digests.join("v1.0.0.toml");
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        let reached = match moment {
            Moment::AtOnce => true,
            Moment::Temporary => names_in(digests).iter().any(|name| name.starts_with('.')),
            Moment::Renamed => fs::read_to_string(&pin_file).is_ok_and(|text| text != old),
            Moment::Looks(most) => looks >= most,
        };
        if reached {
            return;
        }
        looks += 1;
    }
}

#[test]
fn after_a_kill_at_any_moment_the_pin_file_is_the_old_or_the_new_one() {
    let sandbox = Sandbox::new().pinned("v1.0.0", &V1_0_0);
    let digests = sandbox.path("digests");
    let pin_file = digests.join("v1.0.0.toml");
    let fifo: PathBuf = sandbox.path("v1.0.0.fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let contents = [lines(&OTHER), lines(&V1_0_0)];
    let expected = contents.each_ref().map(|content| {
        let file = sandbox.file("v1.0.0.fifo.copy", content);
        let output = xtask(&sandbox)
            .args(["--dry-run", "--replace", "--release", "v1.0.0"])
            .arg(file)
            .output()
            .unwrap();
        text(&output.stdout).replace("v1.0.0.fifo.copy", "v1.0.0.fifo")
    });
    assert!(
        expected
            .iter()
            .zip(["a0", "c0"])
            .all(|(text, byte)| text.contains(&digest(byte)))
    );
    let moments = [Moment::AtOnce, Moment::Temporary, Moment::Renamed]
        .into_iter()
        .cycle()
        .take(30)
        .chain((0..90).map(|index| Moment::Looks(index * 3)));
    let (mut killed, mut old_kept, mut replaced) = (0, 0, 0);
    for (round, moment) in moments.enumerate() {
        let old = fs::read_to_string(&pin_file).unwrap();
        // Always imports the content that the file does not have.
        let which = usize::from(old == expected[0]);
        let mut child = xtask(&sandbox)
            .args(["--replace", "--release", "v1.0.0"])
            .arg(&fifo)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Waits until the process has opened the other end: it has started and waits for its input.
        let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
        writer.write_all(contents[which].as_bytes()).unwrap();
        drop(writer);
        wait_for(moment, &mut child, &digests, &old);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        killed += usize::from(status.signal() == Some(9));

        let now = fs::read_to_string(&pin_file).unwrap();
        assert!(
            now == old || now == expected[which],
            "round {round}, {moment:?}: {now}"
        );
        old_kept += usize::from(now == old);
        replaced += usize::from(now != old);
        for name in names_in(&digests) {
            let path = digests.join(&name);
            if name.starts_with('.') {
                assert!(
                    path.extension().is_none_or(|extension| extension != "toml"),
                    "{name}"
                );
                fs::remove_file(path).unwrap();
            }
        }
        assert_eq!(names_in(&digests), ["components.toml", "v1.0.0.toml"]);
    }
    // Each outcome must occur, or the test tests nothing.
    assert!(
        killed > 0 && old_kept > 0 && replaced > 0,
        "{killed} killed, {old_kept} kept, {replaced} replaced"
    );
}

#[test]
fn temporary_files_of_killed_processes_are_ignored() {
    let sandbox = Sandbox::new();
    sandbox.file("digests/.v1.0.0.toml.abcdef.tmp", "schema =");
    let file = sandbox.file("v1.0.0.log", lines(&V1_0_0));
    assert!(
        xtask(&sandbox)
            .arg(&file)
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(sandbox.pins("v1.0.0").images.len(), 3);
}
