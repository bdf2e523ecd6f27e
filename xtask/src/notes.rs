//! `cargo xtask notes`: the notes of a release in Markdown: its changes, its images, and how to verify what was downloaded.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use image_pins::{Components, FileError, PinFile, ReferenceError, ReleaseName};

use crate::changelog;
use crate::output::print;
use crate::release_files::{COMPONENTS, MANIFEST, read, read_pins, repository};
use crate::{Exit, flags};

/// Where releases are attested.
const GITHUB: &str = "https://github.com/";

/// Prints the notes. Writes errors to `err`.
pub fn run(flags: &flags::Notes, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let result = notes(&flags.workspace, &flags.release).and_then(|notes| Ok(print(out, &notes)?));
    match result {
        Ok(()) => Exit::Done,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

/// Why there are no notes.
#[derive(Debug, thiserror::Error)]
enum NotesError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("digests/{release}.toml: {error}")]
    Image {
        release: ReleaseName,
        error: ReferenceError,
    },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

fn notes(workspace: &Path, release: &ReleaseName) -> Result<String, NotesError> {
    let changes = read(workspace, changelog::FILE)?;
    let changes = changelog::section(&changes, release).filter(|changes| !changes.is_empty());
    let changes = changes.ok_or_else(|| {
        FileError::whole(
            Path::new(changelog::FILE),
            format_args!("there are no changes of {release}"),
        )
        .with_hint(format_args!("run `cargo xtask bump {release}`"))
    })?;
    let pins = read_pins(workspace, release)?;
    let components = Components::parse(&read(workspace, COMPONENTS)?, Path::new(COMPONENTS))?;
    let images = images(&pins, &components).map_err(|error| NotesError::Image {
        release: release.clone(),
        error,
    })?;
    let repository = repository(&read(workspace, MANIFEST)?)?;
    let verification = verification(release, repository.as_deref());
    Ok(format!(
        "## Changes\n\n{changes}\n\n{images}\n{verification}"
    ))
}

/// Returns the tables of images, with names that every container tool understands.
fn images(pins: &PinFile, components: &Components) -> Result<String, ReferenceError> {
    let mut text = "## Images\n\nThe control plane consists of these images. Each is pinned by its digest.\n\n\
         | component | image |\n| --- | --- |\n"
        .to_owned();
    for (name, digest) in &pins.images {
        let image = pins.registry.image(name)?.with_digest(*digest).normalized();
        let _ = writeln!(text, "| {name} | `{image}` |");
    }
    let mut external = components.external.clone();
    external.extend(pins.external.clone());
    if !external.is_empty() {
        text.push_str("\nThird-party images, each with the value of the chart that sets it:\n\n| value | image |\n| --- | --- |\n");
    }
    let prefix = components
        .values
        .as_ref()
        .map(|layout| format!("{}.", layout.external));
    let prefix = prefix.unwrap_or_default();
    for (key, image) in &external {
        let _ = writeln!(text, "| `{prefix}{key}` | `{}` |", image.normalized());
    }
    Ok(text)
}

/// Returns how a user verifies the archives and the images.
fn verification(release: &ReleaseName, repository: Option<&str>) -> String {
    let attested = repository.and_then(|url| url.strip_prefix(GITHUB));
    let mut text = "## Verification\n\nCheck a downloaded archive:\n\n    sha256sum --check --ignore-missing sha256sums.txt\n".to_owned();
    if let Some(repository) = attested {
        let _ = writeln!(
            text,
            "    gh attestation verify osm-{release}-linux-amd64.tar.gz --repo {repository}"
        );
    }
    let _ = write!(
        text,
        "\nList the compiled-in images, which are those above, and check that each is at its registry with all its parts:\n\n    \
         osm images list --release {release}\n    osm images verify --release {release}\n"
    );
    text
}
