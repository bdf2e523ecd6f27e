//! `cargo xtask licenses`: the licenses of the packages that are compiled into `osm`, which its archives contain.
//!
//! The texts are those in the packages themselves. Each text is there once, after the packages that have it. cargo-about
//! does this, too, but needs a C compiler, and minutes to be built.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use crate::Exit;
use crate::cargo;
use crate::flags;
use crate::output::print;
use crate::packages::{self, Id, Package};
use crate::tools::workspace;

/// What the names of files with a license or a note of copyright begin with, in capital letters.
const FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
/// The license of this workspace, whose text a package with that choice need not have.
const OWN: &str = "Apache-2.0";

/// Prints the licenses.
pub fn run(flags: &flags::Licenses, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let workspace = workspace();
    let target = match &flags.target {
        Some(target) => Ok(target.clone()),
        None => packages::host(&workspace),
    };
    let done = target
        .and_then(|target| text(&workspace, &target))
        .and_then(|text| print(out, &text).map_err(|e| e.to_string()));
    match done {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

/// Returns the licenses of what is compiled in for this target.
///
/// # Errors
/// A package has no license, or no text of it.
pub(crate) fn text(workspace: &Path, target: &str) -> Result<String, String> {
    let locked = packages::locked(cargo::command(), workspace)?;
    let compiled_in = packages::compiled_in(workspace, target)?;
    let own = fs::read_to_string(workspace.join("LICENSE")).map_err(|e| format!("LICENSE: {e}"))?;
    let external = (locked.iter())
        .filter(|(id, package)| package.is_external && compiled_in.contains_key(*id));
    let mut all = format!(
        "osm is licensed under {OWN}; see the file LICENSE. These packages are compiled into it, besides the standard\n\
         library of Rust (MIT OR Apache-2.0, https://github.com/rust-lang/rust):\n\n"
    );
    let mut texts: BTreeMap<String, Vec<&Id>> = BTreeMap::new();
    for (id, package) in external {
        let license = (package.license.as_deref())
            .ok_or_else(|| format!("{} {}: no license in Cargo.toml", id.0, id.1))?;
        let repository = package.repository.as_deref().unwrap_or_default();
        let line = format!("  {} {}: {license}  {repository}", id.0, id.1);
        all += &format!("{}\n", line.trim_end());
        for text in texts_of(id, package, license, &own)? {
            texts.entry(text).or_default().push(id);
        }
    }
    // In the order of the first package that has it.
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(text, ids), (other, others)| (ids, text).cmp(&(others, other)));
    for (text, ids) in texts {
        let names: Vec<_> = (ids.iter())
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        let line = "-".repeat(80);
        all += &format!("\n{line}\n{}\n{line}\n\n{text}\n", names.join(", "));
    }
    Ok(all)
}

/// Returns the texts in a package.
fn texts_of(id: &Id, package: &Package, license: &str, own: &str) -> Result<Vec<String>, String> {
    let folder = &package.folder;
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_text = FILES.iter().any(|start| name.starts_with(start)) || name == "UNLICENSE";
        if is_text && entry.path().is_file() {
            let text = fs::read(entry.path()).map_err(wrong)?;
            texts.push(normal(&String::from_utf8_lossy(&text)));
        }
    }
    if texts.is_empty() {
        let may_be_own = license.split(" OR ").any(|choice| choice == OWN);
        if !may_be_own {
            return Err(format!(
                "{} {} has no text of its license {license} in {}",
                id.0,
                id.1,
                folder.display()
            ));
        }
        texts.push(normal(own));
    }
    Ok(texts)
}

/// Returns a text without what differs between copies of it: line ends, blanks at them, and empty lines around it.
fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_package_has_its_license_and_each_text_is_there_once() {
        let workspace = workspace();
        let target = packages::host(&workspace).unwrap();
        let text = text(&workspace, &target).unwrap();
        let listed = text.lines().filter(|line| line.starts_with("  rustls "));
        assert_eq!(listed.count(), 1);
        for (part, number) in [("openservicemesh", 0), ("serde_derive ", 0)] {
            assert_eq!(text.matches(part).count(), number, "{part}");
        }
        let line = format!("\n{}\n", "-".repeat(80));
        let parts: Vec<&str> = text.split(&line).collect();
        // The list, and then the names and the text by turns.
        let names = || parts.iter().skip(1).step_by(2);
        let texts: Vec<&str> = parts
            .iter()
            .skip(2)
            .step_by(2)
            .map(|text| text.trim())
            .collect();
        assert!(texts.len() > 20 && names().count() == texts.len());
        assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
        // A package without a text has that of this workspace.
        let own = normal(&fs::read_to_string(workspace.join("LICENSE")).unwrap());
        let at = texts.iter().position(|text| *text == own.trim()).unwrap();
        assert!(names().nth(at).unwrap().contains("rustls-graviola "));
    }

    #[test]
    fn a_package_without_a_text_is_refused_unless_its_license_is_the_own_one() {
        let folder = tempfile::tempdir().unwrap();
        let id = ("web".to_owned(), "1.0.0".to_owned());
        let package = Package {
            license: None,
            repository: None,
            folder: folder.path().to_owned(),
            is_external: true,
        };
        let of = |license| texts_of(&id, &package, license, "own\r\n\n");
        assert_eq!(of("MIT OR Apache-2.0").unwrap(), ["own"]);
        for license in [
            "MIT",
            "Apache-2.0 WITH LLVM-exception",
            "MIT AND Apache-2.0",
        ] {
            let error = of(license).unwrap_err();
            assert!(error.contains("web 1.0.0"), "{error}");
            assert!(error.contains(license), "{error}");
        }
        fs::write(
            folder.path().join("LICENSE-MIT"),
            "\ntheirs  \r\nand more\r\n",
        )
        .unwrap();
        fs::write(folder.path().join("README"), "not this").unwrap();
        assert_eq!(of("MIT").unwrap(), ["theirs\nand more"]);
    }
}
