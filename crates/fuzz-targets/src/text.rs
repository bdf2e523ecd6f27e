//! Positions: every error must point into its input.

/// Checks that a position lies within the text or at the end of one of its lines. Lines and columns start at 1; columns
/// count characters.
pub(crate) fn assert_in(text: &str, line: usize, column: usize, what: &dyn std::fmt::Display) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(
        (1..=lines.len()).contains(&line),
        "line {line} of {}: {what}",
        lines.len()
    );
    let width = lines[line - 1].chars().count();
    assert!(
        (1..=width + 1).contains(&column),
        "column {column} of {width} in line {line}: {what}"
    );
}

/// As [`assert_in`], for YAML, where a lone carriage return also ends a line.
pub(crate) fn assert_in_yaml(text: &str, line: usize, column: usize, what: &dyn std::fmt::Display) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    assert_in(&text, line, column, what);
}
