//! `cargo xtask packaging`: the installers, the manifest of krew and the formula of Homebrew, from the templates in
//! `packaging/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::Exit;
use crate::atomic;
use crate::checksums;
use crate::flags;
use crate::output::print_written;
use crate::tools::workspace;

/// The templates, each with whether it becomes a program.
const TEMPLATES: [(&str, bool); 4] = [
    ("install.ps1", false),
    ("install.sh", true),
    ("krew.yaml", false),
    ("osm.rb", false),
];
/// What stands on both sides of a name in a template.
const MARK: char = '@';
/// What the name of a checksum begins with; the end of the name of an archive follows.
const SHA256: &str = "SHA256:";

/// Fills the templates, and prints the paths of the files.
pub fn run(flags: &flags::Packaging, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    print_written(write(&workspace(), flags), out, err)
}

/// Writes all files, or none.
fn write(workspace: &Path, flags: &flags::Packaging) -> Result<Vec<PathBuf>, String> {
    let release = flags.release.to_string();
    let sums = checksums::read(&flags.folder.join(checksums::FILE))?;
    let facts = Facts {
        repository: &repository(workspace)?,
        release: &release,
        sums: &sums,
    };
    let mut filled = Vec::new();
    let mut archives = BTreeSet::new();
    for (name, is_program) in TEMPLATES {
        let path = workspace.join("packaging").join(name);
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        filled.push((name, is_program, facts.fill(&text, &mut archives)?));
    }
    for archive in archives {
        facts.check(&flags.folder, &archive)?;
    }
    let mut paths = Vec::new();
    for (name, is_program, text) in filled {
        let path = flags.folder.join(name);
        let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
        atomic::write(&path, text.as_bytes()).map_err(wrong)?;
        if is_program {
            make_executable(&path).map_err(wrong)?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// Returns the address of the repository.
fn repository(workspace: &Path) -> Result<String, String> {
    let path = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let manifest: Table = text
        .parse()
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let repository = (manifest.get("workspace"))
        .and_then(|value| value.get("package")?.get("repository")?.as_str());
    repository
        .map(str::to_owned)
        .ok_or_else(|| format!("{}: workspace.package has no repository", path.display()))
}

/// What the templates get.
struct Facts<'a> {
    repository: &'a str,
    release: &'a str,
    /// The SHA-256 of each file of the release.
    sums: &'a BTreeMap<String, String>,
}

impl Facts<'_> {
    /// Replaces the names in a template, and adds the archives that it needs.
    fn fill(&self, template: &str, archives: &mut BTreeSet<String>) -> Result<String, String> {
        let mut text = String::new();
        // A name is between two marks. Other text may have marks, too.
        let mut rest = template;
        while let Some((before, after)) = rest.split_once(MARK) {
            text += before;
            let name = after.split(MARK).next().unwrap_or_default();
            match self.value(name, archives)? {
                Some(value) => {
                    text += &value;
                    rest = after.get(name.len() + 1..).unwrap_or_default();
                }
                None => {
                    text.push(MARK);
                    rest = after;
                }
            }
        }
        Ok(text + rest)
    }

    /// Returns the value of a name, if it is one.
    fn value(&self, name: &str, archives: &mut BTreeSet<String>) -> Result<Option<String>, String> {
        if let Some(end) = name.strip_prefix(SHA256) {
            let archive = format!("osm-{}-{end}", self.release);
            let sum = self.sums.get(&archive).ok_or_else(|| {
                format!(
                    "{} has no {archive}: run `cargo xtask dist` for its target, and `cargo xtask checksums`",
                    checksums::FILE
                )
            })?;
            archives.insert(archive);
            return Ok(Some(sum.clone()));
        }
        Ok(match name {
            "RELEASE" => Some(self.release.to_owned()),
            "REPOSITORY" => Some(self.repository.to_owned()),
            "VERSION" => Some(self.release.trim_start_matches('v').to_owned()),
            _ => None,
        })
    }

    /// Checks that an archive is there, and that it is the one in the file of checksums.
    fn check(&self, folder: &Path, archive: &str) -> Result<(), String> {
        let path = folder.join(archive);
        let found = checksums::of(&path)?;
        match self.sums.get(archive) {
            Some(sum) if *sum == found => Ok(()),
            _ => Err(format!(
                "{} differs from {}: its SHA-256 is {found}. Run `cargo xtask checksums {}`",
                path.display(),
                checksums::FILE,
                folder.display()
            )),
        }
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
