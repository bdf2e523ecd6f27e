//! Checks what registries have: the pinned images, each under the tag of the release and for all platforms, and no other
//! chart of the release.

use image_pins::{Digest, PinFile, ReferenceError, ReleaseName, RepositoryPrefix, Tag};
use oci_registry::model::Content;
use oci_registry::{Client, digest_of};

use super::problem::Problem;
use super::{Context, Outcome};
use crate::registry::{ComponentImage, Problem as ImageProblem, block_on, each, pinned_images};
use crate::release_files::chart_versions;
use crate::{flags, package_chart};

/// The name of the chart.
const CHART: &str = "osm";

pub(super) fn check_images(context: &Context<'_>) -> Outcome {
    let (Some(registry), Some(client)) = (&context.flags.registry, &context.client) else {
        return Outcome::NotChecked("pass --registry");
    };
    let Ok(pins) = &context.pins else {
        return Outcome::NotChecked("there are no valid pins");
    };
    let found = match block_on(check(client, registry, pins)) {
        Ok(Ok(found)) => found.into_iter().map(Problem::Image).collect(),
        Ok(Err(error)) => vec![Problem::ImageName(error)],
        Err(error) => vec![Problem::Runtime(error)],
    };
    Outcome::Found(found)
}

async fn check(
    client: &Client,
    registry: &RepositoryPrefix,
    pins: &PinFile,
) -> Result<Vec<ImageProblem>, ReferenceError> {
    let tag: Tag = pins.release.to_string().parse()?;
    let checks = pinned_images(registry, pins)?
        .into_iter()
        .map(|(image, pinned)| check_image(client, image, &tag, pinned));
    Ok(each(checks).await.into_iter().flatten().collect())
}

/// Returns what is wrong with an image: a tag that is missing counts, because the pre-release has published it.
async fn check_image(
    client: &Client,
    image: ComponentImage,
    tag: &Tag,
    pinned: Digest,
) -> Option<ImageProblem> {
    match image.released(client, tag).await {
        Ok(found) if found == pinned => None,
        Ok(found) => Some(ImageProblem::OtherDigest {
            image: Box::new(image.name),
            tag: tag.clone(),
            found: Box::new(found),
            wanted: Box::new(pinned),
        }),
        Err(problem) => Some(problem),
    }
}

/// Checks that the registry of charts has no chart of the release, or the same one: a version never changes.
pub(super) fn check_chart(context: &Context<'_>) -> Outcome {
    let (Some(registry), Some(client)) = (&context.flags.chart_registry, &context.client) else {
        return Outcome::NotChecked("pass --chart-registry");
    };
    let found = match block_on(find_other_chart(context, client, registry)) {
        Ok(found) => found,
        Err(error) => Err(Problem::Runtime(error)),
    };
    Outcome::Found(found.unwrap_or_else(Some).into_iter().collect())
}

/// Returns the problem that the chart in the registry is, if there is one with this version.
async fn find_other_chart(
    context: &Context<'_>,
    client: &Client,
    registry: &RepositoryPrefix,
) -> Result<Option<Problem>, Problem> {
    let image = ComponentImage::new(registry, CHART).map_err(Problem::ImageName)?;
    let [(_, version), _] = chart_versions(context.release);
    let tag: Tag = version.parse().map_err(Problem::ImageName)?;
    let Some(digest) = image.resolve(client, &tag).await.map_err(Problem::Image)? else {
        return Ok(None);
    };
    let manifest = client.manifest(&image.repository, &digest).await;
    let manifest = manifest.map_err(|error| Problem::Image(image.problem(error)))?;
    let ours = digest_of(&packaged(context.release).map_err(Problem::Package)?);
    // The manifest may be that of another program, such as helm. The chart is its only layer.
    let is_ours = match &manifest.content {
        Content::Image { layers, .. } => layers.iter().map(|layer| layer.digest).eq([ours]),
        Content::Index(_) => false,
    };
    let chart = format!("{}:{tag}", image.name);
    Ok((!is_ours).then_some(Problem::OtherChart { chart, ours }))
}

/// Returns the bytes of the packaged chart.
fn packaged(release: &ReleaseName) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let flags = flags::PackageChart {
        release: Some(release.clone()),
        destination: folder.path().to_owned(),
        push: None,
    };
    Ok(package_chart::package(&flags)?.bytes)
}
