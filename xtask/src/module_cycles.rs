//! Finds modules that import each other.
//!
//! Modules are found by their files, and imports by `use` lines and paths that begin with `crate`, `super` or `self`.
//! An import of an item counts for the most specific module that is a file. A module and its children may use each
//! other: that is not a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, as the names in its path from the root of the crate.
type Module = Vec<String>;

/// Where a module imports another: a file and a line in it, from 1.
type Place = (PathBuf, usize);

/// Re-exports: a module and a name in it, with the path of the item.
type Exports = BTreeMap<(Module, String), Module>;

/// The imports of the modules of a crate.
#[derive(Debug, Default)]
struct Graph {
    edges: BTreeMap<Module, BTreeMap<Module, Place>>,
}

/// Returns each cycle of imports among the modules in the `src` folder of a crate, as
/// `crate::a (src/a.rs:1) → crate::b (src/b.rs:2) → crate::a`. Each module is in at most one of them.
///
/// # Errors
///
/// A file cannot be read, or the folder has no modules.
pub fn find_cycles(src: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    collect(src, &mut Vec::new(), &mut files)?;
    if files.is_empty() {
        return Err(format!("{}: no modules found", src.display()));
    }
    let modules: BTreeSet<Module> = files.iter().map(|(module, _)| module.clone()).collect();
    let mut sources = Vec::new();
    let mut exports = Exports::new();
    for (module, path) in files {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        // Unit tests may import anything.
        let code = without_comments_and_strings(&text);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for target in re_exports(code, &module) {
            if let Some(name) = target.last() {
                exports.insert((module.clone(), name.clone()), target);
            }
        }
        sources.push((module, path, code.to_owned()));
    }
    let mut graph = Graph::default();
    for (module, path, code) in &sources {
        for (line, target) in imports(code, module) {
            let Some(target) = resolve(&target, &modules, &exports) else {
                continue;
            };
            if is_family(module, &target) {
                continue;
            }
            let imported = graph.edges.entry(module.clone()).or_default();
            imported
                .entry(target)
                .or_insert_with(|| (path.clone(), line));
        }
    }
    Ok(graph.cycles())
}

/// Returns whether one module is inside the other.
fn is_family(a: &[String], b: &[String]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Finds the files of all modules, in the order of their names, without tests.
fn collect(
    folder: &Path,
    module: &mut Module,
    files: &mut Vec<(Module, PathBuf)>,
) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            module.push(name.into_owned());
            collect(&path, module, files)?;
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut own = module.clone();
            // `main.rs` is a separate crate, which uses the library by its name.
            match &*name {
                "main" if module.is_empty() => continue,
                "lib" if module.is_empty() => {}
                "mod" => {}
                name => own.push(name.to_owned()),
            }
            files.push((own, path));
        }
    }
    Ok(())
}

/// Returns the paths that a module re-exports, absolute in its crate. Paths of other crates are included and match no
/// module.
fn re_exports(code: &str, module: &[String]) -> Vec<Module> {
    let mut found = Vec::new();
    for keyword in ["pub use ", "pub(crate) use ", "pub(super) use "] {
        for (at, _) in code.match_indices(keyword) {
            let rest = &code[at + keyword.len()..];
            let parent = module.get(..module.len().saturating_sub(1));
            let (base, rest) = [
                ("crate::", &[][..]),
                ("super::", parent.unwrap_or_default()),
            ]
            .into_iter()
            .find_map(|(root, base)| Some((base, rest.strip_prefix(root)?)))
            .unwrap_or((module, rest));
            tree(rest, base, &mut found);
        }
    }
    found
}

/// Returns the paths that a module names, absolute in its crate, each with its line.
fn imports(code: &str, module: &[String]) -> Vec<(usize, Module)> {
    let mut found = Vec::new();
    for (start, root) in roots(code) {
        let line = code[..start].matches('\n').count() + 1;
        let mut base = match root {
            "crate" => Vec::new(),
            _ => module.to_vec(),
        };
        let mut rest = &code[start..];
        if root == "crate" || root == "self" {
            rest = &rest[root.len()..];
        }
        while let Some(up) = rest.strip_prefix("super") {
            base.pop();
            rest = up;
            match up.strip_prefix("::") {
                Some(more) if more.starts_with("super") => rest = more,
                _ => break,
            }
        }
        if let Some(rest) = rest.strip_prefix("::") {
            let mut paths = Vec::new();
            tree(rest, &base, &mut paths);
            found.extend(paths.into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// Returns where paths begin that are relative to the crate or to the module.
fn roots(code: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for root in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            let follows = code[at + root.len()..].starts_with("::");
            let is_word = !(before.is_alphanumeric() || matches!(before, '_' | ':' | '$'));
            if follows && is_word {
                found.push((at, root));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Reads a path or a tree of paths (`a::{b, c::d}`) and returns the rest of the code.
fn tree<'a>(text: &'a str, base: &[String], paths: &mut Vec<Module>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                let before = rest.len();
                rest = tree(rest, &path, paths).trim_start();
                // Skips anything that is not a path (`as name`, a comma).
                let next = rest.find([',', '}']).unwrap_or(rest.len());
                rest = rest[next..]
                    .strip_prefix(',')
                    .unwrap_or(&rest[next..])
                    .trim_start();
                if rest.len() == before {
                    break;
                }
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() && name != "self" {
            path.push(name.to_owned());
        }
        match after.strip_prefix("::") {
            Some(more) if !name.is_empty() => rest = more.trim_start(),
            _ => {
                paths.push(path);
                return after;
            }
        }
    }
}

/// Returns the most specific module of a path, following re-exports; `None` for the root of the crate and its items.
fn resolve(path: &[String], modules: &BTreeSet<Module>, exports: &Exports) -> Option<Module> {
    let mut path = path.to_vec();
    // The limit ends re-exports that lead to themselves.
    for _ in 0..8 {
        let through = (0..path.len()).find_map(|i| {
            let is_module = modules.contains(&path[..=i]);
            let export = exports.get(&(path[..i].to_vec(), path[i].clone()))?;
            (!is_module).then(|| [export, &path[i + 1..]].concat())
        });
        match through {
            Some(target) if target != path => path = target,
            _ => break,
        }
    }
    (1..=path.len())
        .rev()
        .map(|length| path[..length].to_vec())
        .find(|prefix| modules.contains(prefix))
}

/// Returns the code without comments and contents of strings. The lines stay the same.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut in_string = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => code.push('\n'),
            '\\' if in_string => {
                if chars.next() == Some('\n') {
                    code.push('\n');
                }
            }
            '"' => {
                in_string = !in_string;
                code.push('"');
            }
            _ if in_string => {}
            '\'' => {
                // The character '"' does not begin a string.
                code.push('\'');
                let mut ahead = chars.clone();
                let first = ahead.next();
                let second = ahead.next();
                if first == Some('\\') || second == Some('\'') {
                    chars.next();
                    if first == Some('\\') {
                        chars.next();
                    }
                }
            }
            '/' if chars.peek() == Some(&'/') => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            c => code.push(c),
        }
    }
    code
}

impl Graph {
    /// Returns one cycle for each set of modules that import each other: the shortest from its first module.
    fn cycles(&self) -> Vec<String> {
        let mut named: BTreeSet<&Module> = BTreeSet::new();
        let mut found = Vec::new();
        for start in self.edges.keys() {
            if named.contains(start) {
                continue;
            }
            let Some(cycle) = self.shortest_cycle(start) else {
                continue;
            };
            named.extend(cycle.iter().copied());
            found.push(self.describe(&cycle));
        }
        found
    }

    /// Returns the modules of the shortest cycle through this one, which comes first.
    fn shortest_cycle<'a>(&'a self, start: &'a Module) -> Option<Vec<&'a Module>> {
        let mut from: BTreeMap<&Module, &Module> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(module) = queue.pop_front() {
            for next in self.edges.get(module).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    let mut cycle = vec![module];
                    let mut at = module;
                    while at != start {
                        at = from.get(at)?;
                        cycle.push(at);
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if !from.contains_key(next) {
                    from.insert(next, module);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn describe(&self, cycle: &[&Module]) -> String {
        let name = |module: &[String]| format!("crate::{}", module.join("::"));
        let mut text = String::new();
        for (i, module) in cycle.iter().enumerate() {
            let next = cycle[(i + 1) % cycle.len()];
            let place = self.edges.get(*module).and_then(|edges| edges.get(next));
            let place = place.map_or_else(String::new, |(path, line)| {
                format!(" ({}:{line})", path.display())
            });
            text.push_str(&format!("{}{place} → ", name(module)));
        }
        text + &cycle
            .first()
            .map_or_else(String::new, |module| name(module))
    }
}
