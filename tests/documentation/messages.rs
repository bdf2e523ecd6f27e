//! The messages of the page about troubleshooting are those of the program, and no remedy is missing.

use std::path::Path;

use super::output::matches;
use super::page::{Page, files};

/// The files with what a user can do about an error.
const REMEDIES: [&str; 3] = ["hints.rs", "registry_hints.rs", "wait_hints.rs"];

/// Returns the messages in the first columns of the tables of the page. `…` stands for what differs.
fn documented() -> Vec<String> {
    let page = Page::read(Path::new("docs/troubleshooting.md"));
    let rows = page.text.lines().filter(|line| line.starts_with("| `"));
    let columns = rows.filter_map(|row| row.split(" | ").next());
    // Every other part is between the marks of code.
    let messages: Vec<String> = columns
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert!(messages.len() > 50, "{messages:?}");
    messages
}

/// Returns the lines of a source file, with strings that go on in the next line in one.
fn lines(path: &Path) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(path)).unwrap();
    let mut parts = text.split("\\\n");
    let mut joined = parts.next().unwrap().to_owned();
    joined.extend(parts.map(str::trim_start));
    joined.lines().map(str::to_owned).collect()
}

fn has(line: &str, message: &str) -> bool {
    matches(&format!("…{message}…"), line)
}

#[test]
fn documented_messages_are_those_of_the_program() {
    let folders = ["src", "crates/helm-chart/src", "crates/helm-release/src"];
    let libraries = ["crates/image-pins/src", "crates/oci-registry/src"];
    let paths = folders.iter().chain(&libraries);
    let sources: Vec<String> = paths
        .flat_map(|folder| files(folder, "rs"))
        .flat_map(|path| lines(&path))
        .collect();
    let unknown: Vec<String> = documented()
        .into_iter()
        .filter(|message| !sources.iter().any(|line| has(line, message)))
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn every_remedy_is_documented() {
    let documented = documented();
    let mut missing = Vec::new();
    for name in REMEDIES {
        let lines = lines(&Path::new("src/cli").join(name));
        let code: String = lines
            .iter()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        // None of these files has a quote in a string.
        for text in code.split('"').skip(1).step_by(2) {
            let text = text.replace('\n', " ");
            let words = text.split(['{', '}']).step_by(2);
            let letters: usize = words
                .map(|part| part.matches(char::is_alphabetic).count())
                .sum();
            let is_sentence = letters >= 20 && text.contains(' ');
            if is_sentence && !documented.iter().any(|message| has(&text, message)) {
                missing.push(text);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
