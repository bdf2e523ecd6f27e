//! The suggestion for a command that does not exist.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, Error};

/// Makes the suggestion for an unknown command the one with the fewest edits: clap compares by other rules, in which the
/// alias `ns` is nearer to `instal` than `install`.
pub(super) fn nearest_command(
    mut error: Error,
    command: &Command,
    arguments: &[OsString],
) -> Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let before = words.take_while(|word| word != unknown);
    let inner = before.fold(command, |command, word| {
        command.find_subcommand(word).unwrap_or(command)
    });
    let names = inner.get_subcommands().flat_map(|command| {
        std::iter::once(command.get_name()).chain(command.get_visible_aliases())
    });
    if let Some(near) = image_pins::nearest(unknown, names) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
    error
}
