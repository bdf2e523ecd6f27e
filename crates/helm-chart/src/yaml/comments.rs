//! The comments of a values file, by the key that they describe.

use std::collections::BTreeMap;

use super::read::{YamlError, parse_with_marks};
use super::scalar::Numbers;

/// Returns the comment of each key that has one: the lines that begin with `#` directly above the key, without an empty line
/// in between. The keys are JSON pointers (RFC 6901). A line loses its `#` and one blank after it, so that the indentation of
/// what a comment quotes remains.
///
/// # Errors
/// As [`parse_documents`](super::parse_documents).
pub fn comments(text: &str) -> Result<BTreeMap<String, String>, YamlError> {
    let (_, marks) = parse_with_marks(text, Numbers::Floats)?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let comment_above = |line: usize| {
        let above = lines.get(..line.checked_sub(1)?)?;
        let begin = above.iter().rposition(|line| !line.starts_with('#'));
        let block = above.get(begin.map_or(0, |at| at + 1)..)?;
        let unmarked = block.iter().map(|line| {
            let line = line.trim_start_matches('#');
            line.strip_prefix(' ').unwrap_or(line)
        });
        let comment = unmarked.collect::<Vec<_>>().join("\n");
        (!comment.is_empty()).then_some(comment)
    };
    let described = marks
        .into_iter()
        .filter_map(|(pointer, (line, _))| Some((pointer, comment_above(line)?)));
    Ok(described.collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_describes_the_key_directly_below_it() {
        let text = "# The file.\n\n# The image.\n#\n#   name:tag\nimage:\n  # Of no key.\n\n  # Registry.\n  \
                    registry: a # behind\n  tag: b\n# One.\na/b: 1\n## Both.\nitems:\n  - # In a list.\n    key: 1\n\
                    text: |\n  # Text.\n  c: 1\nlast: 1\n";
        let found = comments(text).unwrap();
        let expected = [
            ("/a~1b", "One."),
            ("/image", "The image.\n\n  name:tag"),
            ("/image/registry", "Registry."),
            ("/items", "Both."),
        ];
        let expected = expected.map(|(key, comment)| (key.to_owned(), comment.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn a_file_that_is_not_yaml_is_refused() {
        assert_eq!(comments("a: 1\nb: [").unwrap_err().line, 2);
    }
}
