//! Runs programs until they end, with a time limit.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The exit code and the output of a command.
#[derive(Debug)]
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
    let output = finish(child);
    writer.join().unwrap();
    output
}

/// Reads the output of a child until it ends; it must end within ten minutes.
#[track_caller]
pub fn finish(mut child: Child) -> Output {
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let end = Instant::now() + LONGEST;
    let mut finished = |stream: Option<Receiver<Vec<u8>>>| {
        let left = end.saturating_duration_since(Instant::now());
        let bytes = stream.map(|stream| stream.recv_timeout(left));
        let bytes = bytes.transpose().unwrap_or_else(|_| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the program did not end within {LONGEST:?}")
        });
        bytes.unwrap_or_default()
    };
    let (stdout, stderr) = (finished(stdout), finished(stderr));
    // The standard library has no wait with a time limit. With its streams closed, the process has ended or is about to.
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            None => {
                let _ = child.kill();
                panic!("the program did not end within {LONGEST:?}")
            }
        }
    };
    Output {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Reads everything in another thread, so that the wait for it can have a limit.
pub fn read_all(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// Reads lines in another thread. The next one must come within ten minutes; the last one is followed by `None`.
pub fn lines(from: impl Read + Send + 'static) -> impl FnMut() -> Option<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines
            .take_while(|line| sender.send(line.clone()).is_ok())
            .for_each(drop);
    });
    move || match receiver.recv_timeout(LONGEST) {
        Ok(line) => Some(line),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => panic!("no line within {LONGEST:?}"),
    }
}
