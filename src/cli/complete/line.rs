//! The words in front of the one that is completed: the command, its flags, and what comes next.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command};

/// What the words say.
pub struct Line<'c> {
    /// The innermost command.
    pub command: &'c Command,
    /// The flags that are given, with their last values.
    given: BTreeMap<&'c str, String>,
    /// The number of arguments that are no flags.
    positionals: usize,
    /// The flag whose value comes next.
    awaiting: Option<&'c Arg>,
    /// Whether what follows is no flag.
    after_dashes: bool,
}

/// What the next word is.
pub enum Wanted<'c, 't> {
    /// The value of an argument: what is in front of the value in the same word, and the beginning of the value.
    Value(&'c Arg, &'t str, &'t str),
    /// A flag.
    Flag,
    /// A command, or an argument that is no flag.
    Command(Option<&'c Arg>),
}

impl<'c> Line<'c> {
    /// Reads words.
    pub fn read(root: &'c Command, words: &[String]) -> Line<'c> {
        let mut line = Line {
            command: root,
            given: BTreeMap::new(),
            positionals: 0,
            awaiting: None,
            after_dashes: false,
        };
        for word in words {
            line.add(word);
        }
        line
    }

    /// Returns the value of a flag that is given.
    pub fn given(&self, id: &str) -> Option<&str> {
        self.given.get(id).map(String::as_str)
    }

    /// Returns whether a flag is given and cannot be given again.
    pub fn is_complete(&self, arg: &Arg) -> bool {
        let can_repeat = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
        !can_repeat && self.given(arg.get_id().as_str()).is_some()
    }

    /// Returns whether the next word can be a command.
    pub fn is_at_command(&self) -> bool {
        self.positionals == 0 && !self.after_dashes
    }

    /// Returns what the next word is, which begins with `text`.
    pub fn wanted<'t>(&self, text: &'t str) -> Wanted<'c, 't> {
        if let Some(arg) = self.awaiting {
            return Wanted::Value(arg, "", text);
        }
        if let Some((arg, at)) = self.flag(text)
            && let Some((prefix, value)) = text.split_at_checked(at)
            && at > 0
        {
            return Wanted::Value(arg, prefix, value);
        }
        if text.starts_with('-') && !self.after_dashes {
            return Wanted::Flag;
        }
        let mut positionals = self.command.get_positionals();
        let next = positionals.nth(self.positionals);
        // The last one can take more than one value.
        let last = || {
            let last = self.command.get_positionals().last();
            last.filter(|arg| matches!(arg.get_action(), ArgAction::Append))
        };
        Wanted::Command(next.or_else(last))
    }

    fn add(&mut self, word: &str) {
        if let Some(arg) = self.awaiting.take() {
            self.given.insert(arg.get_id().as_str(), word.to_owned());
        } else if word == "--" {
            self.after_dashes = true;
        } else if let Some((arg, at)) = self.flag(word) {
            let value = word.get(at..).filter(|_| at > 0);
            let id = arg.get_id().as_str();
            self.given.insert(id, value.unwrap_or_default().to_owned());
            let needs_value = arg.get_action().takes_values()
                && arg
                    .get_num_args()
                    .is_none_or(|range| range.min_values() > 0);
            self.awaiting = Some(arg).filter(|_| value.is_none() && needs_value);
        } else if let Some(inner) = self.command.find_subcommand(word) {
            self.command = inner;
            self.positionals = 0;
        } else if !word.starts_with('-') || self.after_dashes {
            self.positionals += 1;
        }
    }

    /// Returns the flag that a word is, and where its value begins in the word; zero if it does not contain one.
    fn flag(&self, word: &str) -> Option<(&'c Arg, usize)> {
        if self.after_dashes {
            return None;
        }
        let mut arguments = self.command.get_arguments();
        if let Some(long) = word.strip_prefix("--") {
            let (name, at) = match long.split_once('=') {
                Some((name, _)) => (name, "--=".len() + name.len()),
                None => (long, 0),
            };
            return Some((arguments.find(|arg| arg.get_long() == Some(name))?, at));
        }
        let mut letters = word.strip_prefix('-')?.char_indices();
        let (_, first) = letters.next()?;
        let arg = arguments.find(|arg| arg.get_short() == Some(first))?;
        let at = match (letters.next(), arg.get_action().takes_values()) {
            (Some((at, _)), true) => "-".len() + at,
            _ => 0,
        };
        Some((arg, at))
    }
}
