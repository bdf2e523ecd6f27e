//! "Did you mean …?": finds the candidate that a misspelled word probably meant.

/// Returns the candidate with the fewest edits, if they are at most a third of its length; of several the first in the
/// alphabet, because candidates may come in any order.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let edits = |candidate: &str| strsim::osa_distance(&word, &candidate.to_lowercase());
    let most = |candidate: &str| (candidate.len() / 3).max(1);
    candidates
        .into_iter()
        // Comparing lengths first keeps long words cheap.
        .filter(|candidate| word.len().abs_diff(candidate.len()) <= most(candidate))
        .map(|candidate| (edits(candidate), candidate))
        .filter(|(edits, candidate)| *edits <= most(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_candidates_does_not_matter() {
        for candidates in [["b", "a"], ["a", "b"]] {
            assert_eq!(nearest("r", candidates), Some("a"));
        }
        assert_eq!(nearest("includes", ["indent", "include"]), Some("include"));
    }
}
