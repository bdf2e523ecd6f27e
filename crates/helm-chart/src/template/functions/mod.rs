//! The functions of templates: those of Go, sprig and Helm.
//!
//! Functions whose result differs on each call (random values, keys, the time) are missing on purpose: the same chart
//! and values always render to the same objects.

mod args;
mod case;
mod decimal;
mod dicts;
mod encoding;
mod lists;
mod logic;
mod numbers;
mod paths;
mod patterns;
mod print;
mod strings;
mod yaml_text;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lookups::Lookups;
use super::meter;
use super::value::Value;
use args::Args;

/// The state of functions: compiled regular expressions, and the answers of a cluster.
pub(super) struct Context {
    patterns: HashMap<String, regex_lite::Regex>,
    /// The answers to `lookup`.
    pub lookups: Lookups,
}

impl Context {
    pub fn new(lookups: Lookups) -> Context {
        Context {
            patterns: HashMap::new(),
            lookups,
        }
    }

    /// Returns the compiled regular expression. Each one is compiled once per rendering.
    fn pattern(&mut self, pattern: &str) -> Result<&regex_lite::Regex, String> {
        if !self.patterns.contains_key(pattern) {
            let regex = regex_lite::Regex::new(pattern)
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
        dicts::TABLE,
        encoding::TABLE,
        lists::TABLE,
        logic::TABLE,
        numbers::TABLE,
        paths::TABLE,
        patterns::TABLE,
        print::TABLE,
        strings::TABLE,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.0, function))
    .collect()
});

/// Functions that the executor implements.
const BUILT_IN: [&str; 4] = ["and", "or", "include", "tpl"];

/// Prefixes of Helm's functions that are missing here, with the reason.
const LEFT_OUT: [(&str, &str); 5] = [
    (
        "rand",
        "its result differs on each call, and rendering is reproducible",
    ),
    (
        "gen",
        "it generates new keys on each call, and rendering is reproducible",
    ),
    (
        "uuid",
        "its result differs on each call, and rendering is reproducible",
    ),
    (
        "now",
        "it depends on the time, and rendering is reproducible",
    ),
    ("date", "functions for dates are not supported"),
];

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
/// A message with the reason why Helm's function is missing, or with the name that was probably meant.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if BUILT_IN.contains(&name) || FUNCTIONS.contains_key(name) {
        return Ok(());
    }
    let unknown = format!("unknown function {name:?}");
    if let Some((_, reason)) = LEFT_OUT.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Err(format!("{unknown}: {reason}"));
    }
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
    if !meter::spend_call(name, args) {
        return Err(too_much_work());
    }
    match body(context, &Args(args)) {
        Ok(result) if meter::spend_result(&result) => Ok(result),
        _ if !meter::spend(0) => Err(too_much_work()),
        error => error,
    }
}

fn too_much_work() -> Error {
    Error::Wrong("the templates take too much work: their values or loops are too large".to_owned())
}
