//! The installers and manifests of a release: what they contain, and that the installer installs nothing that it could not
//! check.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use xtask::Exit;
use xtask::flags::{Checksums, Packaging};
use xtask::{checksums, packaging};

const RELEASE: &str = "v1.2.5";
/// The archives that installers and manifests name.
const ARCHIVES: [&str; 5] = [
    "darwin-amd64.tar.gz",
    "darwin-arm64.tar.gz",
    "linux-amd64.tar.gz",
    "linux-arm64.tar.gz",
    "windows-amd64.zip",
];
/// What the archives contain as program.
const PROGRAM: &str = "#!/bin/sh\necho this is osm\n";

/// Packs an archive with the real tar.
fn archive(folder: &Path, end: &str, program: &str) {
    let platform = end.split('.').next().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join(platform)).unwrap();
    fs::write(scratch.path().join(platform).join("osm"), program).unwrap();
    let status = Command::new("tar")
        .arg("-czf")
        .arg(folder.join(format!("osm-{RELEASE}-{end}")))
        .args(["--mtime=@0", "--owner=0", "--group=0", "--mode=755", "-C"])
        .arg(scratch.path())
        .arg(platform)
        .status();
    assert!(status.unwrap().success());
}

/// Makes the files of a release, with small archives.
fn release() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for end in ARCHIVES {
        archive(folder.path(), end, PROGRAM);
    }
    sum_up(folder.path());
    assert_eq!(package(folder.path()), Ok(()));
    folder
}

fn sum_up(folder: &Path) {
    let flags = Checksums {
        folder: folder.to_owned(),
    };
    let exit = checksums::run(&flags, &mut Vec::new(), &mut Vec::new());
    assert_eq!(exit, Exit::Done);
}

fn package(folder: &Path) -> Result<(), String> {
    let flags = Packaging {
        release: RELEASE.parse().unwrap(),
        folder: folder.to_owned(),
    };
    let mut err = Vec::new();
    match packaging::run(&flags, &mut Vec::new(), &mut err) {
        Exit::Done => Ok(()),
        _ => Err(String::from_utf8(err).unwrap()),
    }
}

#[test]
fn templates_get_the_version_and_the_checksums() {
    let folder = release();
    let sums = fs::read_to_string(folder.path().join("sha256sums.txt")).unwrap();
    for name in ["install.ps1", "install.sh", "krew.yaml", "osm.rb"] {
        let mut text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(
            !text.contains("@RELEASE@") && !text.contains("SHA256:"),
            "{text}"
        );
        for line in sums.lines() {
            let (sum, archive) = line.split_once("  ").unwrap();
            text = text.replace(sum, &format!("<sha256 of {archive}>"));
        }
        insta::assert_snapshot!(name.replace('.', "_"), text);
    }
    // Again, with the same result.
    let before = fs::read(folder.path().join("install.sh")).unwrap();
    assert_eq!(package(folder.path()), Ok(()));
    assert_eq!(fs::read(folder.path().join("install.sh")).unwrap(), before);
}

#[test]
fn an_archive_that_is_missing_or_another_one_is_refused() {
    let folder = release();
    let end = "linux-arm64.tar.gz";
    let path = folder.path().join(format!("osm-{RELEASE}-{end}"));
    fs::write(&path, "another").unwrap();
    let error = package(folder.path()).unwrap_err();
    assert!(
        error.contains(end) && error.contains("cargo xtask checksums"),
        "{error}"
    );
    fs::remove_file(&path).unwrap();
    let error = package(folder.path()).unwrap_err();
    assert!(error.contains(end), "{error}");
    fs::remove_file(folder.path().join("install.sh")).unwrap();
    sum_up(folder.path());
    let error = package(folder.path()).unwrap_err();
    assert!(
        error.contains(end) && error.contains("cargo xtask dist"),
        "{error}"
    );
    assert!(!folder.path().join("install.sh").exists());
}

/// Serves the files of a folder until the test ends, and returns the address.
fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let name = request
                .split_whitespace()
                .nth(1)
                .unwrap()
                .trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(name)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    address
}

/// The programs that the installer needs besides one that computes checksums, and one that downloads.
const NEEDED: [&str; 12] = [
    "chmod", "cp", "cut", "gzip", "mkdir", "mktemp", "mv", "rm", "sh", "tar", "uname", "env",
];

/// Returns where a program is.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file())
}

/// How an installation ended.
struct Installed {
    folder: TempDir,
    succeeded: bool,
    out: String,
    err: String,
}

impl Installed {
    fn program(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("bin/osm")).ok()
    }
}

/// Runs an installer with these programs only.
fn install(script: &Path, url: &str, programs: &[&str]) -> Installed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("path");
    fs::create_dir(&path).unwrap();
    for program in NEEDED.iter().chain(programs) {
        let place = find(program).unwrap_or_else(|| panic!("{program} is missing"));
        symlink(place, path.join(program)).unwrap();
    }
    let output = Command::new(path.join("sh"))
        .arg(script)
        .env_clear()
        .env("PATH", &path)
        .env("HOME", folder.path())
        .env("OSM_INSTALL_DIR", folder.path().join("bin"))
        .env("OSM_INSTALL_URL", url)
        .output()
        .unwrap();
    Installed {
        folder,
        succeeded: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_installer_checks_the_archive_with_whatever_there_is() {
    let release = release();
    let script = release.path().join("install.sh");
    let url = serve(release.path());
    let mut tried = 0;
    for checksum in ["sha256sum", "shasum", "openssl"] {
        for download in ["curl", "wget"] {
            // `shasum` is a script of Perl.
            let more: &[&str] = if checksum == "shasum" { &["perl"] } else { &[] };
            let programs: Vec<&str> = [checksum, download].iter().chain(more).copied().collect();
            if !programs.iter().all(|program| find(program).is_some()) {
                continue;
            }
            tried += 1;
            let done = install(&script, &url, &programs);
            assert!(done.succeeded, "{programs:?}: {}", done.err);
            assert_eq!(done.program().as_deref(), Some(PROGRAM), "{programs:?}");
            assert!(done.out.contains(RELEASE), "{}", done.out);
            assert!(done.err.contains("is not in PATH"), "{}", done.err);
            let run = Command::new(done.folder.path().join("bin/osm")).output();
            assert_eq!(run.unwrap().stdout, b"this is osm\n");
            // Nothing else is left.
            assert_eq!(fs::read_dir(done.folder.path()).unwrap().count(), 2);
            assert_eq!(
                fs::read_dir(done.folder.path().join("bin"))
                    .unwrap()
                    .count(),
                1
            );
        }
    }
    assert!(tried >= 2, "{tried}");
}

#[test]
fn the_installer_installs_nothing_that_it_cannot_check() {
    let release = release();
    let script = release.path().join("install.sh");
    let good = serve(release.path());
    let wrong = tempfile::tempdir().unwrap();
    for end in ARCHIVES {
        archive(wrong.path(), end, "#!/bin/sh\necho this is not osm\n");
    }
    let wrong = serve(wrong.path());
    let empty = tempfile::tempdir().unwrap();
    let nothing = serve(empty.path());
    let all = ["sha256sum", "curl"];
    let lacking = |from: &str, to: &str| {
        let path = empty.path().join("lacking.sh");
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        path
    };
    let without_platform = lacking("    linux-", "    other-");
    #[rustfmt::skip]
    let table: [(&str, &Path, &str, &[&str], &str); 5] = [
        ("another archive", &script, &wrong, &all, "is not the archive of v1.2.5"),
        ("no archive", &script, &nothing, &all, "cannot download"),
        ("no program for checksums", &script, &good, &["curl"], "install one of sha256sum, shasum and openssl"),
        ("no program for downloads", &script, &good, &["sha256sum"], "install curl or wget"),
        ("no checksum for this machine", &without_platform, &good, &all, "has no archive for"),
    ];
    for (name, script, url, programs, message) in table {
        let done = install(script, url, programs);
        assert!(!done.succeeded, "{name}");
        assert!(done.err.contains(message), "{name}: {}", done.err);
        assert_eq!(done.program(), None, "{name}");
    }
}

#[test]
fn an_installer_that_is_cut_off_does_nothing() {
    let release = release();
    let text = fs::read_to_string(release.path().join("install.sh")).unwrap();
    let url = serve(release.path());
    let script = release.path().join("cut.sh");
    // A cut within a function is an error of syntax, and one behind it leaves nothing that is called.
    for (at, _) in text.match_indices('\n').step_by(7) {
        fs::write(&script, &text[..at]).unwrap();
        let done = install(&script, &url, &["sha256sum", "curl"]);
        if at + 1 < text.len() {
            assert_eq!(done.program(), None, "cut at {at}");
        }
    }
}

#[test]
#[ignore = "needs shellcheck: run cargo xtask test"]
fn shellcheck_has_no_findings() {
    let shellcheck = std::env::var_os("OSM_TEST_SHELLCHECK").expect("run `cargo xtask test`");
    let release = release();
    let output = Command::new(shellcheck)
        .args(["--shell", "sh", "--severity", "style"])
        .arg(release.path().join("install.sh"))
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}");
}
