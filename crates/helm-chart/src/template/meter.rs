//! A limit for all the work of a rendering: hostile templates end in an error before they take much time or memory.
//!
//! Work is counted where it is done, in values that can be nested without end, too. The count belongs to the thread, as a
//! rendering does.

use std::cell::Cell;

/// The units of work that a rendering may take. Templates of real charts take less than a hundredth of it. Tests, which are
/// not optimized, and fuzzing, which renders thousands of templates each second, take less.
const MAX_WORK: u64 = if cfg!(any(test, fuzzing)) {
    4 << 20
} else {
    2 << 30
};
/// The units of a value that a function walks through.
pub(super) const NODE: u64 = 64;
/// The units of a value that a function copies.
const COPIED_NODE: u64 = 256;
/// How many functions that are slow on purpose a rendering may call. Tests may call fewer, because they are not optimized.
const SLOW_CALLS: u64 = if cfg!(test) { 4 } else { 100 };
/// The units of a call of a template.
const CALL: u64 = 400;
/// The units of each byte of a result, which stays in memory for a while.
pub(super) const RESULT_BYTE: u64 = 8;

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

/// Takes the units of a function that is slow on purpose, such as a hash of a password.
pub(super) fn spend_slow() -> bool {
    spend(MAX_WORK / SLOW_CALLS)
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
        // Functions that are slow on purpose.
        r#"{{ range 1000000 }}{{ $_ := derivePassword 1 "long" "a" "b" "c" }}{{ end }}"#,
        // Regular expressions.
        r#"{{ regexReplaceAll "" (repeat 1000000 "a") (repeat 10000 "b") | len }}"#,
        r#"{{ regexReplaceAllLiteral "a" (repeat 1000000 "a") (repeat 10000 "b") | len }}"#,
        r#"{{ regexReplaceAll "(a*)" (repeat 1000000 "a") (repeat 1000 "$1") | len }}"#,
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
}
