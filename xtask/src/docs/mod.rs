//! `cargo xtask docs`: the reference of the documentation, generated from the command line and the chart; and the picture of
//! the benchmarks, drawn from what was measured.

mod chart;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use measurements::Measurement;

use crate::Exit;
use crate::cargo;
use crate::flags;
use crate::test::FEATURES;
use crate::tools::workspace;

/// The folder of the generated pages.
const FOLDER: &str = "docs/reference";
/// What `cargo xtask bench -o json` has printed.
const MEASURED: &str = "docs/benchmarks.json";
/// The picture of it.
const PICTURE: &str = "docs/images/benchmarks.svg";
/// The example of `osm` that generates the pages.
const EXAMPLE: &str = "command_line";

/// Writes the pages that have changed and prints their paths; with `--check`, only reports them.
pub fn run(flags: &flags::Docs, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let pages = generate(&workspace());
    match pages.and_then(|pages| update(&pages, &workspace(), flags.check)) {
        Ok(changed) if changed.is_empty() => Exit::Done,
        Ok(changed) if flags.check => {
            let _ = writeln!(
                err,
                "error: out of date: {}; run `cargo xtask docs`",
                changed.join(", ")
            );
            Exit::Differs
        }
        Ok(changed) => {
            for path in changed {
                let _ = writeln!(out, "{path}");
            }
            Exit::Done
        }
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

/// Returns the paths of the pages of a workspace that are out of date.
///
/// # Errors
/// The pages cannot be generated.
pub(crate) fn stale(workspace: &Path) -> Result<Vec<String>, String> {
    update(&generate(workspace)?, workspace, true)
}

/// A page: its path in the workspace, and its content.
type Page = (String, String);

/// Builds the example, and returns its path. It is built as the tests of the workspace are, which have built everything
/// already.
pub(crate) fn example(workspace: &Path) -> Result<PathBuf, String> {
    let built = cargo::command()
        .args(["build", "--quiet", "--workspace", "--locked", "--example"])
        .arg(EXAMPLE)
        .args(FEATURES)
        .current_dir(workspace)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.success() {
        return Err(format!("the example {EXAMPLE} could not be built"));
    }
    let folder = cargo::target_folder(workspace).join("debug/examples");
    Ok(folder.join(format!("{EXAMPLE}{}", std::env::consts::EXE_SUFFIX)))
}

/// Returns the pages.
fn generate(workspace: &Path) -> Result<Vec<Page>, String> {
    let program = example(workspace)?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let done = std::process::Command::new(&program)
        .arg("--reference")
        .arg(scratch.path())
        .status()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if !done.success() {
        return Err(format!("{} failed ({done})", program.display()));
    }
    let mut pages = read(scratch.path())?;
    let path = workspace.join(MEASURED);
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let measured = fs::read(&path).map_err(|e| failed(&e))?;
    let measured: Vec<Measurement> = serde_json::from_slice(&measured).map_err(|e| failed(&e))?;
    pages.push((PICTURE.to_owned(), chart::draw(&measured)));
    Ok(pages)
}

/// Reads the pages that were generated in a folder, sorted.
fn read(folder: &Path) -> Result<Vec<Page>, String> {
    let failed = |path: &Path, error| format!("{}: {error}", path.display());
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| failed(folder, e))? {
        let path: PathBuf = entry.map_err(|e| failed(folder, e))?.path();
        let content = fs::read_to_string(&path).map_err(|e| failed(&path, e))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        pages.push((format!("{FOLDER}/{name}"), content));
    }
    pages.sort();
    Ok(pages)
}

/// Returns the paths of the pages that differ from those of the workspace. Unless `is_check`, these are written.
fn update(pages: &[Page], workspace: &Path, is_check: bool) -> Result<Vec<String>, String> {
    let mut changed = Vec::new();
    for (name, content) in pages {
        let path = workspace.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        if !is_check {
            let folder = path.parent().unwrap_or(workspace);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, content))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        changed.push(name.clone());
    }
    Ok(changed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_differ_or_are_missing_are_named_and_written() {
        let workspace = tempfile::tempdir().unwrap();
        let page = |name: &str, content: &str| (format!("{FOLDER}/{name}"), content.to_owned());
        let old = [page("a.md", "a"), page("b.md", "b")];
        assert_eq!(update(&old, workspace.path(), false).unwrap().len(), 2);
        let new = [page("a.md", "a"), page("b.md", "other"), page("c.md", "c")];
        let expected = ["docs/reference/b.md", "docs/reference/c.md"];
        // A check changes nothing.
        for is_check in [true, true, false] {
            let changed = update(&new, workspace.path(), is_check).unwrap();
            assert_eq!(changed, expected);
        }
        assert_eq!(update(&new, workspace.path(), true).unwrap(), [""; 0]);
        assert_eq!(read(&workspace.path().join(FOLDER)).unwrap(), new);
    }
}
