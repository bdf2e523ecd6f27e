//! Programs that keep credentials: `docker-credential-NAME get` (docker-credential-helpers).

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::json::JsonError;
use super::secret::{Credentials, Secret};

/// How long a program may take. It can ask the user to unlock a key ring.
const PATIENCE: Duration = Duration::from_mins(1);
/// The largest output, in bytes.
const OUTPUT: u64 = 1 << 20;
/// The beginning of what a program prints if it has no credentials for a registry.
const NOT_FOUND: &[u8] = b"credentials not found";

/// How helper programs are run.
#[derive(Clone, Debug)]
pub(crate) struct HelperPrograms {
    /// Where the programs are; `None`: in the folders of `PATH`.
    pub folder: Option<PathBuf>,
    /// After this time, a program is killed.
    pub patience: Duration,
}

impl Default for HelperPrograms {
    fn default() -> HelperPrograms {
        HelperPrograms {
            folder: None,
            patience: PATIENCE,
        }
    }
}

/// Returns the name of a helper program as it is installed.
pub(crate) fn program(name: &str) -> String {
    format!("docker-credential-{name}")
}

impl HelperPrograms {
    /// Asks a program for the credentials for a server. `None` if it has none.
    ///
    /// # Errors
    /// The name is not a plain name, or the program is missing, fails, takes too long, or prints something else.
    pub async fn get(
        &self,
        name: &str,
        server: &str,
    ) -> Result<Option<Credentials>, HelperProblem> {
        // A name comes from a file, and must not lead out of the folders with programs.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.contains("..") || !name.bytes().all(is_plain) {
            return Err(HelperProblem::Name);
        }
        let program = match &self.folder {
            Some(folder) => folder.join(program(name)).into_os_string(),
            None => OsString::from(program(name)),
        };
        let mut child = Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => HelperProblem::Missing,
                _ => HelperProblem::Start(e),
            })?;
        let answer = tokio::time::timeout(self.patience, ask(&mut child, server)).await;
        let answer = answer.unwrap_or(Err(HelperProblem::Slow(self.patience)));
        if answer.is_err() {
            // Also waits for its end, so that no process stays behind. An error means that it has ended already.
            let _ = child.kill().await;
        }
        answer
    }
}

async fn ask(child: &mut Child, server: &str) -> Result<Option<Credentials>, HelperProblem> {
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(server.as_bytes()).await {
            // A program that ends before it reads says by its exit code why.
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(HelperProblem::Talk(e)),
            _ => {}
        }
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(OUTPUT + 1).read_to_end(&mut output).await;
        read.map_err(HelperProblem::Talk)?;
    }
    if output.len() as u64 > OUTPUT {
        return Err(HelperProblem::TooLarge);
    }
    let status = child.wait().await.map_err(HelperProblem::Talk)?;
    if !status.success() {
        return match output.trim_ascii_start().starts_with(NOT_FOUND) {
            true => Ok(None),
            false => Err(HelperProblem::Failed(status.code())),
        };
    }
    read(&output)
}

fn read(output: &[u8]) -> Result<Option<Credentials>, HelperProblem> {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "Username", default)]
        user: String,
        #[serde(rename = "Secret", default)]
        secret: String,
    }
    let answer: Answer =
        serde_json::from_slice(output).map_err(|e| HelperProblem::Answer(JsonError::new(&e)))?;
    Ok(Credentials::of_user(
        answer.user,
        Secret::new(answer.secret),
    ))
}

/// Why a helper program gives no answer. None of them contains what the program printed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperProblem {
    /// The name could lead to another folder.
    #[error("this is not a name of a helper program: expected letters, digits, `-`, `_` and `.`")]
    Name,
    /// The program does not exist.
    #[error("the program is not in PATH: install it, or remove its name from the file")]
    Missing,
    /// The program cannot be started.
    #[error("the program cannot be started: {0}")]
    Start(#[source] io::Error),
    /// Reading or writing fails.
    #[error("the program cannot be talked to: {0}")]
    Talk(#[source] io::Error),
    /// It does not end.
    #[error("the program was killed because it did not answer within {} seconds", .0.as_secs_f64())]
    Slow(Duration),
    /// It ends with an error. `None`: by a signal.
    #[error("the program {}: run it with the argument `get` and the server on stdin to see why", match .0 {
        Some(code) => format!("failed with exit code {code}"),
        None => "was ended by a signal".to_owned(),
    })]
    Failed(Option<i32>),
    /// It prints too much.
    #[error("the program prints more than {OUTPUT} bytes")]
    TooLarge,
    /// It prints something else than credentials.
    #[error("the program prints an answer that is malformed: {0}")]
    Answer(JsonError),
}

/// Small helper programs for tests.
#[cfg(test)]
#[cfg(unix)]
pub(super) mod scripts {
    use std::path::Path;
    use std::process::Command;

    /// Writes a program for `/bin/sh`. Another process writes it: a process that this one starts meanwhile would inherit an
    /// open file, and a file that is open for writing cannot be run.
    pub fn write(folder: &Path, name: &str, script: &str) {
        let path = folder.join(super::program(name));
        let status = Command::new("/bin/sh")
            .args([
                "-c",
                "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"",
                "sh",
                script,
            ])
            .arg(path)
            .status();
        assert!(status.unwrap().success());
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::auth::secret::tests::plain;

    /// Runs a script. Also returns the folder that it is in.
    async fn answer(
        script: &str,
        server: &str,
        patience: Duration,
    ) -> (Result<Option<String>, String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        scripts::write(folder.path(), "test", script);
        let programs = HelperPrograms {
            folder: Some(folder.path().to_owned()),
            patience,
        };
        let answer = programs.get("test", server).await;
        if let Err(problem) = &answer {
            assert!(
                !format!("{problem} {problem:?}").contains("marker-secret"),
                "{problem:?}"
            );
        }
        let answer = answer
            .map(|found| found.as_ref().map(plain))
            .map_err(|problem| problem.to_string());
        (answer, folder)
    }

    #[tokio::test]
    async fn a_program_gets_the_server_and_answers_with_credentials() {
        let table = [
            (
                r#"printf '{"ServerURL":"x","Username":"jane","Secret":"pw"}'"#,
                Some("user jane, password pw"),
            ),
            (
                r#"printf '{"Username":"%s","Secret":"%s"}' "$1" "$(cat)""#,
                Some("user get, password https://index.docker.io/v1/"),
            ),
            (
                r#"printf '{"Username":"<token>","Secret":"it"}'"#,
                Some("identity token it"),
            ),
            (
                r#"cat > /dev/null; echo '{"Username":"","Secret":""}'"#,
                None,
            ),
            ("echo '{}'", None),
            (
                "echo credentials not found in native keychain; exit 1",
                None,
            ),
            (
                "echo marker-secret >&2; echo credentials not found in native keychain; exit 3",
                None,
            ),
        ];
        for (script, expected) in table {
            let (found, _folder) = answer(script, "https://index.docker.io/v1/", PATIENCE).await;
            assert_eq!(found, Ok(expected.map(str::to_owned)), "{script}");
        }
    }

    #[tokio::test]
    async fn a_failure_says_how_the_program_ended_and_not_what_it_printed() {
        let table = [
            ("echo marker-secret; exit 1", "exit code 1"),
            ("echo marker-secret; exit 71", "exit code 71"),
            ("echo marker-secret; kill -9 $$", "ended by a signal"),
            ("echo marker-secret", "line 1, column 1: not valid JSON"),
            (
                r#"echo '{"Username":"jane","Secret":["marker-secret"]}'"#,
                "line 1, column 28: a value has the wrong type",
            ),
            (r#"echo '"marker-secret"'"#, "a value has the wrong type"),
            (
                "echo credentials not found in native keychain",
                "not valid JSON",
            ),
            (
                r#"printf '{"Username":"jane","Secret":"'; head -c 1048576 /dev/zero | tr '\0' x; printf '"}'"#,
                "more than 1048576 bytes",
            ),
            ("yes marker-secret", "more than 1048576 bytes"),
        ];
        for (script, expected) in table {
            let (found, _folder) = answer(script, "r.example.com", PATIENCE).await;
            let error = found.unwrap_err();
            assert!(error.contains(expected), "{script}: {error}");
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_and_leaves_no_process() {
        let table = [
            "echo $$ > \"${0%/*}/pid\"; exec sleep 600",
            "echo $$ > \"${0%/*}/pid\"; echo marker-secret; exec 1>&-; exec sleep 600",
        ];
        for script in table {
            let (found, folder) = answer(script, "r.example.com", Duration::from_secs(2)).await;
            assert_eq!(
                found,
                Err("the program was killed because it did not answer within 2 seconds".to_owned())
            );
            let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
            // Also succeeds for a process that was killed but not waited for.
            let is_there = std::process::Command::new("/bin/sh")
                .args(["-c", "kill -0 \"$1\" 2> /dev/null", "sh", pid.trim()])
                .status();
            assert!(!is_there.unwrap().success(), "{script}");
        }
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_run_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(program("plain"));
        fs::write(&file, "not a program").unwrap();
        let programs = HelperPrograms {
            folder: Some(folder.path().to_owned()),
            ..HelperPrograms::default()
        };
        let problem = async |name: &str| programs.get(name, "r.example.com").await.unwrap_err();
        assert!(matches!(problem("absent").await, HelperProblem::Missing));
        assert!(matches!(problem("plain").await, HelperProblem::Start(_)));
        let in_path = HelperPrograms::default();
        let absent = in_path
            .get("absent-program-of-a-test", "r.example.com")
            .await;
        assert!(matches!(absent, Err(HelperProblem::Missing)));
    }

    #[tokio::test]
    async fn a_name_cannot_lead_to_another_folder() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("docker-credential-x");
        fs::create_dir(&inner).unwrap();
        let path: &Path = outer.path();
        scripts::write(
            path,
            "test",
            r#"printf '{"Username":"jane","Secret":"pw"}'"#,
        );
        let programs = HelperPrograms {
            folder: Some(path.to_owned()),
            ..HelperPrograms::default()
        };
        let names = [
            "",
            "..",
            "x/../docker-credential-test",
            "/bin/sh",
            "a\\b",
            "a b",
            "a;b",
            "a\0b",
            "\u{fc}",
            "a\nb",
        ];
        for name in names {
            let found = programs.get(name, "r.example.com").await;
            assert!(matches!(found, Err(HelperProblem::Name)), "{name:?}");
        }
        assert!(
            programs
                .get("test", "r.example.com")
                .await
                .unwrap()
                .is_some()
        );
    }
}
