//! Processes and folders that end with the test process, no matter how it ends.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs the program as the child of a shell that reads a pipe from this process. When the pipe closes, which also happens
/// when this process is killed, the shell kills the program. When the program ends, the shell ends with its exit code.
/// The pipe is duplicated first, because a background command has no standard input.
///
/// The shell ignores signals before it starts anything: one that is sent to the whole process group must not end it before
/// it has killed the program. The program itself does not ignore them.
const KEEPER: &str = r#"
exec 3<&0
trap '' HUP INT TERM
(trap - HUP INT TERM; exec "$@") </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill -9 "$program"; } >/dev/null 2>&1 &
wait "$program"
code=$?
kill -9 "$!" 2>/dev/null
exit "$code"
"#;

/// Removes a folder when the pipe closes. It retries, because programs that are being killed may still write to it. It says
/// when it ignores signals.
const CLEANER: &str = r#"
trap '' HUP INT TERM
echo ready
exec >/dev/null
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" 2>/dev/null && exit
  sleep 0.2
done
"#;

/// The environment variable that names the folder for what the processes store. `cargo xtask test` sets it to one in memory:
/// registries wait for the disk after each blob.
const STORAGE: &str = "OSM_TEST_STORAGE";

/// A folder that is removed when this is dropped or when this process ends, no matter how.
pub struct Folder {
    path: PathBuf,
    /// The shell; its standard input is the pipe.
    cleaner: Child,
}

impl Folder {
    /// Creates a folder with a unique name in the folder that `OSM_TEST_STORAGE` names, or else in that of temporary files.
    pub fn create() -> Self {
        let parent = std::env::var_os(STORAGE).map_or_else(std::env::temp_dir, PathBuf::from);
        Self::create_in(&parent)
    }

    /// Creates a folder with a unique name in `parent`.
    pub fn create_in(parent: &Path) -> Self {
        let path = tempfile::TempDir::new_in(parent).unwrap().keep();
        let mut cleaner = Command::new("sh")
            .args(["-c", CLEANER, "cleaner"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run sh: {e}"));
        // Until then, a signal to the whole process group would end it.
        let mut ready = cleaner.stdout.take().unwrap();
        std::io::copy(&mut ready, &mut std::io::sink()).unwrap();
        Self { path, cleaner }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.cleaner.stdin.take());
        let _ = self.cleaner.wait();
    }
}

/// The variable that says how often programs in Go collect garbage, and what it is in tests. By default they spend a fifth
/// of their time on it.
pub const GO_COLLECTOR: (&str, &str) = ("GOGC", "400");

/// A process that is killed when this is dropped.
pub struct Process {
    name: String,
    log: PathBuf,
    /// The shell; its standard input is the pipe.
    keeper: Child,
}

impl Process {
    /// Starts a program; its output goes to `NAME.log` in the folder.
    pub fn start(name: &str, program: &Path, arguments: &[String], folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("GOMEMLIMIT", "1GiB")
            .env(GO_COLLECTOR.0, GO_COLLECTOR.1)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run sh: {e}"));
        Self {
            name: name.to_owned(),
            log,
            keeper,
        }
    }

    /// Returns how the program ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.keeper.try_wait().unwrap()?;
        Some(format!("{} ended ({status})", self.name))
    }

    /// Returns the last lines of the output.
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(20)..];
        format!("== the end of {}.log\n{}\n", self.name, tail.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The shell waits for the program, so both have ended afterwards.
        let _ = self.keeper.wait();
    }
}

/// Returns ports on loopback that are free at the moment.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are bound at the same time, so they are different.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
