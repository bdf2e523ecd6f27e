//! The functions of templates: those of Go, of sprig and of helm that charts commonly use.
//!
//! Missing on purpose: functions whose result differs on each call (random values, keys, the time).
//! The same chart and values always render to the same objects.

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

use super::exec::Machine;
use super::value::Value;
use args::Args;

/// Why a function returns no value.
#[derive(Debug)]
pub(super) enum Error {
    /// The chart refuses (`fail`, `required`).
    Chart(String),
    /// The function was called wrongly, or cannot do what it was asked for.
    Wrong(String),
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::Wrong(message)
    }
}

type Outcome = Result<Value, Error>;
type Body = fn(&mut Machine, &Args<'_>) -> Outcome;

/// A function: its name, the least and the most arguments it takes, and what it does.
type Function = (&'static str, usize, usize, Body);

/// Any number of arguments.
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

/// Functions that the executor answers itself.
const BUILT_IN: [&str; 4] = ["and", "or", "include", "tpl"];

/// Functions of helm that are missing here, with the reason.
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

/// Functions whose result can be nested one level deeper than what they are given.
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

/// Whether the function puts values into a new list or into a dict.
pub(super) fn nests(name: &str) -> bool {
    NESTING.contains(&name)
}

/// Whether there is a function of that name.
pub(super) fn exists(name: &str) -> bool {
    BUILT_IN.contains(&name) || FUNCTIONS.contains_key(name)
}

/// What to add to "there is no function": the reason, or the name that was meant.
pub(super) fn near(name: &str) -> String {
    if let Some((_, reason)) = LEFT_OUT.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return format!(": {reason}");
    }
    let names = FUNCTIONS.keys().copied().chain(BUILT_IN);
    crate::nearest::nearest(name, names)
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default()
}

/// Calls a function.
pub(super) fn call(machine: &mut Machine, name: &str, args: &[Value]) -> Outcome {
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
            "takes {wanted} arguments, was given {}",
            args.len()
        )));
    }
    body(machine, &Args(args))
}
