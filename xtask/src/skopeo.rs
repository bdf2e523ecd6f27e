//! The real skopeo, which reads archives of images in tests. Its Go module needs C libraries, so it is taken from Debian.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::tools;

/// The name of the program.
pub const NAME: &str = "skopeo";
/// The environment variable that names the program for tests. If it is set, nothing is fetched.
pub const VARIABLE: &str = "OSM_TEST_SKOPEO";

/// A file of Debian's archive.
struct Package {
    /// Its path below `pool/main/`.
    path: &'static str,
    /// Its SHA-256, which is checked.
    sha256: &'static str,
    /// Its SHA-1, the name under which Debian keeps it for ever.
    sha1: &'static str,
}

/// skopeo of Debian 12, and the libraries that not every system has.
const PACKAGES: [Package; 5] = [
    Package {
        path: "s/skopeo/skopeo_1.9.3%2bds1-1%2bb10_amd64.deb",
        sha256: "5c1978f6a95577b143be772bbe50c247a28132a5cc961c74d4d2a6f2b1ab4f3d",
        sha1: "c4e50c138d2fcad7ad7b95d123502ce7e2fa1bc4",
    },
    Package {
        path: "g/gpgme1.0/libgpgme11_1.18.0-3%2bb1_amd64.deb",
        sha256: "dc075584050dc5c8ac27563fc222e8c1ea71128a019a6d129d5823e47ac1e55e",
        sha1: "1a372a39b1137e7267a514991fae2b36165e3717",
    },
    Package {
        path: "liba/libassuan/libassuan0_2.5.5-5_amd64.deb",
        sha256: "5912430927da16ccc831459679207fdbb9dfc5a206f2bab8d6f36d5a1ab53e25",
        sha1: "9b927e61d6eec851f071c86712863570c623d90c",
    },
    Package {
        path: "libg/libgpg-error/libgpg-error0_1.46-1_amd64.deb",
        sha256: "89944ee11d7370ce6ef46fc52f094c4a6512eff8943ec4c6ebefeae6360ceada",
        sha1: "9535c8304d6b2cec042d8fdfdc27a28e8568702c",
    },
    Package {
        path: "l/lvm2/libdevmapper1.02.1_1.02.185-2_amd64.deb",
        sha256: "aaa78ca236055fedccf637eacf7bda02bf1980b2db668dccd202b04d0d2cfe04",
        sha1: "a24efeff732be7e191c24716efe192161bd63365",
    },
];

/// Runs the program with its libraries.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu exec "$here/usr/bin/skopeo" "$@"
"#;

/// Returns the path of the program. Fetches it if it is not in the cache.
///
/// # Errors
/// It cannot be fetched or does not run on this machine, or the environment variable names a file that does not exist.
pub fn provide() -> Result<PathBuf, String> {
    if let Some(named) = tools::named(VARIABLE)? {
        return Ok(named);
    }
    let folder = tools::cache()?.join(format!("{NAME}-{}", key()));
    let program = folder.join(NAME);
    if program.is_file() {
        return Ok(program);
    }
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return Err(format!(
            "no package of Debian runs here: install skopeo, and set {VARIABLE} to its path"
        ));
    }
    fetch(&folder)
        .map_err(|error| format!("{error} (or install skopeo, and set {VARIABLE} to its path)"))?;
    Ok(program)
}

/// Fetches the packages, and unpacks them into the folder.
fn fetch(folder: &Path) -> Result<(), String> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    // Renamed when it is complete, so that nobody finds a part of it.
    let unfinished = tempfile::tempdir_in(parent).map_err(|e| e.to_string())?;
    for package in &PACKAGES {
        let content = package.download(unfinished.path())?;
        unpack(&content, unfinished.path()).map_err(|e| format!("{}: {e}", package.path))?;
    }
    let script = unfinished.path().join(NAME);
    fs::write(&script, SCRIPT).map_err(|e| format!("{}: {e}", script.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&script, all).map_err(|e| format!("{}: {e}", script.display()))?;
    }
    run(Command::new(&script).arg("--version"))?;
    match fs::rename(unfinished.path(), folder) {
        // Another process was faster.
        Err(_) if folder.join(NAME).is_file() => Ok(()),
        renamed => renamed.map_err(|e| format!("{}: {e}", folder.display())),
    }
}

impl Package {
    /// Downloads the package, and checks that it is the one.
    fn download(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let file = folder.join("package");
        let places = [
            format!("https://deb.debian.org/debian/pool/main/{}", self.path),
            // What Debian has replaced stays there.
            format!("https://snapshot.debian.org/file/{}", self.sha1),
        ];
        let mut why = String::new();
        for place in places {
            let mut curl = Command::new("curl");
            curl.args([
                "--fail",
                "--silent",
                "--show-error",
                "--location",
                "--output",
            ]);
            if let Err(error) = run(curl.arg(&file).arg(&place)) {
                why = error;
                continue;
            }
            let content = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            fs::remove_file(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let found = hex(&Sha256::digest(&content));
            if found == self.sha256 {
                return Ok(content);
            }
            why = format!(
                "{place} is another file: its SHA-256 is {found}, not {}",
                self.sha256
            );
        }
        Err(why)
    }
}

/// Unpacks the files of a package (deb(5)): an archive with `data.tar.xz` in it.
fn unpack(package: &[u8], folder: &Path) -> Result<(), String> {
    let data = member(package, "data.tar.xz").ok_or("it is not a package of Debian")?;
    let mut archive = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    archive.write_all(data).map_err(|e| e.to_string())?;
    let mut tar = Command::new("tar");
    run(tar.arg("-xJf").arg(archive.path()).arg("-C").arg(folder))
}

/// Finds a file in an archive of `ar`: headers of 60 bytes with the name first and the size at 48, and even positions.
fn member<'a>(archive: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let mut rest = archive.strip_prefix(b"!<arch>\n")?;
    loop {
        let (header, after) = rest.split_at_checked(60)?;
        let field = |range| Some(std::str::from_utf8(header.get(range)?).ok()?.trim());
        let size: usize = field(48..58)?.parse().ok()?;
        let content = after.get(..size)?;
        if field(0..16)?.trim_end_matches('/') == wanted {
            return Some(content);
        }
        rest = after.get(size.next_multiple_of(2)..)?;
    }
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{name} failed ({}): {}",
        output.status,
        said.trim()
    ))
}

/// Returns the start of the hash of everything that is fetched.
fn key() -> String {
    let mut hash = Sha256::new();
    for package in &PACKAGES {
        hash.update(package.sha256);
    }
    hash.update(SCRIPT);
    let mut key = hex(&hash.finalize());
    key.truncate(16);
    key
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_archive_is_found_behind_files_of_odd_sizes() {
        let file = |name: &str, content: &str| {
            let pad = if content.len() % 2 == 1 { "\n" } else { "" };
            let size = content.len();
            format!("{name:<16}{:<32}{size:<10}`\n{content}{pad}", "0")
        };
        let archive = format!(
            "!<arch>\n{}{}",
            file("debian-binary", "2.0"),
            file("data.tar.xz/", "content")
        );
        assert_eq!(
            member(archive.as_bytes(), "data.tar.xz"),
            Some(b"content".as_slice())
        );
        for wrong in [
            &archive[..archive.len() - 2],
            &archive[1..],
            "!<arch>\n",
            "",
        ] {
            assert_eq!(member(wrong.as_bytes(), "data.tar.xz"), None, "{wrong:?}");
        }
    }
}
