//! `cargo xtask import-digests`: turns digest files into pin files.
//!
//! Everything is read and checked before anything is written, so that a refused import changes nothing.

mod checks;
pub(crate) mod folder;
#[cfg(feature = "registry")]
mod from_registry;
mod inputs;
mod report;
pub(crate) mod tags;

#[cfg(feature = "registry")]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use image_pins::nearest;
use image_pins::{Components, FileError};

use crate::diff;
use crate::flags::{ImportDigests, Mode};
use crate::output::print;
use crate::{Exit, atomic};
use checks::Checked;
use folder::{Change, Folder};

pub(crate) const WRITTEN_BY: &str = "cargo xtask import-digests";

/// Imports digest files. Writes the table, the pin files or the diff to `out`, and errors to `err`.
///
/// # Errors
///
/// Errors are written to `err` and reported by [`Exit`].
pub fn run(
    flags: &ImportDigests,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    match import(flags, stdin, out) {
        Ok(exit) => exit,
        Err(failed) => {
            // A failed write to standard error cannot be reported.
            let _ = write!(err, "{failed}").and_then(|()| err.flush());
            Exit::Refused
        }
    }
}

/// Why the import did not finish.
enum Failed {
    /// The input is invalid, and nothing was written.
    Refused(Vec<FileError>),
    /// A pin file could not be written. Those before it were written.
    Write(PathBuf, io::Error),
    /// Standard output could not be written.
    Output(io::Error),
}

impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        Self::Refused(vec![error])
    }
}

impl From<Vec<FileError>> for Failed {
    fn from(errors: Vec<FileError>) -> Self {
        Self::Refused(errors)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errors) => {
                errors
                    .iter()
                    .try_for_each(|error| writeln!(f, "error: {error}"))?;
                writeln!(f, "nothing was written")
            }
            Self::Write(path, error) => {
                writeln!(f, "error: {}: cannot write it: {error}", path.display())?;
                writeln!(
                    f,
                    "  hint: free disk space or fix the permissions, then run the same command again"
                )?;
                writeln!(f, "the file is unchanged")
            }
            Self::Output(error) => writeln!(f, "error: cannot write to standard output: {error}"),
        }
    }
}

fn import(
    flags: &ImportDigests,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<Exit, Failed> {
    let workspace = workspace_digests();
    let folder_path = flags.digests_dir.as_deref().unwrap_or(&workspace);
    let components = folder::components(folder_path, &workspace)?;
    let allowed = allowed_unchanged(&flags.allow_unchanged, &components)?;
    let folder = Folder::read(folder_path)?;
    let (mut all, mut files, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    #[cfg(feature = "registry")]
    let inputs = match (&flags.from_registry, &flags.release) {
        (Some(registry), Some(release)) => {
            let input = from_registry::read(flags, registry, release, &components)?;
            BTreeMap::from([(release.clone(), vec![input])])
        }
        _ => inputs::by_release(flags, stdin)?,
    };
    #[cfg(not(feature = "registry"))]
    let inputs = inputs::by_release(flags, stdin)?;
    for (release, inputs) in inputs {
        match checks::check(&release, &inputs, &components, flags.registry.as_ref()) {
            Ok(checked) => {
                all.push(checked);
                files.push(
                    inputs
                        .into_iter()
                        .map(|input| input.given)
                        .collect::<Vec<_>>(),
                );
            }
            Err(found) => errors.extend(found),
        }
    }
    errors.extend(folder.damaged(&all));
    for one in &all {
        errors.extend(folder.check_others(&all, one, &allowed));
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    if flags.mode == Mode::Check {
        return check(flags, &folder, &all, &files, out);
    }
    let planned = plan(flags, &folder, &all)?;
    for Planned {
        checked,
        text,
        path,
        change,
    } in planned
    {
        if flags.mode == Mode::DryRun {
            print(out, &text)?;
            continue;
        }
        if matches!(change, Change::New | Change::Rewritten | Change::Other) {
            atomic::write(&path, text.as_bytes())
                .map_err(|error| Failed::Write(path.clone(), error))?;
        }
        let before = folder.pins_of(&checked.pins.release);
        print(out, &report::table(&checked.pins, before, &path, &change))?;
    }
    Ok(Exit::Done)
}

/// A pin file to write, and how that changes the existing file.
struct Planned<'a> {
    checked: &'a Checked,
    text: String,
    path: PathBuf,
    change: Change,
}

/// Returns the pin files to write, or an error if any of them may not be written.
fn plan<'a>(
    flags: &ImportDigests,
    folder: &Folder,
    all: &'a [Checked],
) -> Result<Vec<Planned<'a>>, Vec<FileError>> {
    let (mut planned, mut errors) = (Vec::new(), Vec::new());
    for checked in all {
        let text = checked.pins.to_toml(WRITTEN_BY);
        let path = folder.path_of(&checked.pins.release);
        match folder.change(&checked.pins, &text) {
            Ok(Change::Other) if !flags.replace => errors.extend(folder.immutable(checked)),
            // With --replace, the record of the digest file is replaced as well.
            Ok(Change::OtherSource) if flags.replace => {
                planned.push(Planned {
                    checked,
                    text,
                    path,
                    change: Change::Other,
                });
            }
            Ok(change) => planned.push(Planned {
                checked,
                text,
                path,
                change,
            }),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(planned)
    } else {
        Err(errors)
    }
}

/// Compares each pin file with the result of the import.
fn check(
    flags: &ImportDigests,
    folder: &Folder,
    all: &[Checked],
    files: &[Vec<PathBuf>],
    out: &mut dyn Write,
) -> Result<Exit, Failed> {
    let mut exit = Exit::Done;
    for (checked, files) in all.iter().zip(files) {
        let release = &checked.pins.release;
        let path = folder.path_of(release);
        let old = folder.text_of(release)?;
        let new = checked.pins.to_toml(WRITTEN_BY);
        if old.as_deref() == Some(&*new) {
            print(out, &format!("{} is up to date\n", path.display()))?;
            continue;
        }
        exit = Exit::Differs;
        let command = report::fix_command(flags, release, files, old.is_some());
        let diff = diff::unified(&path, old.as_deref(), &new);
        print(
            out,
            &format!(
                "{diff}{} differs; to fix it, run\n    {command}\n",
                path.display()
            ),
        )?;
    }
    Ok(exit)
}

/// Returns the components that `--allow-unchanged` names, by image name or by key.
pub(crate) fn allowed_unchanged<'a>(
    given: &[String],
    components: &'a Components,
) -> Result<BTreeSet<&'a str>, FileError> {
    let mut allowed = BTreeSet::new();
    for given in given {
        if let Some(component) = components
            .by_name(given)
            .or_else(|| components.by_key(given))
        {
            allowed.insert(component.name.as_str());
            continue;
        }
        let names: Vec<&str> = components
            .components
            .iter()
            .map(|component| component.name.as_str())
            .collect();
        let error = FileError::whole(
            Path::new("--allow-unchanged"),
            format_args!("`{given}` is not a component"),
        );
        return Err(match nearest(given, names.iter().copied()) {
            Some(meant) => error.with_hint(format_args!("did you mean `{meant}`?")),
            None => error.with_hint(format_args!("components are {}", names.join(", "))),
        });
    }
    Ok(allowed)
}

/// Returns the folder of pin files in the workspace, relative to the current folder if it is below it.
pub(crate) fn workspace_digests() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let digests = package.parent().unwrap_or(package).join("digests");
    let current = std::env::current_dir().unwrap_or_default();
    digests
        .strip_prefix(current)
        .map(Path::to_owned)
        .unwrap_or(digests)
}
