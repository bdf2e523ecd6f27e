//! The work of a call of a function, as far as its arguments and its result tell.

use super::super::limits::MAX_OUTPUT;
use super::super::meter::{NODE, RESULT_BYTE, spend};
use super::super::value::Value;
use crate::go_regex::compiled_size;

/// The units of an item in a list or dict that is a result.
const RESULT_ITEM: u64 = 128;
/// The units of each byte of a text that a function splits or parses: each can become a value.
const PARSED_BYTE: u64 = 256;

/// Takes the units of a function's call, as far as the arguments tell.
pub(super) fn spend_call(function: &str, args: &[Value]) -> bool {
    let length = |value: &Value| match value {
        Value::Str(text) => text.len() as u64,
        Value::List(.., items) => 16 * items.len() as u64,
        _ => 1,
    };
    let sum = args.iter().map(length).fold(0, u64::saturating_add);
    // Functions that only join their arguments have a result of this length.
    let is_long = |value: &Value| matches!(value, Value::Str(_));
    let texts = args.iter().filter(|arg| is_long(arg)).map(length);
    if texts.fold(0, u64::saturating_add) > MAX_OUTPUT as u64 {
        return spend(u64::MAX);
    }
    let name = function.strip_prefix("must").unwrap_or(function);
    let is_regex = name.starts_with("regex") || name.starts_with("Regex");
    let parses = name.starts_with("split")
        || name.starts_with("fromJson")
        || name.starts_with("fromYaml")
        || name.starts_with("fromToml")
        || is_regex && (name.contains("Split") || name.contains("FindAll"));
    let pattern = match args.first() {
        Some(Value::Str(pattern)) if is_regex => compiled_size(pattern),
        _ => 1,
    };
    let times = pattern.saturating_add(if parses { PARSED_BYTE } else { 0 });
    spend(sum.saturating_mul(times))
}

/// Takes the units of a function's result.
pub(super) fn spend_result(result: &Value) -> bool {
    spend(match result {
        Value::Str(text) => RESULT_BYTE.saturating_mul(text.len() as u64),
        Value::List(.., items) => RESULT_ITEM.saturating_mul(items.len() as u64),
        _ => NODE,
    })
}
