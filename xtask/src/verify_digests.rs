//! `cargo xtask verify-digests`: compares pin files with the images in a registry.

use std::io::Write;

use image_pins::{Digest, FileError, PinFile, ReferenceError, ReleaseName, RepositoryPrefix, Tag};
use oci_registry::Client;
use oci_registry::model::Platform;

use crate::Exit;
use crate::flags::VerifyDigests;
use crate::import_digests::folder::Folder;
use crate::import_digests::workspace_digests;
use crate::output::print;
use crate::registry::{
    ComponentImage, Listed, Problem, block_on, client, each, pinned_images, released_platforms,
};

/// Compares the pin files with a registry. Writes a line for each image to `out`, and what does not hold to `err`.
pub fn run(flags: &VerifyDigests, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match verify(flags, out, err) {
        Ok(exit) => exit,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = writeln!(err, "error: {error}");
            Exit::Refused
        }
    }
}

/// An image of a pin file, and what was found about it.
struct Check {
    image: ComponentImage,
    pinned: Digest,
    /// Whether the registry has the tag of the release.
    is_tagged: bool,
    problems: Vec<Problem>,
}

fn verify(flags: &VerifyDigests, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, String> {
    let files = pin_files(flags).map_err(|error| error.to_string())?;
    let client = client(&flags.access)?;
    let platforms = match flags.platforms.is_empty() {
        true => released_platforms(),
        false => flags.platforms.clone(),
    };
    let (mut total, mut failed) = (0, 0);
    let compared = block_on(async {
        for pins in &files {
            let registry = flags.registry.as_ref().unwrap_or(&pins.registry);
            let checks = check_release(&client, pins, registry, &platforms).await;
            let checks = checks.map_err(|error| error.to_string())?;
            total += checks.len();
            failed += checks.iter().filter(|check| !check.holds()).count();
            let lines: String = checks
                .iter()
                .map(|check| check.line(&pins.release))
                .collect();
            print(out, &lines)
                .map_err(|error| format!("cannot write to standard output: {error}"))?;
            for check in &checks {
                // A failed write to standard error cannot be reported.
                let _ = write!(err, "{}", Listed(&check.problems));
            }
        }
        Ok(())
    });
    compared.map_err(|error| error.to_string()).flatten()?;
    if failed == 0 {
        return Ok(Exit::Done);
    }
    let _ = writeln!(err, "{failed} of {total} images do not hold");
    Ok(Exit::Differs)
}

/// Returns the pin files to check.
fn pin_files(flags: &VerifyDigests) -> Result<Vec<PinFile>, FileError> {
    let workspace = workspace_digests();
    let path = flags.digests_dir.as_deref().unwrap_or(&workspace);
    if let Some(release) = &flags.release {
        let pins = PinFile::read(&path.join(format!("{release}.toml")));
        return match pins {
            Ok(pins) => Ok(vec![pins]),
            Err(error) if error.hint.is_some() => Err(error),
            Err(error) => {
                Err(error.with_hint("to write it, import the digest file of the release"))
            }
        };
    }
    let files = Folder::read(path)?.into_pins()?;
    match files.is_empty() {
        true => Err(FileError::whole(path, "the folder has no pin files")),
        false => Ok(files),
    }
}

/// Checks all images of a release.
async fn check_release(
    client: &Client,
    pins: &PinFile,
    registry: &RepositoryPrefix,
    platforms: &[Platform],
) -> Result<Vec<Check>, ReferenceError> {
    let tag: Tag = pins.release.to_string().parse()?;
    let checks = pinned_images(registry, pins)?
        .into_iter()
        .map(|(image, pinned)| check(client, image, &tag, pinned, platforms));
    Ok(each(checks).await)
}

/// Checks that the pinned image is there, and that the tag of the release has not moved. Mirrors need no tags.
async fn check(
    client: &Client,
    image: ComponentImage,
    tag: &Tag,
    pinned: Digest,
    platforms: &[Platform],
) -> Check {
    let mut problems = Vec::new();
    problems.extend(image.check(client, &pinned, platforms).await.err());
    let mut is_tagged = false;
    match image.resolve(client, tag).await {
        Ok(None) => {}
        Ok(Some(found)) if found == pinned => is_tagged = true,
        Ok(Some(found)) => problems.push(Problem::OtherDigest {
            image: Box::new(image.name.clone()),
            tag: tag.clone(),
            found: Box::new(found),
            wanted: Box::new(pinned),
        }),
        // A registry that cannot be reached is one problem.
        Err(problem) if problems.is_empty() => problems.push(problem),
        Err(_) => {}
    }
    Check {
        image,
        pinned,
        is_tagged,
        problems,
    }
}

impl Check {
    fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    fn line(&self, release: &ReleaseName) -> String {
        let status = match (self.holds(), self.is_tagged) {
            (false, _) => "FAILED",
            (true, true) => "ok",
            (true, false) => "ok, without the tag",
        };
        format!("{release} {}@{}: {status}\n", self.image.name, self.pinned)
    }
}
