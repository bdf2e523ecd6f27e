//! What the rehearsal shows: the binary in the archive, and the chart in the registry, install what was published.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use helm_chart::Chart;
use helm_chart::values::lookup;
use serde_json::Value;

use super::shell::Shell;
use super::{Images, RehearsalError};
use crate::flags::Release;

/// What was published: its place, and the digest of each component.
pub(super) struct Published<'p> {
    pub registry: &'p str,
    pub images: &'p Images,
}

/// Checks that the binary in the archive installs the release by default, and exactly the published images of it.
pub(super) fn check_binary(
    dist: &Path,
    published: &Published<'_>,
    flags: &Release,
    shell: &mut Shell<'_>,
) -> Result<(), RehearsalError> {
    let archive = archive(dist, flags)?;
    let wrong = |problem: String| RehearsalError::Outcome {
        what: archive.display().to_string(),
        problem,
    };
    let program = unpack(&archive, dist).map_err(|error| wrong(error.to_string()))?;
    let rendered = shell.output(&program, &["install", "--dry-run", "--require-pinned"])?;
    published.compare(&rendered).map_err(wrong)?;
    let label = format!("app.kubernetes.io/version: {}", flags.release);
    match rendered.contains(&label) {
        true => Ok(()),
        false => Err(wrong(format!("nothing has the label `{label}`"))),
    }
}

/// Checks that the packaged chart has exactly the published images as its values.
pub(super) fn check_chart(
    dist: &Path,
    published: &Published<'_>,
    flags: &Release,
) -> Result<(), RehearsalError> {
    let version = flags.release.to_string();
    let path = dist.join(format!("osm-{}.tgz", version.trim_start_matches('v')));
    let wrong = |problem: String| RehearsalError::Outcome {
        what: path.display().to_string(),
        problem,
    };
    let chart = Chart::load(&path).map_err(|error| wrong(error.to_string()))?;
    let image = lookup(&chart.values, "osm.image")
        .cloned()
        .unwrap_or_default();
    let digests = image["digest"].as_object().into_iter().flatten();
    let found: BTreeSet<String> = digests
        .filter_map(|(_, digest)| Some(digest.as_str()?.to_owned()))
        .collect();
    let wanted: BTreeSet<String> = published.images.values().map(ToString::to_string).collect();
    if found != wanted {
        return Err(wrong(difference(&found, &wanted)));
    }
    match &image["registry"] {
        Value::String(registry) if registry == published.registry => Ok(()),
        other => Err(wrong(format!(
            "its registry is {other}, not {}",
            published.registry
        ))),
    }
}

impl Published<'_> {
    /// Compares the images of the registry that a text names with those that were published.
    fn compare(&self, text: &str) -> Result<(), String> {
        let start = format!("{}/", self.registry);
        let found: BTreeSet<String> = text
            .split([' ', '"', '\'', '\n', ','])
            .filter(|word| word.starts_with(&start))
            .map(ToOwned::to_owned)
            .collect();
        let images = self.images.iter();
        let wanted: BTreeSet<String> = images
            .map(|(name, digest)| format!("{start}{name}@{digest}"))
            .collect();
        match found == wanted {
            true => Ok(()),
            false => Err(difference(&found, &wanted)),
        }
    }
}

/// Says what two sets do not share.
fn difference(found: &BTreeSet<String>, wanted: &BTreeSet<String>) -> String {
    let list = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let only: Vec<&str> = one.difference(other).map(String::as_str).collect();
        if only.is_empty() {
            "nothing".to_owned()
        } else {
            only.join(", ")
        }
    };
    format!(
        "it lacks {}, and has in addition {}",
        list(wanted, found),
        list(found, wanted)
    )
}

/// Finds the archive for this machine, the only one that was made.
fn archive(dist: &Path, flags: &Release) -> Result<PathBuf, RehearsalError> {
    let failed = |error| RehearsalError::Scratch {
        path: dist.to_owned(),
        error,
    };
    let start = format!("osm-{}-", flags.release);
    for entry in fs::read_dir(dist).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&start) && name.ends_with(".tar.gz") {
            return Ok(path);
        }
    }
    Err(RehearsalError::Outcome {
        what: dist.display().to_string(),
        problem: format!("there is no {start}*.tar.gz"),
    })
}

/// Unpacks the program of an archive into a folder.
fn unpack(archive: &Path, folder: &Path) -> io::Result<PathBuf> {
    let name = format!("osm{}", std::env::consts::EXE_SUFFIX);
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry
            .path()?
            .file_name()
            .is_some_and(|found| *found == *name)
        {
            let program = folder.join(&name);
            entry.unpack(&program)?;
            return Ok(program);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("it has no {name}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_in_a_text_are_exactly_those_that_were_published() {
        let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
        let images = [("init", digest("1a")), ("osm-crds", digest("2b"))];
        let images: Images = images
            .iter()
            .map(|(name, digest)| ((*name).to_owned(), digest.parse().unwrap()))
            .collect();
        let published = Published {
            registry: "127.0.0.1:5000/mesh",
            images: &images,
        };
        let init = format!("image: 127.0.0.1:5000/mesh/init@{}", digest("1a"));
        let crds = format!("image: \"127.0.0.1:5000/mesh/osm-crds@{}\"", digest("2b"));
        let other = "image: envoyproxy/envoy@sha256:00";
        let right = format!("{init}\n{crds}\n{init}\n{other}\n");
        assert_eq!(published.compare(&right), Ok(()));
        let tagged = right.replace(&crds, "image: 127.0.0.1:5000/mesh/osm-crds:v1.2.5");
        let table = [
            (
                format!("{init}\n"),
                format!(
                    "it lacks 127.0.0.1:5000/mesh/osm-crds@{}, and has in addition nothing",
                    digest("2b")
                ),
            ),
            (
                tagged,
                format!(
                    "it lacks 127.0.0.1:5000/mesh/osm-crds@{}, and has in addition 127.0.0.1:5000/mesh/osm-crds:v1.2.5",
                    digest("2b")
                ),
            ),
        ];
        for (text, problem) in table {
            assert_eq!(published.compare(&text), Err(problem));
        }
    }
}
