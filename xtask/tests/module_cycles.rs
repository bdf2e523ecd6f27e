//! No two modules of a crate of the workspace import each other.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use xtask::module_cycles::find_cycles;

/// Finds the circles of a crate of these files.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let prefix = format!("{}/", folder.path().display());
    let found = find_cycles(folder.path()).unwrap().into_iter();
    found.map(|cycle| cycle.replace(&prefix, "")).collect()
}

#[test]
fn a_circle_is_named_with_its_files_and_lines() {
    let two = [
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "//! A.\n\nuse crate::b::{self, B};\n"),
        ("b.rs", "pub struct B;\n\nfn f() {\n    super::a::f();\n}\n"),
    ];
    assert_eq!(
        cycles_of(&two),
        ["crate::a (a.rs:3) → crate::b (b.rs:4) → crate::a"]
    );
    let through_a_re_export = [
        ("lib.rs", "mod room;\n"),
        (
            "room/mod.rs",
            "mod a;\nmod b;\npub use a::A;\npub use std::fs;\n",
        ),
        ("room/a.rs", "use super::b::B;\n"),
        ("room/b.rs", "use super::{A, fs};\n"),
    ];
    assert_eq!(
        cycles_of(&through_a_re_export),
        ["crate::room::a (room/a.rs:1) → crate::room::b (room/b.rs:1) → crate::room::a"]
    );
    let three = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("a.rs", "use crate::{\n    b::{inner::X, Y},\n};\n"),
        ("b/mod.rs", "mod inner;\n"),
        ("b/inner.rs", "use super::super::c::Z;\n"),
        ("c.rs", "use crate::a;\n"),
    ];
    assert_eq!(
        cycles_of(&three),
        ["crate::a (a.rs:1) → crate::b::inner (b/inner.rs:1) → crate::c (c.rs:1) → crate::a"]
    );
}

#[test]
fn what_is_not_a_circle_is_not_taken_for_one() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
        // A parent and its child.
        (
            "a/mod.rs",
            "mod child;\nuse self::child::C;\nuse crate::b::B;\n",
        ),
        ("a/child.rs", "use super::A;\nuse crate::Root;\n"),
        // Comments, strings and unit tests.
        (
            "b.rs",
            "//! See [`crate::a::A`].\n// use crate::a;\nconst TEXT: &str = \"\\\"crate::a::A\";\nconst QUOTE: char = '\"';\n\
             #[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
        ),
    ];
    assert_eq!(cycles_of(&files), [""; 0]);
}

#[test]
fn no_two_modules_of_the_workspace_import_each_other() {
    let workspace = xtask::tools::workspace();
    let mut circles = Vec::new();
    let mut crates = vec![workspace.clone(), workspace.join("xtask")];
    for entry in fs::read_dir(workspace.join("crates")).unwrap() {
        crates.push(entry.unwrap().path());
    }
    assert!(crates.len() > 3, "{crates:?}");
    for folder in crates {
        let name = folder.strip_prefix(&workspace).unwrap_or(Path::new(""));
        let name = name.display().to_string();
        let source = folder.join("src");
        // A program in one file has no modules.
        if fs::read_dir(&source).unwrap().count() == 1 {
            continue;
        }
        let cycles = find_cycles(&source).unwrap();
        if !cycles.is_empty() {
            circles.push(format!("{name:?}:\n{}", cycles.join("\n")));
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}
