//! The suggestion for a command that does not exist.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, Error};

/// Commands that users of helm, kubectl or the released CLI type, and what does the same here.
const ELSEWHERE: [(&str, &str); 8] = [
    ("get", "mesh list"),
    ("list", "mesh list"),
    ("ls", "mesh list"),
    ("render", "install --dry-run"),
    ("status", "verify control-plane-health"),
    ("template", "install --dry-run"),
    ("update", "mesh upgrade"),
    ("upgrade", "mesh upgrade"),
];

/// Makes the suggestion for an unknown command what does the same here, or else the one with the fewest edits: clap compares
/// by other rules, in which the alias `ns` is nearer to `instal` than `install`, and `delete` is near to `template`.
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
    let elsewhere = (ELSEWHERE.iter())
        .find(|(name, _)| std::ptr::eq(inner, command) && name == unknown)
        .map(|(_, here)| *here)
        // Without the feature `cluster` there are fewer commands.
        .filter(|here| {
            here.split(' ')
                .next()
                .is_some_and(|name| command.find_subcommand(name).is_some())
        });
    if let Some(meant) = elsewhere.or_else(|| image_pins::nearest(unknown, names)) {
        let meant = ContextValue::Strings(vec![meant.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    } else {
        error.remove(ContextKind::SuggestedSubcommand);
    }
    error
}
