//! Programs that a test runs to their end, with a bound.

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
    /// The standard output of a command that has to succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "exit code; stderr: {}", self.stderr);
        self.stdout
    }

    /// The standard error of a command that has to fail with this code, and print no data.
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

/// No command takes longer; `osm` itself gives up after five minutes. A build has to end within it, too.
const LONGEST: Duration = Duration::from_mins(10);

/// Runs a command with this standard input until it ends, at most for [`LONGEST`].
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
    // A child that reads nothing may be gone before everything is written.
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
    // It has closed its streams, as the end of a process does.
    let status = child.wait().unwrap();
    writer.join().unwrap();
    Output {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
