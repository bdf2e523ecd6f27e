//! The sections of CHANGELOG.md: one for each release, and one for what is not released yet.

use image_pins::ReleaseName;

/// The file in a workspace.
pub(crate) const FILE: &str = "CHANGELOG.md";

/// The name of the section for what is not released yet.
pub(crate) const UNRELEASED: &str = "Unreleased";

/// Returns the lines below the heading of a release, without blank lines around them; `None` if there is no such heading.
pub(crate) fn section<'t>(text: &'t str, release: &ReleaseName) -> Option<&'t str> {
    let sections = sections(text);
    let section = sections
        .into_iter()
        .find(|section| section.name == release.to_string())?;
    Some(section.body.trim())
}

/// Why the changelog has no changes for a release.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ChangelogError {
    /// There is no section for them.
    #[error("there is no section `## {UNRELEASED}`")]
    NoSection,
    /// The section is empty.
    #[error("the section `## {UNRELEASED}` is empty")]
    Empty,
}

/// Returns the text with the unreleased changes as those of a release of this day, below a new section for the changes
/// after it. A text that has a section of the release stays as it is.
pub(crate) fn with_release(
    text: &str,
    release: &ReleaseName,
    day: &str,
) -> Result<String, ChangelogError> {
    if section(text, release).is_some() {
        return Ok(text.to_owned());
    }
    let unreleased = sections(text)
        .into_iter()
        .find(|section| section.name == UNRELEASED)
        .ok_or(ChangelogError::NoSection)?;
    if unreleased.body.trim().is_empty() {
        return Err(ChangelogError::Empty);
    }
    let (above, below) = text.split_at(unreleased.at);
    Ok(format!("{above}\n## {release} ({day})\n{below}"))
}

struct Section<'t> {
    /// The first word of the heading.
    name: &'t str,
    /// Where the lines below the heading begin.
    at: usize,
    body: &'t str,
}

/// Returns the sections of the second level. A `#` in a fenced block of code is not a heading.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let (mut at, mut is_code) = (0, false);
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        let Some(title) = line.strip_prefix("## ") else {
            continue;
        };
        if let Some(last) = sections.last_mut() {
            last.body = text.get(last.at..begin).unwrap_or_default();
        }
        sections.push(Section {
            name: title.split_whitespace().next().unwrap_or_default(),
            at,
            body: text.get(at..).unwrap_or_default(),
        });
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Changelog\n\nAbout.\n\n## Unreleased\n\n- New.\n  More.\n\n```\n## v9.9.9\n```\n\n## v1.2.4 (2022-08-01)\n\n- Old.\n\n## v1.2.3\n";

    fn release(name: &str) -> ReleaseName {
        name.parse().unwrap()
    }

    #[test]
    fn a_section_has_the_lines_up_to_the_next_heading() {
        for (name, body) in [
            ("v1.2.4", Some("- Old.")),
            ("v1.2.3", Some("")),
            ("v1.2.4-rc.1", None),
            ("v1.2.2", None),
            ("v9.9.9", None),
        ] {
            assert_eq!(section(TEXT, &release(name)), body, "{name}");
        }
    }

    #[test]
    fn unreleased_changes_become_those_of_the_release_once() {
        let once = with_release(TEXT, &release("v1.2.5"), "2026-11-30").unwrap();
        let expected = TEXT.replace(
            "## Unreleased\n\n- New.",
            "## Unreleased\n\n## v1.2.5 (2026-11-30)\n\n- New.",
        );
        assert_eq!(once, expected);
        let again = with_release(&once, &release("v1.2.5"), "2026-12-24");
        assert_eq!(again.as_deref(), Ok(&*once));
        let later = with_release(&once, &release("v1.2.6"), "2026-12-24");
        assert_eq!(later, Err(ChangelogError::Empty));
        let none = with_release("# Changelog\n", &release("v1.2.5"), "2026-11-30");
        assert_eq!(none, Err(ChangelogError::NoSection));
    }
}
