//! `cargo xtask release --dry-run`: a whole release, from images to the binary that installs them, where nothing but a
//! scratch folder changes.
//!
//! A clone of the workspace runs its own tasks against a registry on this machine, as the release workflows run them. What
//! comes out has to render exactly the images that went in.

mod clone;
mod error;
mod images;
mod outcome;
mod registry;
mod scratch;
mod shell;
mod steps;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use image_pins::{Components, RepositoryPrefix};

use crate::Exit;
use crate::flags::Release;
use crate::registry::{block_on, client};
use crate::tools::workspace;
use error::RehearsalError;
use outcome::Published;
use registry::LocalRegistry;
use scratch::Scratch;
use shell::Shell;
use steps::Places;

/// Where the images are before they are published.
const STAGING: &str = "staging";
/// Where they are published.
const PUBLIC: &str = "mesh";
/// Where the chart is pushed.
const CHARTS: &str = "charts";

/// Rehearses a release. Every command is written to `out` before it runs.
pub fn run(flags: &Release, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match rehearse(flags, out, err) {
        Ok(()) => Exit::Done,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = writeln!(err, "error: {error}").and_then(|()| err.flush());
            error.exit()
        }
    }
}

fn rehearse(
    flags: &Release,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), RehearsalError> {
    let workspace = workspace();
    let scratch = Scratch::open(flags.scratch.as_deref())?;
    if scratch::has_changes(&workspace)? {
        let _ = writeln!(
            err,
            "note: {} has changes that are not committed; the rehearsal is of the last commit",
            workspace.display()
        );
    }
    let mut shell = Shell::new(out, &scratch, &workspace, flags)?;
    clone::clone_workspace(&workspace, &scratch, &mut shell)?;
    let registry = LocalRegistry::start(&workspace, scratch.path())?;
    let address = registry.address();
    let place = |path: &str| format!("{address}/{path}");
    let (staging, public, charts) = (place(STAGING), place(PUBLIC), place(CHARTS));

    shell.say(&format!("# images of {} in {staging}", flags.release))?;
    let components = components(&scratch.workspace())?;
    let client = client(&registry.access()).map_err(RehearsalError::Access)?;
    let made = images::push(&client, &components, &staging, flags);
    let made = block_on(made).map_err(RehearsalError::Runtime)??;

    let (digests, dist) = (scratch.folder("digests")?, scratch.folder("dist")?);
    let places = Places {
        address: &address,
        staging: &staging,
        public: &public,
        charts: &charts,
        digests: &digests,
        dist: &dist,
    };
    for step in steps::steps(flags, &places) {
        shell.run(&step)?;
    }
    let published = Published {
        registry: &public,
        images: &made,
    };
    let dist = Path::new(&dist);
    outcome::check_binary(dist, &published, flags, &mut shell)?;
    outcome::check_chart(dist, &published, flags)?;
    shell.say(&format!(
        "# rehearsed {}: osm installs exactly the {} images that were published",
        flags.release,
        made.len()
    ))?;
    if flags.scratch.is_some() {
        shell.say(&format!("# all of it is in {}", scratch.path().display()))?;
    }
    Ok(())
}

/// The published images: the digest of each component.
type Images = BTreeMap<String, image_pins::Digest>;

fn components(workspace: &Path) -> Result<Components, RehearsalError> {
    Components::read(&workspace.join("digests/components.toml")).map_err(RehearsalError::Components)
}

fn prefix(place: &str) -> Result<RepositoryPrefix, RehearsalError> {
    place.parse().map_err(RehearsalError::Name)
}
