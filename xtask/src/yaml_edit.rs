//! Sets strings in a YAML file and keeps all other lines as they are, with their comments.

use std::fmt::Display;

use helm_chart::values::{insert, lookup};
use helm_chart::yaml::{self, Numbers};
use serde_json::Value;

/// Returns the text with these values, each given by its dotted path. The file, which errors name, must have a string at
/// every path already.
///
/// The parser finds each key. Its line is written again, and then the parser checks that the new text means the old
/// values with the new strings, and nothing else.
///
/// # Errors
///
/// The text is not a YAML mapping, has no string at a path, or has a string that is not on one line with its key.
pub(crate) fn set_strings(
    text: &str,
    file: &str,
    strings: &[(String, String)],
) -> Result<String, String> {
    let failed = |error: &dyn Display| format!("{file}: {error}");
    let (documents, marks) =
        yaml::parse_with_marks(text, Numbers::Floats).map_err(|e| format!("{file}:{e}"))?;
    let Some(Value::Object(mut expected)) = documents.into_iter().next().map(|each| each.value)
    else {
        return Err(failed(&"not a mapping"));
    };
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    for (path, new) in strings {
        let place = marks.get(&format!("/{}", path.replace('.', "/")));
        let (Some(Value::String(_)), Some((number, column))) = (lookup(&expected, path), place)
        else {
            return Err(failed(&format_args!("no string at {path}")));
        };
        if let Some(line) = lines.get_mut(number - 1) {
            let indent: String = line.chars().take(column - 1).collect();
            let key = path.rsplit('.').next().unwrap_or(path);
            // A JSON string is a YAML string (YAML 1.2.2, section 1.2).
            *line = format!("{indent}{key}: {}", Value::from(new.as_str()));
        }
        insert(&mut expected, path, new.as_str().into());
    }
    let edited = lines.join("\n") + "\n";
    match yaml::parse(&edited, Numbers::Floats) {
        Ok(Value::Object(found)) if found == expected => Ok(edited),
        _ => Err(failed(
            &"cannot set the strings: write each of them on one line with its key",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, strings: &[(&str, &str)]) -> Result<String, String> {
        let owned: Vec<_> = strings
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect();
        set_strings(text, "values.yaml", &owned)
    }

    #[test]
    fn strings_are_set_by_their_path_and_comments_stay() {
        let text =
            "# a\na:\n  # b: c\n  tag: ''\n  digest: # of x\n    x: \"\" # old\nb:\n  tag: \"\"\n";
        assert_eq!(
            set(text, &[("a.digest.x", "sha256:1"), ("b.tag", "a \"b\"")]).as_deref(),
            Ok(
                "# a\na:\n  # b: c\n  tag: ''\n  digest: # of x\n    x: \"sha256:1\"\nb:\n  tag: \"a \\\"b\\\"\"\n"
            )
        );
    }

    #[test]
    fn a_string_that_cannot_be_set_is_an_error() {
        for (text, path, message) in [
            ("a:\n  c: x\n", "a.b", "values.yaml: no string at a.b"),
            ("a: 1\n", "a", "values.yaml: no string at a"),
            ("a: &b x\nc: *b\n", "a", "values.yaml: cannot set"),
            ("a: {b: x, c: y}\n", "a.b", "values.yaml: cannot set"),
            ("a: |\n  x\n", "a", "values.yaml: cannot set"),
            ("a: x\n  y\n", "a", "values.yaml: cannot set"),
            ("- a\n", "a", "values.yaml: not a mapping"),
            ("a: [\n", "a", "values.yaml:1:4: "),
        ] {
            let error = set(text, &[(path, "new")]).unwrap_err();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
    }
}
