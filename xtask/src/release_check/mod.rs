//! `cargo xtask release-check`: refuses a release that would be wrong, and names everything that has to be mended.

mod generated;
mod pins;
mod problem;
#[cfg(feature = "registry")]
mod registry;
mod rendered;
mod repository;
mod versions;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use image_pins::{Components, FileError, PinFile, ReleaseName};

pub use generated::{GENERATORS, Generator, PIN_FILES};

use crate::import_digests::allowed_unchanged;
use crate::output::print;
use crate::package_chart::default_release;
use crate::release_files::{COMPONENTS, MANIFEST, read, read_pins};
use crate::source_date::SourceDate;
use crate::{Exit, flags, reproducible};
use problem::Problem;
#[cfg(feature = "registry")]
use registry::{check_chart, check_images};

/// Checks a release. Writes a line for each check to `out`, and what does not hold to `err`.
pub fn run(
    flags: &flags::ReleaseCheck,
    generators: &[Generator],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let release = match &flags.release {
        Some(release) => Ok(release.clone()),
        None => default_release(&flags.workspace.join(MANIFEST)),
    };
    let result = release.and_then(|release| {
        let checked = check(flags, &release, generators)?;
        report(&release, &checked, out, err)
            .map_err(|error| format!("cannot write the result: {error}"))
    });
    result.unwrap_or_else(|error| {
        // A failed write to standard error cannot be reported.
        let _ = writeln!(err, "error: {error}");
        Exit::Refused
    })
}

/// What the checks look at.
struct Context<'f> {
    flags: &'f flags::ReleaseCheck,
    workspace: &'f Path,
    release: &'f ReleaseName,
    /// Components that may have the same digest as in another release.
    allowed_unchanged: BTreeSet<String>,
    pins: Result<PinFile, FileError>,
    components: Result<Components, FileError>,
    generators: &'f [Generator],
    /// The client for the registries, if any is asked.
    #[cfg(feature = "registry")]
    client: Option<oci_registry::Client>,
}

impl Context<'_> {
    /// Returns the error with the path of its file in the workspace.
    fn in_workspace(&self, error: &FileError) -> FileError {
        let mut error = error.clone();
        if let Ok(path) = error.path.strip_prefix(self.workspace) {
            error.path = path.to_owned();
        }
        error
    }
}

/// The result of a check.
enum Outcome {
    /// All that was found, which is nothing if the check holds.
    Found(Vec<Problem>),
    /// The check could not be made, or was not asked for.
    NotChecked(&'static str),
}

type Check = fn(&Context<'_>) -> Outcome;

/// Each check with the sentence that holds after it.
const CHECKS: [(&str, Check); 14] = [
    ("the pin file is that of the release", pins::check),
    ("the chart renders pinned images only", rendered::check),
    ("the files name the release", versions::check),
    ("the changelog has the changes", versions::check_changes),
    ("generated files are up to date", generated::check),
    ("everything is committed", repository::check_committed),
    (
        "nothing else has changed since the pre-release",
        repository::check_pre_release,
    ),
    (
        "the commit is on a branch of releases",
        repository::check_branch,
    ),
    (
        "the tags of the commit are those of the release",
        repository::check_tags,
    ),
    ("the time of the build is set", check_time),
    ("two builds of the commit are equal", check_builds),
    (
        "the registry has the images under the tag of the release",
        check_images,
    ),
    (
        "the registry of charts has no other chart of the release",
        check_chart,
    ),
    ("GitHub has no other files of the release", |_| {
        Outcome::NotChecked("the task that uploads them compares them")
    }),
];

/// Without the feature, the flag is for another xtask, which this one runs (see [`crate::with_registry`]).
#[cfg(not(feature = "registry"))]
fn check_images(_: &Context<'_>) -> Outcome {
    Outcome::NotChecked("pass --registry")
}

/// See [`check_images`].
#[cfg(not(feature = "registry"))]
fn check_chart(_: &Context<'_>) -> Outcome {
    Outcome::NotChecked("pass --chart-registry")
}

fn check(
    flags: &flags::ReleaseCheck,
    release: &ReleaseName,
    generators: &[Generator],
) -> Result<Vec<(&'static str, Outcome)>, String> {
    let workspace = &flags.workspace;
    let components = read(workspace, COMPONENTS)
        .and_then(|text| Components::parse(&text, Path::new(COMPONENTS)));
    let allowed_unchanged = match &components {
        Ok(components) => allowed_unchanged(&flags.allow_unchanged, components)
            .map_err(|error| error.to_string())?
            .into_iter()
            .map(ToOwned::to_owned)
            .collect(),
        Err(_) => BTreeSet::new(),
    };
    let context = Context {
        flags,
        allowed_unchanged,
        workspace,
        release,
        pins: read_pins(workspace, release),
        components,
        generators,
        #[cfg(feature = "registry")]
        client: match flags.asks_registries() {
            true => Some(crate::registry::client(&flags.access)?),
            false => None,
        },
    };
    Ok(CHECKS.map(|(what, check)| (what, check(&context))).into())
}

/// All times in a release come from the variable, so that two builds of it are equal.
fn check_time(context: &Context<'_>) -> Outcome {
    Outcome::Found(match &context.flags.source_date_epoch {
        None => vec![Problem::NoSourceDate],
        Some(text) => {
            let error = text.parse::<SourceDate>().err();
            error.into_iter().map(Problem::SourceDate).collect()
        }
    })
}

/// It takes minutes, so it has to be asked for.
fn check_builds(context: &Context<'_>) -> Outcome {
    if !context.flags.reproducible {
        return Outcome::NotChecked("pass --reproducible");
    }
    let mut said = Vec::new();
    let flags = flags::Reproducible { small: false };
    match reproducible::run(&flags, &mut io::sink(), &mut said) {
        Exit::Done => Outcome::Found(Vec::new()),
        _ => {
            let said = String::from_utf8_lossy(&said);
            let said = said.trim().trim_start_matches("error: ").to_owned();
            Outcome::Found(vec![Problem::Builds(said)])
        }
    }
}

fn report(
    release: &ReleaseName,
    checked: &[(&str, Outcome)],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let mut problems = 0;
    for (what, outcome) in checked {
        let line = match outcome {
            Outcome::Found(found) if found.is_empty() => format!("ok           {what}\n"),
            Outcome::Found(_) => format!("FAILED       {what}\n"),
            Outcome::NotChecked(reason) => format!("not checked  {what}: {reason}\n"),
        };
        print(out, &line)?;
        if let Outcome::Found(found) = outcome {
            problems += found.len();
            for problem in found {
                writeln!(err, "error: {problem}")?;
                if let Some(hint) = problem.hint() {
                    writeln!(err, "  hint: {hint}")?;
                }
            }
        }
    }
    if problems == 0 {
        return Ok(Exit::Done);
    }
    let plural = if problems == 1 { "" } else { "s" };
    writeln!(
        err,
        "{problems} problem{plural}: {release} cannot be released"
    )?;
    Ok(Exit::Differs)
}
