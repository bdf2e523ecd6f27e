//! The functions of templates: those of Go, sprig and Helm.
//!
//! Functions whose result differs on each call (random values, keys, the time) run only where the target allows it:
//! otherwise, the same chart and values always render to the same objects.

mod args;
mod case;
mod dates;
mod decimal;
mod dicts;
mod durations;
mod encoding;
mod json_syntax;
mod keys;
mod lists;
mod logic;
mod numbers;
mod passwords;
mod paths;
mod patterns;
mod print;
mod quote;
mod random;
mod strings;
mod toml_text;
mod verbs;
mod work;
mod yaml_text;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lookups::Lookups;
use super::meter;
use super::time::Time;
use super::value::Value;
use crate::go_regex;
use args::Args;

/// The state of functions: compiled regular expressions, the answers of a cluster, and what is allowed.
pub(super) struct Context {
    patterns: HashMap<String, regex::Regex>,
    /// The answers to `lookup`.
    pub lookups: Lookups,
    /// Whether functions run whose result differs on each call.
    allow_random: bool,
}

impl Context {
    pub fn new(lookups: Lookups, allow_random: bool) -> Context {
        Context {
            patterns: HashMap::new(),
            lookups,
            allow_random,
        }
    }

    /// Returns the current time for a function, if it may ask for it.
    fn now(&self, function: &'static str) -> Result<Time, Error> {
        match self.allow_random {
            true => Ok(Time::now()),
            false => Err(Error::Random(function)),
        }
    }

    /// Returns random bytes for a function, if it may draw any.
    fn random(&self, function: &'static str, count: usize) -> Result<Vec<u8>, Error> {
        if !self.allow_random {
            return Err(Error::Random(function));
        }
        let mut bytes = vec![0; count];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::Wrong(format!("the system has no random bytes: {error}")))?;
        Ok(bytes)
    }

    /// Returns the compiled regular expression. Each one is compiled once per rendering.
    fn pattern(&mut self, pattern: &str) -> Result<&regex::Regex, String> {
        if !self.patterns.contains_key(pattern) {
            let regex = go_regex::compile(pattern)
                .map_err(|error| format!("{pattern:?} is not a regular expression: {error}"))?;
            self.patterns.insert(pattern.to_owned(), regex);
        }
        self.patterns.get(pattern).ok_or_else(|| pattern.to_owned())
    }
}

/// An error of a function.
#[derive(Debug)]
pub(super) enum Error {
    /// The chart refuses its values (`fail`, `required`).
    Chart(String),
    /// The arguments are invalid.
    Wrong(String),
    /// The result of this function differs on each call, which is not allowed.
    Random(&'static str),
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::Wrong(message)
    }
}

type Outcome = Result<Value, Error>;
type Body = fn(&mut Context, &Args<'_>) -> Outcome;

/// A function: its name, its minimum and maximum number of arguments, and its body.
type Function = (&'static str, usize, usize, Body);

/// No maximum number of arguments.
const ANY: usize = usize::MAX;

static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    [
        case::TABLE,
        dates::TABLE,
        dicts::TABLE,
        durations::TABLE,
        encoding::TABLE,
        keys::TABLE,
        passwords::TABLE,
        lists::TABLE,
        logic::TABLE,
        numbers::TABLE,
        paths::TABLE,
        patterns::TABLE,
        print::TABLE,
        random::TABLE,
        strings::TABLE,
        toml_text::TABLE,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.0, function))
    .collect()
});

/// Functions that the executor implements.
const BUILT_IN: [&str; 4] = ["and", "or", "include", "tpl"];

/// Functions whose result can be nested one level deeper than their arguments.
const NESTING: [&str; 13] = [
    "list",
    "tuple",
    "dict",
    "set",
    "append",
    "mustAppend",
    "push",
    "mustPush",
    "prepend",
    "mustPrepend",
    "chunk",
    "mustChunk",
    "pluck",
];

/// Returns whether the function puts values into a new list or into a dict.
pub(super) fn nests(name: &str) -> bool {
    NESTING.contains(&name)
}

/// Checks that a function of that name exists.
///
/// # Errors
/// A message with the name that was probably meant.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if BUILT_IN.contains(&name) || FUNCTIONS.contains_key(name) {
        return Ok(());
    }
    let unknown = format!("unknown function {name:?}");
    let names = FUNCTIONS.keys().copied().chain(BUILT_IN);
    Err(match crate::nearest::nearest(name, names) {
        Some(near) => format!("{unknown}; did you mean {near:?}?"),
        None => unknown,
    })
}

/// Calls a function.
pub(super) fn call(context: &mut Context, name: &str, args: &[Value]) -> Outcome {
    let Some((_, least, most, body)) = FUNCTIONS.get(name) else {
        return Err(Error::Wrong("unknown function".to_owned()));
    };
    if args.len() < *least || args.len() > *most {
        let wanted = match (*least, *most) {
            (least, most) if least == most => least.to_string(),
            (least, ANY) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        return Err(Error::Wrong(format!(
            "takes {wanted} arguments, got {}",
            args.len()
        )));
    }
    if !work::spend_call(name, args) {
        return Err(too_much_work());
    }
    match body(context, &Args(args)) {
        Ok(result) if work::spend_result(&result) => Ok(result),
        _ if !meter::spend(0) => Err(too_much_work()),
        error => error,
    }
}

fn too_much_work() -> Error {
    Error::Wrong("the templates take too much work: their values or loops are too large".to_owned())
}
