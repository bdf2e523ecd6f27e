//! Suggestions for misspelled words ("did you mean …?").

/// Returns the candidate with the smallest edit distance to the word, ignoring case, or `None` if the distance is more
/// than a third of its length.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        // Compares lengths first, so that a long word from a damaged file is cheap.
        .filter(|candidate| word.len().abs_diff(candidate.len()) <= most_edits(candidate))
        .map(|candidate| {
            (
                strsim::osa_distance(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(edits, candidate)| *edits <= most_edits(candidate))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn most_edits(candidate: &str) -> usize {
    (candidate.len() / 3).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_a_suggestion_and_another_word_does_not() {
        let candidates = [
            "osm-controller",
            "osm-injector",
            "init",
            "osm-crds",
            "registry",
            "tag",
        ];
        for (word, expected) in [
            ("osm-controler", Some("osm-controller")),
            ("OSM-Injector", Some("osm-injector")),
            ("inti", Some("init")),
            ("osm-crd", Some("osm-crds")),
            ("registy", Some("registry")),
            ("tagg", Some("tag")),
            ("grafana", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, candidates), expected, "{word}");
        }
    }
}
