//! A limit for all the work of a rendering: hostile templates end in an error before they take much time or memory.
//!
//! Work is counted where it is done, in values that can be nested without end, too. The count belongs to the thread, as a
//! rendering does.

use std::cell::Cell;

use super::value::Value;

/// The units of work that a rendering may take. Templates of real charts take less than a hundredth of it.
const MAX_WORK: u64 = 2 << 30;
/// The units of a list or dict that a function walks through, copies or writes.
const NODE: u64 = 16;
/// The units of each byte of a result, which stays in memory for a while.
const RESULT_BYTE: u64 = 8;
/// The units of an item in a list or dict that is a result.
const RESULT_ITEM: u64 = 128;
/// The units of each byte of a text that a function splits or parses: each can become a value.
const PARSED_BYTE: u64 = 256;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(MAX_WORK) };
}

/// Begins a rendering.
pub(super) fn reset() {
    LEFT.set(MAX_WORK);
}

/// Takes units. Returns whether any are left.
pub(super) fn spend(units: u64) -> bool {
    let left = LEFT.get().saturating_sub(units);
    LEFT.set(left);
    left > 0
}

/// Takes the units of a list or dict that is walked through. Returns whether any are left; if not, the walk can end,
/// because its result does not count.
pub(super) fn spend_node() -> bool {
    spend(NODE)
}

/// Takes the units of text that was rendered.
pub(super) fn spend_output(text: &str) -> bool {
    spend(RESULT_BYTE.saturating_mul(text.len() as u64))
}

/// Takes the units of a function's call, as far as the arguments tell.
pub(super) fn spend_call(function: &str, args: &[Value]) -> bool {
    let length = |value: &Value| match value {
        Value::Str(text) => text.len() as u64,
        Value::List(.., items) => NODE * items.len() as u64,
        _ => 1,
    };
    let sum = args.iter().map(length).fold(0, u64::saturating_add);
    let name = function.strip_prefix("must").unwrap_or(function);
    let times = match name.as_bytes() {
        [b'r' | b'R', b'e', b'g', b'e', b'x', ..] => args.first().map_or(1, pattern_size),
        _ if name.starts_with("split")
            || matches!(
                name,
                "fromJson" | "fromYaml" | "fromJsonArray" | "fromYamlArray"
            ) =>
        {
            PARSED_BYTE
        }
        _ => 1,
    };
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

/// Returns a bound for the size of a compiled regular expression: its length, as often as its repetitions say.
fn pattern_size(pattern: &Value) -> u64 {
    let Value::Str(pattern) = pattern else {
        return 1;
    };
    let counts = pattern.split('{').skip(1).filter_map(|rest| {
        let counts = rest.split('}').next()?;
        counts
            .split(',')
            .filter_map(|count| count.parse::<u64>().ok())
            .max()
    });
    counts.fold(pattern.len() as u64, |size, count| {
        size.saturating_mul(count.max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply_the_size_of_a_pattern() {
        let table = [
            ("", 0),
            ("abc", 3),
            ("a{3}", 12),
            ("(a{2,5}){10}", 600),
            ("a{,x}{", 6),
        ];
        for (pattern, want) in table {
            assert_eq!(pattern_size(&Value::str(pattern)), want, "{pattern}");
        }
    }
}
