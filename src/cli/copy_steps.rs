//! The steps of commands that copy images: the report of the plan, the copy with its progress, the report of the result.

use std::path::Path;
use std::sync::Arc;

use oci_registry::Client;
use oci_registry::layout::Archive;

use super::copy_report::CopyReport;
use super::exit::Failure;
use super::live::{shown_unless_interrupted, unless_interrupted};
use super::output::Printer;
use super::transfer_progress::{TransferProgress, size};
use crate::ops::{PlannedCopy, Targets};

/// Opens an archive of images.
///
/// # Errors
/// It cannot be read, or is not an archive of images.
pub(super) async fn open(path: &Path) -> Result<Arc<Archive>, Failure> {
    let archive = Archive::open(path).await;
    let archive = archive.map_err(|error| Failure::Input(format!("--from {error}")))?;
    Ok(Arc::new(archive))
}

/// Waits for a plan.
///
/// # Errors
/// Ctrl-C interrupts it, or it fails.
pub(super) async fn planned<T>(
    plan: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match unless_interrupted(Box::pin(plan)).await {
        Some(planned) => planned,
        None => Err(Failure::Operation(
            "interrupted: nothing was copied".to_owned(),
        )),
    }
}

/// Copies the images, unless this is a dry run. What goes wrong with single images is in the report.
///
/// # Errors
/// Ctrl-C interrupts it, or the archive cannot be written.
pub(super) async fn copy(
    client: &Client,
    planned: PlannedCopy,
    is_dry: bool,
    printer: &mut Printer,
) -> Result<(Targets, CopyReport), Failure> {
    let mut report = CopyReport::new(&planned);
    for warning in report.warnings() {
        printer.warning(&warning);
    }
    if is_dry {
        return Ok((planned.targets, report));
    }
    let images = &planned.targets.selection.images;
    let names: Vec<String> = images
        .iter()
        .map(|image| image.reference.to_string())
        .collect();
    Printer::progress(&format!(
        "copying {} images: {} blobs, {}",
        names.len(),
        report.blobs,
        size(report.bytes)
    ));
    let progress = TransferProgress::new(names);
    let observe = |event| progress.observe(event);
    let run = Box::pin(planned.run(client, &observe));
    let done = shown_unless_interrupted(run, || progress.redraw()).await;
    progress.finish();
    let Some(done) = done else {
        return Err(Failure::Operation(
            "interrupted: what was copied so far is kept. Rerun the same command to resume"
                .to_owned(),
        ));
    };
    let (targets, copied) = done.map_err(|error| Failure::Operation(error.to_string()))?;
    report.set_results(&copied);
    Ok((targets, report))
}
