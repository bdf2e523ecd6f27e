//! `cargo xtask bump`: makes a release the one that the workspace builds, in `Cargo.toml`, the chart and the changelog.
//!
//! Everything is read and checked before anything is written, and a file that is as it should be is not written again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image_pins::{FileError, ReleaseName};

use crate::atomic::{self, Replacement};
use crate::changelog::{self, ChangelogError};
use crate::output::print;
use crate::package_chart::default_release;
use crate::release_files::{CHART, MANIFEST, chart_of, manifest_of, read, read_pins};
use crate::source_date::{SourceDate, SourceDateError};
use crate::{Exit, diff, flags};

/// Changes the files, or prints how they would change. Writes errors to `err`.
pub fn run(flags: &flags::Bump, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match bump(flags, out) {
        Ok(()) => Exit::Done,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = error.report(err);
            Exit::Refused
        }
    }
}

/// Why the files do not name the release.
#[derive(Debug, thiserror::Error)]
enum BumpError {
    #[error("the input is wrong")]
    Input(Vec<FileError>),
    #[error("{MANIFEST} has the later release {present}")]
    Older { present: ReleaseName },
    #[error(transparent)]
    Date(#[from] SourceDateError),
    #[error("{path}: cannot write it: {error}")]
    Write { path: PathBuf, error: io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl BumpError {
    fn report(&self, err: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Input(errors) => errors
                .iter()
                .try_for_each(|error| writeln!(err, "error: {error}"))?,
            _ => writeln!(err, "error: {self}")?,
        }
        match self {
            Self::Older { .. } => writeln!(
                err,
                "  hint: make a release of an earlier version on its own branch, such as release-v1.2"
            )?,
            Self::Date(_) => writeln!(
                err,
                "  hint: set SOURCE_DATE_EPOCH to the seconds since 1970, such as $(git log -1 --format=%ct)"
            )?,
            Self::Write { .. } => {
                return writeln!(
                    err,
                    "  hint: free disk space or fix the permissions, then run the same command again"
                );
            }
            Self::Output(_) => return Ok(()),
            Self::Input(_) => {}
        }
        writeln!(err, "nothing was changed")
    }
}

fn bump(flags: &flags::Bump, out: &mut dyn Write) -> Result<(), BumpError> {
    let (workspace, release) = (&flags.workspace, &flags.release);
    // A channel has no version that could be later.
    if let Ok(present) = default_release(&workspace.join(MANIFEST))
        && present > *release
    {
        return Err(BumpError::Older { present });
    }
    let date = SourceDate::new(flags.source_date_epoch.as_deref(), workspace)?;
    let texts = [
        changed(workspace, MANIFEST, |text| manifest_of(text, release)),
        changed(workspace, CHART, |text| chart_of(text, release)),
        changed(workspace, changelog::FILE, |text| {
            changelog::with_release(text, release, &date.day()).map_err(explained)
        }),
    ];
    // A release without pins cannot be built.
    let mut errors: Vec<FileError> = read_pins(workspace, release).err().into_iter().collect();
    let mut files = Vec::new();
    for text in texts {
        match text {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(BumpError::Input(errors));
    }
    let (changes, same): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.old != file.new);
    if flags.dry_run {
        let diffs = changes
            .iter()
            .map(|file| diff::unified(&file.path, Some(&file.old), &file.new));
        return Ok(print(out, &diffs.collect::<String>())?);
    }
    let absolute: Vec<Replacement> = changes
        .iter()
        .map(|file| Replacement {
            path: workspace.join(&file.path),
            old: file.old.clone(),
            new: file.new.clone(),
        })
        .collect();
    atomic::replace_all(&absolute).map_err(|(path, error)| BumpError::Write {
        path: path.to_owned(),
        error,
    })?;
    let line = |file: &Replacement, what: &str| format!("{} {what}\n", file.path.display());
    let written = changes
        .iter()
        .map(|file| line(file, &format!("now names {release}")));
    let others = same.iter().map(|file| line(file, "is up to date"));
    Ok(print(out, &written.chain(others).collect::<String>())?)
}

/// Returns how a file of the workspace changes. The path is that in the workspace.
fn changed(
    workspace: &Path,
    file: &str,
    change: impl FnOnce(&str) -> Result<String, FileError>,
) -> Result<Replacement, FileError> {
    let old = read(workspace, file)?;
    Ok(Replacement {
        path: file.into(),
        new: change(&old)?,
        old,
    })
}

fn explained(error: ChangelogError) -> FileError {
    let hint = match error {
        ChangelogError::NoSection => "add `## Unreleased` with the changes since the last release",
        ChangelogError::Empty => "write what changed for users since the last release",
    };
    FileError::whole(Path::new(changelog::FILE), error).with_hint(hint)
}
