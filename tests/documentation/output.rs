//! Compares what commands print with what the documentation shows.

/// Compares output with a text in which `…` stands for any characters, and a line of only `…` for any lines. Numbers of blanks
/// and empty lines do not count.
///
/// # Errors
/// The first line that is missing, and the output.
pub fn compare(wanted: &str, printed: &str) -> Result<(), String> {
    let (wanted, printed_lines) = (lines(wanted), lines(printed));
    let mut rest = printed_lines.into_iter();
    let mut is_anywhere = false;
    for want in wanted {
        if want == "…" {
            is_anywhere = true;
            continue;
        }
        let is_found = match is_anywhere {
            true => rest.any(|line| matches(&want, &line)),
            false => rest.next().is_some_and(|line| matches(&want, &line)),
        };
        if !is_found {
            return Err(format!("`{want}` is not printed; this is:\n{printed}"));
        }
        is_anywhere = false;
    }
    match rest.next() {
        Some(more) if !is_anywhere => Err(format!(
            "`{more}` is printed, too; all of it is:\n{printed}"
        )),
        _ => Ok(()),
    }
}

/// Returns the lines of a text that are not empty, with single blanks.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// Whether a line is a text in which `…` stands for any characters.
pub fn matches(want: &str, line: &str) -> bool {
    let mut parts = want.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[test]
fn output_may_have_more_only_where_an_ellipsis_is() {
    let table = [
        ("a\nb\n", "a\n\nb\n", true),
        ("a\n…\nd\n", "a\nb\nc\nd\n", true),
        ("a\n…\n", "a\nb\n", true),
        ("a   b\n", "  a b\n", true),
        ("a…d\n", "abcd\n", true),
        ("a…c…\n", "abcd\n", true),
        ("a\n", "a\nb\n", false),
        ("a\nb\n", "a\n", false),
        ("a\n…\nb\n", "a\nc\n", false),
        ("a…d\n", "abc\n", false),
        ("a…x…\n", "abcd\n", false),
        ("b\n", "a\nb\n", false),
    ];
    for (wanted, printed, want) in table {
        assert_eq!(
            compare(wanted, printed).is_ok(),
            want,
            "{wanted:?} {printed:?}"
        );
    }
}
