//! `osm __complete WORD…`: what the last word can become. Completion scripts call it, and kubectl does through
//! `kubectl_complete-osm`.
//!
//! The output is that of Cobra, which kubectl expects of plugins: a candidate a line, with a tab before its description,
//! and in the last line a colon and the sum of what the shell has to do.

mod line;
mod values;

use std::ffi::OsString;

use clap::Command;

use super::called_as::CalledAs;
use super::exit::Done;
use super::output::Printer;
use line::{Line, Wanted};

/// The name of the command, which no help lists.
const NAME: &str = "__complete";

/// Add no blank behind the candidate.
const NO_SPACE: u8 = 2;
/// Offer no files.
const NO_FILES: u8 = 4;

/// What the word can become.
#[derive(Debug, Default, PartialEq, Eq)]
struct Candidates {
    /// The candidates, with their descriptions.
    words: Vec<(String, String)>,
    /// Whether more follows without a blank.
    has_more: bool,
    /// Whether it is the path of a file.
    is_file: bool,
}

/// Returns the words to complete, if this command line asks for that.
pub(super) fn words(arguments: &[OsString], called_as: CalledAs) -> Option<&[OsString]> {
    match arguments.split_first()? {
        (_, words) if called_as == CalledAs::KubectlComplete => Some(words),
        (_, [first, words @ ..]) if first == NAME => Some(words),
        _ => None,
    }
}

/// Prints the candidates for the last word.
pub(super) fn run(words: &[OsString], printer: &mut Printer) -> Done {
    let words: Vec<String> = words
        .iter()
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let mut root = super::command();
    root.build();
    let candidates = candidates(&root, &words);
    let mut out = String::new();
    for (word, help) in &candidates.words {
        match help.is_empty() {
            true => out.push_str(&format!("{word}\n")),
            false => out.push_str(&format!("{word}\t{help}\n")),
        }
    }
    let space = if candidates.has_more { NO_SPACE } else { 0 };
    let files = if candidates.is_file { 0 } else { NO_FILES };
    printer.data(&format!("{out}:{}\n", space | files))?;
    Ok(())
}

fn candidates(root: &Command, words: &[String]) -> Candidates {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", words),
    };
    let line = Line::read(root, before);
    let mut found = match line.wanted(current) {
        Wanted::Value(arg, prefix, text) => {
            let mut found = values::of(arg, text, &line);
            found.words.retain(|(word, _)| word.starts_with(text));
            for (word, _) in &mut found.words {
                word.insert_str(0, prefix);
            }
            found
        }
        Wanted::Flag => flags(&line),
        Wanted::Command(argument) => {
            let mut found = match line.is_at_command() {
                true => commands(line.command),
                false => Candidates::default(),
            };
            if let Some(argument) = argument {
                let values = values::of(argument, current, &line);
                found.words.extend(values.words);
                (found.has_more, found.is_file) = (values.has_more, values.is_file);
            }
            found
        }
    };
    found.words.retain(|(word, _)| word.starts_with(current));
    found
}

/// The commands inside of a command.
fn commands(command: &Command) -> Candidates {
    let shown = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set());
    let words = shown.map(|inner| (inner.get_name().to_owned(), first_line(inner.get_about())));
    Candidates {
        words: words.collect(),
        ..Candidates::default()
    }
}

/// The flags that a command shows in its help, less those that are given already and cannot be repeated.
fn flags(line: &Line<'_>) -> Candidates {
    let arguments = line
        .command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set());
    let can_be_given = arguments.filter(|arg| !line.is_complete(arg));
    let words = can_be_given
        .filter_map(|arg| Some((format!("--{}", arg.get_long()?), first_line(arg.get_help()))));
    Candidates {
        words: words.collect(),
        ..Candidates::default()
    }
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let help = help.map(ToString::to_string).unwrap_or_default();
    help.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> Candidates {
        let mut root = super::super::command();
        root.build();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&root, &words)
    }

    /// The candidates, separated by blanks.
    fn words(line: &str) -> String {
        let words: Vec<String> = complete(line)
            .words
            .into_iter()
            .map(|(word, _)| word)
            .collect();
        words.join(" ")
    }

    #[test]
    fn commands_flags_and_values_are_completed() {
        let table = [
            ("inst", "install"),
            ("images l", "list"),
            ("--color never images l", "list"),
            ("install --image-r", "--image-registry"),
            ("install --image-registry x --image-r", ""),
            (
                "install --set a=1 --set",
                "--set --set-string --set-json --set-file --set-literal",
            ),
            ("install --image-pull-policy ", "Always IfNotPresent Never"),
            (
                "install --image-pull-policy=A",
                "--image-pull-policy=Always",
            ),
            ("install --dry-run=s", "--dry-run=server"),
            ("install -o y", "yaml"),
            ("install -oy", "-oyaml"),
            ("images list --release v0.11.", "v0.11.0 v0.11.1"),
            (
                "images list --image-digest osm-c",
                "osm-controller= osm-crds=",
            ),
            ("images explain osm-i", "osm-injector"),
            ("completion f", "fish"),
            ("explain sm", "smi."),
            ("explain osm.image.re", "osm.image.registry"),
            (
                "explain osm.image.",
                "osm.image.digest. osm.image.name. osm.image.pullPolicy osm.image.registry osm.image.tag",
            ),
            ("install --set osm.meshN", "osm.meshName="),
            // Nothing is known of these.
            ("install --timeout ", ""),
            ("images list --kubec", ""),
            ("nothing ", ""),
        ];
        for (line, expected) in table {
            assert_eq!(words(line), expected, "{line}");
        }
        assert!(words("").starts_with("install "), "{}", words(""));
    }

    #[test]
    fn the_shell_knows_when_more_follows_and_when_files_do() {
        let table = [
            ("install", false, false),
            ("install --set osm.meshN", true, false),
            ("explain smi.", false, false),
            ("explain sm", true, false),
            ("install --values ", false, true),
            ("install -f ", false, true),
            ("install --values=a", false, true),
            ("install --osm-chart-path ", false, true),
            ("install --mesh-name", false, false),
        ];
        for (line, has_more, is_file) in table {
            let found = complete(line);
            assert_eq!(
                (found.has_more, found.is_file),
                (has_more, is_file),
                "{line}"
            );
        }
    }

    #[test]
    fn candidates_have_descriptions() {
        let found = complete("instal").words;
        let expected = (
            "install".to_owned(),
            "Install the control plane of a mesh".to_owned(),
        );
        assert_eq!(found, [expected]);
    }
}
