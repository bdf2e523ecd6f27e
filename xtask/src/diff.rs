//! Shows how a file would change.

use std::path::Path;

use similar::TextDiff;

/// Returns the difference between two texts of a file in the format of `diff -u`; `None` is a file that does not exist.
pub(crate) fn unified(path: &Path, old: Option<&str>, new: &str) -> String {
    let old_name = if old.is_some() {
        path.display().to_string()
    } else {
        "/dev/null".to_owned()
    };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new);
    diff.unified_diff()
        .context_radius(3)
        .header(&old_name, &path.display().to_string())
        .to_string()
}
