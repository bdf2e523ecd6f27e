//! Runs programs until they end, with a time limit.

use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The exit code and the output of a command.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Returns the standard output; the command must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "exit code; stderr: {}", self.stderr);
        self.stdout
    }

    /// Returns the standard error; the command must have failed with this exit code, and must not have printed data.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(
            self.code, code,
            "exit code; stdout: {} stderr: {}",
            self.stdout, self.stderr
        );
        assert_eq!(self.stdout, "", "a command that fails prints no data");
        self.stderr
    }
}

/// The time limit of a command, which may also be a build.
const LONGEST: Duration = Duration::from_mins(10);

/// Runs a command with this standard input until it ends; it must end within ten minutes.
#[track_caller]
pub fn run(command: &mut Command, stdin: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // A child that does not read its input may end before everything is written.
    let writer = std::thread::spawn(move || _ = input.write_all(text.as_bytes()));
    let read = |mut from: Box<dyn Read + Send>| {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = from.read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
        receiver
    };
    let stdout = read(Box::new(child.stdout.take().unwrap()));
    let stderr = read(Box::new(child.stderr.take().unwrap()));
    let end = Instant::now() + LONGEST;
    let mut finished = |stream: Receiver<Vec<u8>>| {
        let left = end.saturating_duration_since(Instant::now());
        stream.recv_timeout(left).unwrap_or_else(|_| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end within {LONGEST:?}")
        })
    };
    let (stdout, stderr) = (finished(stdout), finished(stderr));
    // The streams are closed, so the process has ended or is about to.
    let status = child.wait().unwrap();
    writer.join().unwrap();
    Output {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
