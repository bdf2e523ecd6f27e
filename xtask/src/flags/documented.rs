//! The tasks in the documentation exist, with these flags.

use std::fs;
use std::path::Path;

use super::parse;

#[test]
fn every_documented_task_has_these_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let mut pages: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.push(root.join("README.md"));
    let mut found = 0;
    for page in pages
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
    {
        let text = fs::read_to_string(page).unwrap();
        for line in text.lines().map(str::trim) {
            let Some(arguments) = line.strip_prefix("cargo xtask ") else {
                continue;
            };
            found += 1;
            // A comment or a redirection of the shell.
            let arguments = arguments.split(['#', '>']).next().unwrap_or_default();
            let words = ["xtask"].into_iter().chain(arguments.split_whitespace());
            let parsed = parse(words).map_err(|error| error.to_string());
            assert!(parsed.is_ok(), "{}: {line}: {parsed:?}", page.display());
        }
    }
    assert!(found > 5, "only {found} tasks");
}
