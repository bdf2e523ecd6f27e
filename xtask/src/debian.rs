//! Programs that tests run and that come from Debian 12, by checksum: they have no Go module that builds everywhere.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::tools;

/// A program of Debian.
#[derive(Debug)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The environment variable that names the program for tests. If it is set, nothing is fetched.
    pub variable: &'static str,
    /// The name of the test that needs it.
    pub tests: &'static str,
    /// Arguments with which it ends well.
    trial: &'static [&'static str],
    /// Its path in the packages.
    path: &'static str,
    /// Its package, and those of libraries and files that not every system has.
    packages: &'static [Package],
}

/// All of these programs.
pub const ALL: [&Program; 5] = [&SKOPEO, &MANDOC, &SHELLCHECK, &FISH, &ZSH];

/// The real skopeo, which reads archives of images. Its Go module needs C libraries.
pub const SKOPEO: Program = Program {
    name: "skopeo",
    variable: "OSM_TEST_SKOPEO",
    tests: "skopeo_reads_an_archive",
    trial: &["--version"],
    path: "usr/bin/skopeo",
    packages: &[
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
    ],
};

/// The real mandoc, which checks man pages.
pub const MANDOC: Program = Program {
    name: "mandoc",
    variable: "OSM_TEST_MANDOC",
    tests: "mandoc_accepts",
    trial: &[],
    path: "usr/bin/mandoc",
    packages: &[Package {
        path: "m/mdocml/mandoc_1.14.6-1%2bb1_amd64.deb",
        sha256: "af62386fcb99fbfe8813992d5623f5500339d8decee2c72994522366e078c01b",
        sha1: "f6c83160e253b89d44ab951814ca206256502458",
    }],
};

/// The real shellcheck, which reads the installer. It is written in Haskell.
pub const SHELLCHECK: Program = Program {
    name: "shellcheck",
    variable: "OSM_TEST_SHELLCHECK",
    tests: "shellcheck_has_no_findings",
    trial: &["--version"],
    path: "usr/bin/shellcheck",
    packages: &[
        Package {
            path: "s/shellcheck/shellcheck_0.9.0-1_amd64.deb",
            sha256: "8c40f8a4ecccf3d746b933853972f1cd1be6df84fc5977d0137269d4debefa4f",
            sha1: "09652599ab5ea37cc045664f06e3f67cd0020204",
        },
        Package {
            path: "libf/libffi/libffi8_3.4.4-1_amd64.deb",
            sha256: "6d9f6c25c30efccce6d4bceaa48ea86c329a3432abb360a141f76ac223a4c34a",
            sha1: "5c772838b9fabdbf5f503bd83ce9bb7fe1b4f2da",
        },
        Package {
            path: "g/gmp/libgmp10_6.2.1%2bdfsg1-1.1_amd64.deb",
            sha256: "187aedef2ed763f425c1e523753b9719677633c7eede660401739e9c893482bd",
            sha1: "58624c62e76d2df27df02a8d2e52b6dec463ae53",
        },
    ],
};

/// The real fish.
pub const FISH: Program = Program {
    name: "fish",
    variable: "OSM_TEST_FISH",
    tests: "fish_completes",
    trial: &["--version"],
    path: "usr/bin/fish",
    packages: &[
        Package {
            path: "f/fish/fish_3.6.0-3.1%2bdeb12u1_amd64.deb",
            sha256: "ffe12d263ef84a49554205e7c6607d81bc4f78f350194aab303a9a7a7888bbab",
            sha1: "e725e66bfd34b6211426740d51a0fc9f86694c6e",
        },
        Package {
            path: "p/pcre2/libpcre2-32-0_10.42-1_amd64.deb",
            sha256: "cadd2941b89f3f80dd739df457f96cd7a77f364d878b5c2c354130208bd60c31",
            sha1: "1b51df6b120437ebeb16a7d8fe4da64ed5e89db9",
        },
    ],
};

/// The real zsh.
pub const ZSH: Program = Program {
    name: "zsh",
    variable: "OSM_TEST_ZSH",
    tests: "zsh_completes",
    trial: &["--version"],
    path: "bin/zsh",
    packages: &[
        Package {
            path: "z/zsh/zsh_5.9-4%2bb15_amd64.deb",
            sha256: "8362cc8bbb530d393950522dc8a9df5a860a61227d62ff669a7524056e6289a8",
            sha1: "1f78977e8e62b094428da8f3e67b1bb74b247292",
        },
        Package {
            path: "z/zsh/zsh-common_5.9-4_all.deb",
            sha256: "4f263aa88910f750965b1a83dcbca1355b2cf509acffe96cc2d856333909a7b5",
            sha1: "ac8e7a6d921a49dccb62c8578b616c440aeb46e1",
        },
    ],
};

/// A file of Debian's archive.
#[derive(Debug)]
struct Package {
    /// Its path below `pool/main/`.
    path: &'static str,
    /// Its SHA-256, which is checked.
    sha256: &'static str,
    /// Its SHA-1, the name under which Debian keeps it for ever.
    sha1: &'static str,
}

/// Runs the program with its libraries.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu exec "$here/PROGRAM" "$@"
"#;

impl Program {
    /// Returns the path of the program. Fetches it if it is not in the cache.
    ///
    /// # Errors
    /// It cannot be fetched or does not run on this machine, or the environment variable names a file that does not exist.
    pub fn provide(&self) -> Result<PathBuf, String> {
        if let Some(named) = tools::named(self.variable)? {
            return Ok(named);
        }
        let folder = tools::cache()?.join(format!("{}-{}", self.name, self.key()));
        let program = folder.join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        let Program { name, variable, .. } = self;
        if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
            return Err(format!(
                "no package of Debian runs here: install {name}, and set {variable} to its path"
            ));
        }
        let or_install = format!("(or install {name}, and set {variable} to its path)");
        self.fetch(&folder)
            .map_err(|error| format!("{error} {or_install}"))?;
        Ok(program)
    }

    /// Fetches the packages, and unpacks them into the folder.
    fn fetch(&self, folder: &Path) -> Result<(), String> {
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
        // Renamed when it is complete, so that nobody finds a part of it.
        let unfinished = tempfile::tempdir_in(parent).map_err(|e| e.to_string())?;
        for package in self.packages {
            let content = package.download(unfinished.path())?;
            unpack(&content, unfinished.path()).map_err(|e| format!("{}: {e}", package.path))?;
        }
        let script = unfinished.path().join(self.name);
        fs::write(&script, self.script()).map_err(|e| format!("{}: {e}", script.display()))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let all = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&script, all).map_err(|e| format!("{}: {e}", script.display()))?;
        }
        // Not every one of them has `--version`, and none waits for input.
        run(Command::new(&script)
            .args(self.trial)
            .stdin(std::process::Stdio::null()))?;
        match fs::rename(unfinished.path(), folder) {
            // Another process was faster.
            Err(_) if folder.join(self.name).is_file() => Ok(()),
            renamed => renamed.map_err(|e| format!("{}: {e}", folder.display())),
        }
    }

    fn script(&self) -> String {
        SCRIPT.replace("PROGRAM", self.path)
    }

    /// Returns the start of the hash of everything that is fetched.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for package in self.packages {
            hash.update(package.sha256);
        }
        hash.update(self.script());
        let mut key = hex(&hash.finalize());
        key.truncate(16);
        key
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
