//! Reads the files of a chart: from a folder with a `.helmignore`, or from a packaged chart (.tgz).

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::error::ChartError;
use super::template::glob_match;

/// Maximum size of an unpacked chart, in bytes.
const MAX_BYTES: u64 = 100 << 20;
/// Maximum number of files in a chart.
const MAX_FILES: usize = 20_000;
/// Maximum depth of folders. Links can make a folder its own child.
const MAX_DEPTH: usize = 32;

/// A chart's files by their path inside the chart, with `/` between the parts.
pub(super) type Files = Vec<(String, Cow<'static, [u8]>)>;

/// Reads the chart at a path.
pub(super) fn read(path: &Path) -> Result<Files, ChartError> {
    let unreadable = |error: &io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; give a chart's folder or .tgz file",
            _ => "",
        };
        ChartError::at(path, format!("cannot read the chart: {error}{hint}"))
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    let mut files = if meta.is_dir() {
        read_folder(path)?
    } else {
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        unpack(io::BufReader::new(file), path)?
    };
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn too_large(path: &Path) -> ChartError {
    ChartError::at(
        path,
        format!("the chart is larger than {} MiB", MAX_BYTES >> 20),
    )
}

fn read_folder(folder: &Path) -> Result<Files, ChartError> {
    let rules = Ignore::read(folder)?;
    let mut files = Vec::new();
    let mut left = MAX_BYTES;
    let mut todo = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((dir, prefix, depth)) = todo.pop() {
        if depth > MAX_DEPTH {
            let message = format!("folders are nested more than {MAX_DEPTH} deep");
            return Err(ChartError::at(&dir, message));
        }
        let failed = |e: io::Error, p: &Path| ChartError::at(p, format!("cannot read: {e}"));
        for entry in std::fs::read_dir(&dir).map_err(|e| failed(e, &dir))? {
            let path = entry.map_err(|e| failed(e, &dir))?.path();
            let base = path
                .file_name()
                .and_then(|n| n.to_str())
                .ok_or_else(|| ChartError::at(&path, "the file's name is not UTF-8"))?;
            let name = format!("{prefix}{base}");
            let meta = std::fs::metadata(&path).map_err(|e| failed(e, &path))?;
            if rules.ignores(&name, meta.is_dir()) {
                continue;
            }
            if meta.is_dir() {
                todo.push((path, format!("{name}/"), depth + 1));
                continue;
            }
            if !meta.is_file() {
                return Err(ChartError::at(&path, "neither a file nor a folder"));
            }
            left = left
                .checked_sub(meta.len())
                .ok_or_else(|| too_large(folder))?;
            let bytes = std::fs::read(&path).map_err(|e| failed(e, &path))?;
            files.push((name, Cow::Owned(without_bom(bytes))));
            if files.len() > MAX_FILES {
                let message = format!("the chart has more than {MAX_FILES} files");
                return Err(ChartError::at(folder, message));
            }
        }
    }
    Ok(files)
}

/// Unpacks a gzipped tar archive that contains one folder.
pub(super) fn unpack(archive: impl io::Read, path: &Path) -> Result<Files, ChartError> {
    let broken = |error: io::Error| {
        let message = format!("not a packaged chart (a gzipped tar archive): {error}");
        ChartError::at(path, message)
    };
    let limited = flate2::read::MultiGzDecoder::new(archive).take(MAX_BYTES + 1);
    let mut tar = tar::Archive::new(limited);
    let mut files = Vec::new();
    let mut left = MAX_BYTES;
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let full = String::from_utf8_lossy(&entry.path_bytes()).replace('\\', "/");
        let name = inside(&full).ok_or_else(|| {
            ChartError::at(path, format!("{full:?} lies outside of the chart's folder"))
        })?;
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| too_large(path))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        files.push((name, Cow::Owned(without_bom(bytes))));
        if files.len() > MAX_FILES {
            return Err(ChartError::at(
                path,
                format!("the chart has more than {MAX_FILES} files"),
            ));
        }
    }
    if files.is_empty() {
        return Err(ChartError::at(path, "the archive holds no file"));
    }
    Ok(files)
}

/// Returns the path without its first folder; `None` if it is not a plain path below one.
fn inside(full: &str) -> Option<String> {
    let path = PathBuf::from(full);
    let mut parts = path.components().filter(|c| *c != Component::CurDir);
    if !matches!(parts.next()?, Component::Normal(_)) {
        return None;
    }
    let rest = parts
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    (!rest.is_empty()).then(|| rest.join("/"))
}

fn without_bom(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    bytes
}

/// The rules of a `.helmignore` file.
struct Ignore(Vec<Rule>);

struct Rule {
    pattern: String,
    negated: bool,
    only_folders: bool,
    /// Whether the rule is matched against the whole path instead of its last part.
    whole_path: bool,
}

impl Ignore {
    fn read(folder: &Path) -> Result<Ignore, ChartError> {
        let path = folder.join(".helmignore");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ChartError::at(&path, format!("cannot read: {error}"))),
        };
        let mut rules = Vec::new();
        for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                let message = format!("line {}: ** is not supported here", i + 1);
                return Err(ChartError::at(&path, message));
            }
            rules.push(Rule::from(line));
        }
        rules.push(Rule::from("templates/.?*"));
        Ok(Ignore(rules))
    }

    fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.0 {
            let applies = !rule.only_folders || is_folder;
            if rule.negated {
                // As in Helm: a negated rule ignores everything that it does not match.
                if !applies || !rule.matches(path) {
                    return true;
                }
            } else if applies && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl From<&str> for Rule {
    fn from(line: &str) -> Rule {
        let (negated, rest) = line
            .strip_prefix('!')
            .map_or((false, line), |rest| (true, rest));
        let (only_folders, rest) = rest
            .strip_suffix('/')
            .map_or((false, rest), |rest| (true, rest));
        let whole_path = rest.contains('/');
        let pattern = rest.strip_prefix('/').unwrap_or(rest).to_owned();
        Rule {
            pattern,
            negated,
            only_folders,
            whole_path,
        }
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let subject = match self.whole_path {
            true => path,
            false => path.rsplit('/').next().unwrap_or(path),
        };
        glob_match(&self.pattern, subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_rules_match_as_in_helm() {
        let rules = Ignore(
            ["*.bak", "docs/", "/top.txt", "sub/*.md"]
                .into_iter()
                .map(Rule::from)
                .collect(),
        );
        let table = [
            ("a.bak", false, true),
            ("x/a.bak", false, true),
            ("docs", true, true),
            ("docs", false, false),
            ("top.txt", false, true),
            ("x/top.txt", false, false),
            ("sub/a.md", false, true),
            ("sub/x/a.md", false, false),
        ];
        for (path, is_folder, want) in table {
            assert_eq!(rules.ignores(path, is_folder), want, "{path}");
        }
    }

    #[test]
    fn paths_that_leave_the_archive_are_refused() {
        let table = [
            ("web/Chart.yaml", Some("Chart.yaml")),
            ("./web/templates/a.yaml", Some("templates/a.yaml")),
            ("Chart.yaml", None),
            ("/web/Chart.yaml", None),
            ("web/../../etc/passwd", None),
            ("../Chart.yaml", None),
        ];
        for (path, want) in table {
            assert_eq!(inside(path).as_deref(), want, "{path}");
        }
    }
}
