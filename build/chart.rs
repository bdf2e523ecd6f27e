//! Embeds the chart: a constant with every file of it, and the component keys that it names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A file of the chart: its path inside the chart, where it is, and what it holds.
pub struct ChartFile {
    name: String,
    path: PathBuf,
    text: String,
}

/// Reads all files of the chart, in the order of their names.
///
/// # Errors
/// A sentence that names the file.
pub fn files(chart: &Path) -> Result<Vec<ChartFile>, String> {
    let mut found = Vec::new();
    let mut folders = vec![chart.to_owned()];
    while let Some(folder) = folders.pop() {
        println!("cargo::rerun-if-changed={}", folder.display());
        let failed = |e: std::io::Error| format!("{}: cannot read: {e}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(chart).unwrap_or(&path);
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            let name = parts.join("/");
            // Nothing reads the rules of what to leave out once the files are chosen.
            if name == ".helmignore" {
                continue;
            }
            println!("cargo::rerun-if-changed={}", path.display());
            let text = std::fs::read_to_string(&path)
                .map_err(|e| format!("{}: cannot read: {e}", path.display()))?;
            let path = std::path::absolute(&path).map_err(failed)?;
            found.push(ChartFile { name, path, text });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The component keys that templates hand to the image helper (`"key" "osmController"`), each with
/// where it stands. Keys with a dot name other values.
pub fn component_keys(files: &[ChartFile]) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.name.starts_with("templates/"))
    {
        for (i, line) in file.text.lines().enumerate() {
            for rest in line.split("\"key\" \"").skip(1) {
                let key = rest.split('"').next().unwrap_or_default();
                if !key.contains('.') {
                    keys.push((
                        key.to_owned(),
                        format!("charts/osm/{}:{}", file.name, i + 1),
                    ));
                }
            }
        }
    }
    keys
}

/// Writes `chart.rs`: the files as `(name, bytes)`.
///
/// # Errors
/// A sentence that names the file that cannot be written.
pub fn embed(files: &[ChartFile]) -> Result<(), String> {
    let mut code = String::from("&[\n");
    for file in files {
        let path = file.path.to_string_lossy();
        let _ = writeln!(code, "    ({:?}, include_bytes!({path:?})),", file.name);
    }
    code.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: not run by cargo")?;
    let out = Path::new(&out).join("chart.rs");
    if std::fs::read_to_string(&out).is_ok_and(|old| old == code) {
        return Ok(());
    }
    std::fs::write(&out, code).map_err(|e| format!("{}: cannot write: {e}", out.display()))
}
