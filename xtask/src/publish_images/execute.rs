//! Writes to the target: first everything that the images consist of, then their tags.

use image_pins::Digest;
use oci_registry::{Client, CopyImage, CopyOptions, ImageSource};

use super::plan::{Plan, PlannedTag};
use crate::registry::{ComponentImage, Problem};

/// Copies everything that the images consist of. What is there is not sent again.
pub(super) async fn copy(client: &Client, plan: &Plan) -> Result<(), Vec<Problem>> {
    let copies = plan.images().iter().map(|image| {
        (
            &image.target,
            copy_of(&image.source, &image.target, image.digest),
        )
    });
    // What refers to an image, such as its signatures, comes along.
    let options = CopyOptions {
        referrers: true,
        ..CopyOptions::default()
    };
    run(client, copies.unzip(), options).await
}

/// Sets a tag of all images, whose content is there.
pub(super) async fn tag(client: &Client, planned: &PlannedTag<'_>) -> Result<(), Vec<Problem>> {
    let images = planned.images.iter().filter(|image| !image.is_tagged);
    let copies = images.map(|image| {
        // Everything is read back from where it was copied to. A target that hides what it has gets no tag.
        let copy = CopyImage {
            tag: Some(planned.tag.clone()),
            move_tag: planned.can_move,
            ..copy_of(image.target, image.target, *image.digest)
        };
        (image.target, copy)
    });
    run(client, copies.unzip(), CopyOptions::default()).await
}

fn copy_of(from: &ComponentImage, to: &ComponentImage, digest: Digest) -> CopyImage {
    CopyImage {
        from: ImageSource::Repository(from.repository.clone()),
        digest,
        to: to.repository.clone(),
        tag: None,
        move_tag: false,
        platforms: Vec::new(),
    }
}

async fn run(
    client: &Client,
    (targets, copies): (Vec<&ComponentImage>, Vec<CopyImage>),
    options: CopyOptions,
) -> Result<(), Vec<Problem>> {
    let plan = client.plan_copy(copies, options).await;
    let results = plan.run(client, &|_| {}).await;
    let failed = targets.into_iter().zip(results);
    let problems: Vec<Problem> = failed
        .filter_map(|(target, result)| Some(target.problem(result.err()?)))
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}
