//! What archives contain: the program, its license and those of what is compiled into it, and its documentation.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::archive::File;
use super::platform::Platform;
use crate::docs;
use crate::licenses;
use crate::source_date::SourceDate;

/// Files of the workspace that an archive contains as they are.
const FILES: [&str; 2] = ["LICENSE", "README.md"];
/// The file with the licenses of what is compiled in.
const LICENSES: &str = "THIRD-PARTY-LICENSES";
/// The flags of the example that writes man pages and completions, each with the folder of an archive that it fills.
const GENERATED: [(&str, &str); 2] = [("--man", "man"), ("--completions", "completions")];

/// Returns the files of an archive, in a folder with the name of the platform.
///
/// # Errors
/// A file cannot be read, or a license is missing.
pub(super) fn files(
    workspace: &Path,
    target: &str,
    platform: &Platform,
    program: &Path,
    documentation: Vec<(String, Vec<u8>)>,
) -> Result<Vec<File>, String> {
    let file = |path: &str, is_program, content| File {
        path: format!("{platform}/{path}"),
        is_program,
        content,
    };
    let read = |path: &Path| fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let mut files = vec![file(&platform.file_of("osm"), true, read(program)?)];
    for name in FILES {
        files.push(file(name, false, read(&workspace.join(name))?));
    }
    let licenses = licenses::text(workspace, target)?;
    files.push(file(LICENSES, false, licenses.into_bytes()));
    for (path, content) in documentation {
        files.push(file(&path, false, content));
    }
    Ok(files)
}

/// Generates the man pages and the completions, which are the same for each platform.
///
/// # Errors
/// The example cannot be built, or failed.
pub(super) fn documentation(
    workspace: &Path,
    time: SourceDate,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let program = docs::example(workspace)?;
    let mut generator = Command::new(&program);
    generator.args(["--date", &time.day()]);
    for (flag, folder) in GENERATED {
        generator.arg(flag).arg(scratch.path().join(folder));
    }
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", program.display());
    let status = generator.status().map_err(|e| wrong(&e))?;
    if !status.success() {
        return Err(wrong(&status));
    }
    let mut files = Vec::new();
    for (flag, folder) in GENERATED {
        let failed = |error: std::io::Error| wrong(&format!("{flag}: {error}"));
        for entry in fs::read_dir(scratch.path().join(folder)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((
                format!("{folder}/{name}"),
                fs::read(entry.path()).map_err(failed)?,
            ));
        }
    }
    Ok(files)
}
