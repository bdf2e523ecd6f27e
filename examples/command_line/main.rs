//! Writes what belongs to the command line of `osm`: man pages, completion scripts, and the reference of the
//! documentation.
//!
//!     cargo run --example command_line -- --man DIR --date 2026-12-01 --completions DIR --reference DIR

mod man;
mod reference;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, ValueEnum as _, value_parser};
use osm::cli::reference::Shell;

/// Files to write, by their names.
type Files = Vec<(String, String)>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = |name: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name("DIR").help(help);
        arg.value_parser(value_parser!(PathBuf))
    };
    let command = Command::new("command_line")
        .about("Write man pages, completion scripts and the reference of the command line")
        .arg(folder("man", "Folder for a man page of each command").requires("date"))
        .arg(
            Arg::new("date")
                .long("date")
                .value_name("YYYY-MM-DD")
                .help("Date of the man pages"),
        )
        .arg(folder(
            "completions",
            "Folder for a completion script of each shell",
        ))
        .arg(folder("reference", "Folder for the reference in Markdown"))
        .arg_required_else_help(true);
    let matches = command.get_matches();
    let write_to = |name: &str, files: Files| match matches.get_one::<PathBuf>(name) {
        Some(folder) => write(folder, files),
        None => Ok(()),
    };
    if let Some(date) = matches.get_one::<String>("date") {
        write_to("man", man::pages(date)?)?;
    }
    write_to("completions", scripts())?;
    write_to("reference", reference::pages()?)
}

/// Returns the completion script of each shell.
fn scripts() -> Files {
    let shells = Shell::value_variants().iter();
    shells
        .map(|shell| (shell.file_name().to_owned(), shell.script().to_owned()))
        .collect()
}

fn write(folder: &Path, files: Files) -> Result<(), Box<dyn Error>> {
    let failed = |path: &Path, error| format!("{}: cannot write: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
