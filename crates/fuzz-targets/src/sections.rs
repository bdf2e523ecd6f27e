//! Several files in one input, which stays readable and can be mutated.

/// The beginning of a line that names the file whose content follows.
const MARK: &str = "=== ";

/// Splits an input at lines such as `=== values.yaml`. What stands before the first belongs to the file `first`.
pub(crate) fn sections<'t>(text: &'t str, first: &'t str) -> Vec<(&'t str, &'t str)> {
    let mut sections = Vec::new();
    let (mut name, mut start, mut at) = (first, 0, 0);
    for line in text.split_inclusive('\n') {
        if let Some(next) = line.strip_prefix(MARK) {
            sections.push((name, &text[start..at]));
            name = next.trim_end();
            start = at + line.len();
        }
        at += line.len();
    }
    sections.push((name, &text[start..]));
    sections.retain(|(_, content)| !content.is_empty());
    sections
}
