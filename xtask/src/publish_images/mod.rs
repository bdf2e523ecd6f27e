//! `cargo xtask publish-images`: copies the images of a release to the registry that users pull from.
//!
//! Nothing is built: what was tested is published, by digest. Everything is read and judged before anything is written, and
//! tags are set last, so that a run that is refused changes nothing, and one that is interrupted shows nothing.

mod digest_files;
mod error;
mod execute;
mod plan;

use std::io::Write;

use image_pins::{Components, RepositoryPrefix, Tag};
use oci_registry::Client;

pub use error::PublishError;

use crate::Exit;
use crate::flags::PublishImages;
use crate::output::print;
use crate::registry::{ComponentImage, block_on, client};
use crate::tools::workspace;
use plan::Plan;

/// The tag of the highest release. It is the only tag that moves.
const LATEST: &str = "latest";

/// Publishes the images, or reports what would be done. Errors are written to `err`.
pub fn run(flags: &PublishImages, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut published = || {
        let components = Components::read(&workspace().join("digests/components.toml"))
            .map_err(PublishError::Components)?;
        let client = client(&flags.access).map_err(PublishError::Access)?;
        block_on(publish(&client, &components, flags, out)).map_err(PublishError::Runtime)?
    };
    match published() {
        Ok(()) => Exit::Done,
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _ = write!(err, "{error}").and_then(|()| err.flush());
            error.exit()
        }
    }
}

/// Publishes the images of a release with a client, or reports to `out` what would be done.
///
/// # Errors
/// The images are not as a release needs them, or the registries refuse something. The message says what was written.
pub async fn publish(
    client: &Client,
    components: &Components,
    flags: &PublishImages,
    out: &mut dyn Write,
) -> Result<(), PublishError> {
    let images = images(components, flags)?;
    if flags.confirm {
        digest_files::check_folder(&flags.digest_dir)?;
    }
    let release = flags.release.to_string();
    let latest: Tag = LATEST.parse().map_err(PublishError::Name)?;
    let release: Tag = release.parse().map_err(PublishError::Name)?;
    let plan = Plan::read(client, &flags.release, [release, latest], images).await;
    let plan = plan.map_err(PublishError::Refused)?;
    let mut print = |text: &str| print(out, text).map_err(PublishError::Output);
    print(&plan.to_string())?;
    if !flags.confirm {
        return print("dry run: nothing was written; to publish these images, add --confirm\n");
    }
    execute::copy(client, &plan)
        .await
        .map_err(PublishError::Copy)?;
    for planned in plan.tags() {
        let set = execute::tag(client, &planned).await;
        set.map_err(PublishError::Tag)?;
    }
    let mut done = String::new();
    for planned in plan.tags() {
        let path = digest_files::write(client, &flags.digest_dir, &planned).await?;
        done.push_str(&format!("wrote {}\n", path.display()));
    }
    print(&format!("{done}published {}\n", plan.release))
}

/// Returns the images of the components of the release, at the source and at the target.
fn images(
    components: &Components,
    flags: &PublishImages,
) -> Result<Vec<[ComponentImage; 2]>, PublishError> {
    let image = |registry: &RepositoryPrefix, component: &str| {
        ComponentImage::new(registry, component).map_err(PublishError::Name)
    };
    let of_release = components.of_release(&flags.release);
    let images: Vec<[ComponentImage; 2]> = of_release
        .map(|component| {
            let name = &component.name;
            Ok([image(&flags.from, name)?, image(&flags.to, name)?])
        })
        .collect::<Result<_, PublishError>>()?;
    match images.first() {
        None => Err(PublishError::NoComponents(flags.release.clone())),
        Some([from, to]) if from.repository == to.repository => {
            Err(PublishError::SameRegistry(flags.to.clone()))
        }
        Some(_) => Ok(images),
    }
}
