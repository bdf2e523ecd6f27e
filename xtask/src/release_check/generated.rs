//! Checks that committed files are as their generators write them.

use std::path::Path;

use super::problem::{Names, Problem};
use super::{Context, Outcome};
use crate::docs;
use crate::import_digests::WRITTEN_BY;
use crate::import_digests::folder::Folder;

/// A generator of files that are committed.
#[derive(Clone, Copy)]
pub struct Generator {
    /// The command that writes the files.
    pub command: &'static str,
    /// Returns the files of a workspace that it would write differently.
    pub stale: fn(&Path) -> Result<Vec<String>, String>,
}

/// All generators of the workspace.
pub const GENERATORS: &[Generator] = &[PIN_FILES, REFERENCE];

const REFERENCE: Generator = Generator {
    command: "cargo xtask docs",
    stale: docs::stale,
};

/// The pin files.
pub const PIN_FILES: Generator = Generator {
    command: "cargo xtask import-digests --replace <digest file>",
    stale: stale_pin_files,
};

pub(super) fn check(context: &Context<'_>) -> Outcome {
    let mut problems = Vec::new();
    for generator in context.generators {
        let command = generator.command;
        match (generator.stale)(context.workspace) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => problems.push(Problem::Stale {
                files: Names(files),
                command,
            }),
            Err(message) => problems.push(Problem::Generator { command, message }),
        }
    }
    Outcome::Found(problems)
}

/// Returns the pin files that were edited by hand. Damaged ones are another problem.
fn stale_pin_files(workspace: &Path) -> Result<Vec<String>, String> {
    let folder = Folder::read(&workspace.join("digests")).map_err(|error| error.to_string())?;
    let mut stale = Vec::new();
    for pins in folder.pins() {
        let text = folder
            .text_of(&pins.release)
            .map_err(|error| error.to_string())?;
        if text.is_some_and(|text| text != pins.to_toml(WRITTEN_BY)) {
            stale.push(format!("digests/{}.toml", pins.release));
        }
    }
    Ok(stale)
}
