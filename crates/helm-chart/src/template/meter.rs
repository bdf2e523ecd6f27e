//! A limit for all the work of a rendering: hostile templates end in an error before they take much time or memory.
//!
//! Work is counted where it is done, in values that can be nested without end, too. The count belongs to the thread, as a
//! rendering does.

use std::cell::Cell;

use super::limits::MAX_OUTPUT;
use super::value::Value;

/// The units of work that a rendering may take. Templates of real charts take less than a hundredth of it. Tests, which are
/// not optimized, take less.
const MAX_WORK: u64 = if cfg!(test) { 64 << 20 } else { 2 << 30 };
/// The units of a value that a function walks through.
const NODE: u64 = 64;
/// The units of a value that a function copies.
const COPIED_NODE: u64 = 256;
/// The units of a call of a template.
const CALL: u64 = 400;
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

/// Takes the units of a value that is copied, as [`spend_node`].
pub(super) fn spend_copy() -> bool {
    spend(COPIED_NODE)
}

/// Takes the units of a call of a template, whose text is parsed for `tpl`: that takes much more memory than the text.
pub(super) fn spend_template(parsed: &str) -> bool {
    spend(CALL.saturating_add(100u64.saturating_mul(parsed.len() as u64)))
}

/// Takes the units of text that was rendered.
pub(super) fn spend_output(text: &str) -> bool {
    spend(RESULT_BYTE.saturating_mul(text.len() as u64))
}

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
        || is_regex && (name.contains("Split") || name.contains("FindAll"));
    let pattern = args.first().filter(|_| is_regex).map_or(1, pattern_size);
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
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::{Chart, Target};

    /// Templates, each in one file of a chart.
    const TEMPLATES: &[&str] = &[
        r#"{{ repeat 1000000000 "x" | len }}"#,
        "{{ until 1000000000 | len }}",
        "{{ untilStep 0 1000000000 1 | len }}",
        "{{ seq 1 1000000000 | len }}",
        "{{ range 1000000000 }}{{ end }}",
        r#"{{ indent 1000000000 "a" | len }}"#,
        r#"{{ printf "%1000000000d" 1 | len }}"#,
        r#"{{ join (repeat 10000000 "x") (until 1000) | len }}"#,
        r#"{{ replace "x" (repeat 10000 "y") (repeat 1000000 "x") | len }}"#,
        // Strings that double, or that are kept.
        r#"{{ $x := "x" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}"#,
        r#"{{ $l := list }}{{ range 100 }}{{ $l = append $l (repeat 60000000 "x") }}{{ end }}{{ len $l }}"#,
        r#"{{ $s := repeat 60000000 "x" }}{{ cat $s $s $s $s $s $s | len }}"#,
        r#"{{ range 100 }}{{ repeat 10000000 "x" }}{{ end }}"#,
        // Lists that grow.
        "{{ $l := until 1000000 }}{{ range 20 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}",
        "{{ $l := list }}{{ range 200000 }}{{ $l = append $l 1 }}{{ end }}{{ len $l }}",
        r#"{{ splitList "" (repeat 60000000 "x") | len }}"#,
        r#"{{ fromJson (printf "{\"a\":[%s1]}" (repeat 20000000 "1,")) | len }}"#,
        r#"{{ fromYaml (printf "a: [%s]" (repeat 20000000 "1,")) | len }}"#,
        "a: [{{ repeat 20000000 \"1,\" }}]",
        // Values that contain a value many times.
        "{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x | len }}",
        "{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ toYaml $x | len }}",
        r#"{{ $x := list }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ printf "%v" $x | len }}"#,
        "{{ $x := list }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
        "{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ deepCopy $x | len }}",
        "{{ $x := list 1 }}{{ $y := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ $y = list $y $y }}{{ end }}{{ deepEqual $x $y }}",
        r#"{{ $x := dict }}{{ range 40 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ merge (dict) $x | len }}"#,
        // Calls that double.
        r#"{{ define "x" }}{{ if lt . 40 }}{{ include "x" (add1 .) }}{{ include "x" (add1 .) }}{{ end }}{{ end }}{{ include "x" 0 }}"#,
        r#"{{ define "x" }}{{ if lt . 40 }}{{ template "x" (add1 .) }}{{ template "x" (add1 .) }}{{ end }}{{ end }}{{ template "x" 0 }}"#,
        "{{ $t := `{{ if lt .n 40 }}{{ tpl .t (dict \"n\" (add1 .n) \"t\" .t) }}{{ tpl .t (dict \"n\" (add1 .n) \"t\" .t) }}{{ end }}` }}{{ tpl $t (dict \"n\" 0 \"t\" $t) }}",
        // Regular expressions.
        r#"{{ regexMatch "(((a{1,100}){1,100}){1,100})b" (repeat 100000 "a") }}"#,
        r#"{{ regexMatch "(a{1,100}){1,10}b" (repeat 1000000 "a") }}"#,
        r#"{{ range 1000000 }}{{ $_ := $.Files.Glob "{a,b}*{a,b}*{a,b}*{a,b}*{a,b}*{a,b}*x" }}{{ end }}"#,
    ];

    /// No time is measured: without a limit, each of them would run for hours or take all memory.
    #[test]
    fn hostile_templates_end_in_an_error() {
        let document: &'static str = "a".repeat(100).leak();
        for template in TEMPLATES {
            let files: [(&str, &[u8]); 3] = [
                ("Chart.yaml", b"{name: web, version: 1.0.0}"),
                (document, b""),
                ("templates/a.yaml", template.as_bytes()),
            ];
            let chart = Chart::from_memory(files.to_vec().leak(), "web").unwrap();
            let result = chart.render(&Map::new(), &Target::default());
            let error = result.expect_err(template).to_string();
            assert!(
                error.contains("web/templates/a.yaml"),
                "{template}: {error}"
            );
        }
    }

    #[test]
    fn a_rendering_begins_with_all_units() {
        assert!(!spend(u64::MAX));
        let files: [(&str, &[u8]); 2] = [
            ("Chart.yaml", b"{name: web, version: 1.0.0}"),
            ("templates/a.yaml", b"{{ $_ := deepCopy .Values }}"),
        ];
        let chart = Chart::from_memory(files.to_vec().leak(), "web").unwrap();
        assert!(chart.render(&Map::new(), &Target::default()).is_ok());
        assert!(spend(0));
    }

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
