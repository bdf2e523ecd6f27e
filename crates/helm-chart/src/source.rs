//! Reads the files of a chart: from a folder with a `.helmignore`, or from a packaged chart (.tgz).

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::error::ChartError;
use super::ignore::Ignore;

/// Maximum size of a chart with all its subcharts, unpacked, in bytes.
const MAX_BYTES: u64 = 100 << 20;
/// Maximum number of files in a chart with all its subcharts.
const MAX_FILES: usize = 20_000;
/// Maximum depth of folders. Links can make a folder its own child.
const MAX_DEPTH: usize = 32;

/// A chart's files by their path inside the chart, with `/` between the parts.
pub(super) type Files = Vec<(String, Cow<'static, [u8]>)>;

/// How much a chart may still contain. Its packed subcharts share it, so that small archives cannot add up.
pub(super) struct Budget {
    bytes: u64,
    files: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            bytes: MAX_BYTES,
            files: MAX_FILES,
        }
    }
}

impl Budget {
    /// Takes a file of this many bytes.
    fn take(&mut self, bytes: u64, path: &Path) -> Result<(), ChartError> {
        self.bytes = (self.bytes.checked_sub(bytes)).ok_or_else(|| too_large(path))?;
        self.files = (self.files.checked_sub(1)).ok_or_else(|| {
            let message = format!("the chart and its subcharts have more than {MAX_FILES} files");
            ChartError::at(path, message)
        })?;
        Ok(())
    }
}

/// Reads the chart at a path.
pub(super) fn read(path: &Path, budget: &mut Budget) -> Result<Files, ChartError> {
    let unreadable = |error: &io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; give a chart's folder or .tgz file",
            _ => "",
        };
        ChartError::at(path, format!("cannot read the chart: {error}{hint}"))
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    let mut files = if meta.is_dir() {
        read_folder(path, budget)?
    } else {
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        return unpack(io::BufReader::new(file), path, budget);
    };
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn too_large(path: &Path) -> ChartError {
    ChartError::at(
        path,
        format!(
            "the chart with its subcharts is larger than {} MiB",
            MAX_BYTES >> 20
        ),
    )
}

fn read_folder(folder: &Path, budget: &mut Budget) -> Result<Files, ChartError> {
    let rules = read_rules(folder)?;
    let mut files = Vec::new();
    let mut todo = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((dir, prefix, depth)) = todo.pop() {
        if depth > MAX_DEPTH {
            let message = format!("folders are nested more than {MAX_DEPTH} deep");
            return Err(ChartError::at(&dir, message));
        }
        let failed = |e: io::Error, p: &Path| ChartError::at(p, format!("cannot read: {e}"));
        for entry in std::fs::read_dir(&dir).map_err(|e| failed(e, &dir))? {
            let entry = entry.map_err(|e| failed(e, &dir))?;
            let path = entry.path();
            let base = path
                .file_name()
                .and_then(|n| n.to_str())
                .ok_or_else(|| ChartError::at(&path, "the file's name is not UTF-8"))?;
            let name = format!("{prefix}{base}");
            let meta = std::fs::metadata(&path).map_err(|e| failed(e, &path))?;
            if rules.ignores(&name, meta.is_dir()) {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                check_link(&path, &name, folder).map_err(|reason| ChartError::at(&path, reason))?;
            }
            if meta.is_dir() {
                // Folders count, too: links can make a folder contain itself many times.
                budget.take(0, folder)?;
                todo.push((path, format!("{name}/"), depth + 1));
                continue;
            }
            if !meta.is_file() {
                return Err(ChartError::at(&path, "neither a file nor a folder"));
            }
            budget.take(meta.len(), folder)?;
            // The length is that of the time before: a file can grow, or be one of those that have none.
            let mut bytes = Vec::new();
            File::open(&path)
                .and_then(|file| file.take(meta.len()).read_to_end(&mut bytes))
                .map_err(|e| failed(e, &path))?;
            files.push((name, Cow::Owned(without_bom(bytes))));
        }
    }
    Ok(files)
}

/// Refuses a symbolic link to something outside of the chart's folder: the content of any file of this machine could end
/// up in the cluster. Documents at the top of a chart, such as its licence, are often links to those of a repository.
fn check_link(link: &Path, name: &str, folder: &Path) -> Result<(), String> {
    const DOCUMENTS: [&str; 4] = ["LICENSE", "NOTICE", "README", "CHANGELOG"];
    let failed = |e: io::Error| format!("cannot read: {e}");
    let target = link.canonicalize().map_err(failed)?;
    if target.starts_with(folder.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    let is_document = |name: &str| {
        let stem = name.split('.').next().unwrap_or(name);
        DOCUMENTS
            .iter()
            .any(|document| stem.eq_ignore_ascii_case(document))
    };
    let target_name = target.file_name().and_then(|name| name.to_str());
    if target.is_file() && is_document(name) && target_name.is_some_and(is_document) {
        return Ok(());
    }
    Err(format!(
        "a symbolic link out of the chart's folder, to {}; copy the file into the chart, or package the chart first",
        target.display()
    ))
}

fn read_rules(folder: &Path) -> Result<Ignore, ChartError> {
    let path = folder.join(".helmignore");
    let text = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ChartError::at(&path, format!("cannot read: {error}"))),
    };
    Ignore::parse(&String::from_utf8_lossy(&text))
        .map_err(|(line, message)| ChartError::file(format!("{}:{line}", path.display()), message))
}

/// Unpacks a gzipped tar archive that contains one folder. Returns the files in the order of their paths. Of several files
/// with the same path, the last one counts, as for every program that unpacks archives.
pub(super) fn unpack(
    archive: impl io::Read,
    path: &Path,
    budget: &mut Budget,
) -> Result<Files, ChartError> {
    let limited = flate2::read::MultiGzDecoder::new(archive).take(MAX_BYTES + 1);
    let mut tar = tar::Archive::new(limited);
    let entries = read_entries(&mut tar, path, budget);
    let mut files = match tar.into_inner().limit() {
        0 => return Err(too_large(path)),
        _ => entries?,
    };
    if files.is_empty() {
        return Err(ChartError::at(path, "the archive contains no file"));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            std::mem::swap(&mut later.1, &mut earlier.1);
        }
        is_same
    });
    Ok(files)
}

fn read_entries<R: io::Read>(
    tar: &mut tar::Archive<R>,
    path: &Path,
    budget: &mut Budget,
) -> Result<Files, ChartError> {
    let broken = |error: io::Error| {
        let message = format!("not a packaged chart (a gzipped tar archive): {error}");
        ChartError::at(path, message)
    };
    let mut files = Vec::new();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        let full = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_dir() || kind.is_pax_global_extensions() || full.ends_with('/') {
            continue;
        }
        let name = path_in_chart(&full)
            .map_err(|reason| ChartError::at(path, format!("{full:?} {reason}")))?;
        let mut bytes = Vec::new();
        // As in Helm, a link in an archive is an empty file: what it points to is never read.
        if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            budget.take(entry.size(), path)?;
            entry.read_to_end(&mut bytes).map_err(broken)?;
        } else {
            budget.take(0, path)?;
        }
        files.push((name, Cow::Owned(without_bom(bytes))));
    }
    Ok(files)
}

/// Returns the path of an archive's file inside the chart: without its first part, which is the folder of the chart
/// (`web/`, or `./` in an archive of `tar -C web .`).
fn path_in_chart(full: &str) -> Result<String, &'static str> {
    const OUTSIDE: &str = "lies outside of the chart's folder";
    // An archive that was written on Windows can have backslashes.
    let separator = if full.contains('\\') { '\\' } else { '/' };
    let (folder, rest) = match full.split_once(separator) {
        Some((folder, rest)) => (folder, rest.replace('\\', "/")),
        None if full == "Chart.yaml" => {
            return Err("is at the top of the archive; a packaged chart contains one folder");
        }
        None => return Err(OUTSIDE),
    };
    if folder.is_empty() || folder == ".." || folder == "Chart.yaml" || rest.starts_with('/') {
        return Err(OUTSIDE);
    }
    let mut parts = Vec::new();
    for part in rest.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => parts.pop().map(drop).ok_or(OUTSIDE)?,
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    match path.is_empty() || path.starts_with("..") || has_drive(&path) {
        true => Err(OUTSIDE),
        false => Ok(path),
    }
}

/// Returns whether a path begins with a drive of Windows: `c:/`.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

fn without_bom(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_chart_are_refused() {
        let table = [
            ("web/Chart.yaml", Some("Chart.yaml")),
            ("web/.//templates/a.yaml", Some("templates/a.yaml")),
            ("web/a/../b", Some("b")),
            // `tar -C web -cz .`
            ("./Chart.yaml", Some("Chart.yaml")),
            ("./web/Chart.yaml", Some("web/Chart.yaml")),
            ("web\\templates\\a.yaml", Some("templates/a.yaml")),
            ("Chart.yaml", None),
            ("a.yaml", None),
            ("Chart.yaml/a", None),
            ("/web/Chart.yaml", None),
            ("web//etc/passwd", None),
            ("web/.", None),
            ("web/..", None),
            ("web/../../etc/passwd", None),
            ("web/a/../../b", None),
            ("web/..a", None),
            ("../Chart.yaml", None),
            ("web/c:/a", None),
            ("web\\c:\\a", None),
        ];
        for (path, want) in table {
            assert_eq!(path_in_chart(path).ok().as_deref(), want, "{path}");
        }
    }
}
