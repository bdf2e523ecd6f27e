//! Detects the format of a digest file.

use super::lines::{self, LogLine};
use super::{Format, docker_images, json, name_lines, values_yaml};

/// Detects the format by the first construct that only one format has.
pub(super) fn detect(text: &str) -> Option<Format> {
    if json::looks_like(text) {
        return json::detect(text);
    }
    if lines::of(text).any(|line| values_yaml::is_root(line.text)) {
        return Some(Format::ValuesYaml);
    }
    // The log of a job may show `docker images` output before its `name: digest` lines. The lines take precedence.
    let mut has_rows = false;
    for line in lines::of(text) {
        let line = LogLine::new(line);
        if name_lines::entry(&line).is_some() {
            return Some(Format::NameLines);
        }
        has_rows = has_rows || docker_images::looks_like_row(&line);
    }
    has_rows.then_some(Format::DockerImages)
}
